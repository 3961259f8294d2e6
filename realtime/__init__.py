"""Sockets: live stock, order steps, the board. Not there yet."""
