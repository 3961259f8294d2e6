"""Carts: what a member means to buy, kept on the server."""
