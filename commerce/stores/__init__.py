"""Stores: where they are, when they are open, whom they serve, and which one is nearest."""
