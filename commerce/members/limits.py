"""How often one member may ask for what costs the shop most."""

from typing import Final

from kit.limits import Limit

# A quote is a row that stays a day and prices a hundred lines. A cart that asks for one at every
# change of a hurried thumb stays below one a second.
PER_MEMBER_QUOTES: Final = Limit("member_quotes", tries=60, window_seconds=60)

# An order holds goods. Repeats under one Idempotency-Key count too, so a phone on a bad network
# needs room for them.
PER_MEMBER_ORDERS: Final = Limit("member_orders", tries=20, window_seconds=60)
