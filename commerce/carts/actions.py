"""What changes a cart. Each is one statement: taps of the same thumb may race and do no harm."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from commerce.carts.errors import CartFull
from kit import db
from kit.errors import NotFound

_SET: Final = """
    insert into cart_line (member_id, sku_id, quantity, added_at)
    select $1, sku.id, $3, $4
    from sku join product on product.id = sku.product_id
    where sku.id = $2 and sku.is_active and product.status = 'listed'
    on conflict (member_id, sku_id) do update set quantity = excluded.quantity
"""


async def set_line(member_id: int, sku_id: int, quantity: int, now: datetime) -> None:
    """Want exactly `quantity` (1 to 999) of the SKU.

    `NotFound` when it is not on sale, `CartFull` when it would be the 101st line.
    """
    try:
        written = await db.execute(_SET, member_id, sku_id, quantity, now)
    except asyncpg.CheckViolationError as error:
        if db.broken_rule(error) == "cart_line_limit":
            raise CartFull from None
        raise
    if not written:
        raise NotFound


async def remove_lines(member_id: int, sku_ids: Sequence[int]) -> None:
    """Want none of these any more; what is not in the cart is passed over."""
    await db.execute(
        "delete from cart_line where member_id = $1 and sku_id = any($2::bigint[])",
        member_id,
        list(sku_ids),
    )


async def clear_cart(member_id: int) -> None:
    """Want nothing any more."""
    await db.execute("delete from cart_line where member_id = $1", member_id)
