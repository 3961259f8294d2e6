"""Stock moves by journal entries alone; PostgreSQL refuses what is not there (S1, S2, S4)."""

from collections.abc import Mapping
from datetime import datetime

from kit import db
from models.enums import StockKind

# The trigger on stock_entry moves the balance row by row in this order: one order of locks for
# everybody, so no deadlock.
_MOVE = """
insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)
select $1, sku_id, $2, $3, quantity * $4, quantity * $5, $6
from unnest($7::bigint[], $8::int[]) as wanted (sku_id, quantity)
order by sku_id
"""

# (on_hand, reserved) per unit.
_EFFECT = {StockKind.RELEASE: (0, -1), StockKind.HAND_OVER: (-1, -1)}


async def release_stock(
    store_id: int, quantities: Mapping[int, int], cause: str, now: datetime
) -> None:
    """Give held goods back to sale. Call inside the transaction of the order's step.

    A second release for the same cause raises asyncpg.UniqueViolationError.
    """
    await _move(StockKind.RELEASE, store_id, quantities, cause, now)


async def hand_over_stock(
    store_id: int, quantities: Mapping[int, int], cause: str, now: datetime
) -> None:
    """Held goods leave the house. Call inside the transaction of the fulfilment's step."""
    await _move(StockKind.HAND_OVER, store_id, quantities, cause, now)


async def _move(
    kind: StockKind, store_id: int, quantities: Mapping[int, int], cause: str, now: datetime
) -> None:
    d_on_hand, d_reserved = _EFFECT[kind]
    await db.execute(
        _MOVE,
        store_id,
        kind.value,
        cause,
        d_on_hand,
        d_reserved,
        now,
        list(quantities),
        list(quantities.values()),
    )
