"""Delivery providers, one file each. Nobody delivers for us yet: stores and riders do."""
