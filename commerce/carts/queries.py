"""What is in a cart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from commerce.carts.rules import Cart, CartLine, add_up, sellable
from commerce.catalog.rules.pictures import PICTURES
from kit import db
from kit.errors import NotFound

# One row at least, so that an unknown store is told from an empty cart in the same round trip.
_CART: Final = """
    select chosen.is_known, line.sku_id, line.quantity, sku.product_id, sku.specs, product.title,
        '{pictures}' || (product.pictures ->> 0) as picture, sku.is_active and product.status = 'listed' as is_listed,
        coalesce(price.price_fen, sku.list_price_fen) as unit_price_fen,
        level.on_hand - level.reserved as available
    from (select $2::bigint is null
        or exists (select from store where id = $2 and is_active) as is_known) chosen
    left join cart_line line on line.member_id = $1
    left join sku on sku.id = line.sku_id
    left join product on product.id = sku.product_id
    left join store_price price on price.store_id = $2 and price.sku_id = sku.id
    left join stock_level level on level.store_id = $2 and level.sku_id = sku.id
    order by line.id
""".replace("{pictures}", PICTURES)


@dataclass(frozen=True, slots=True)
class CartItem:
    sku_id: int
    quantity: int


async def cart_lines(member_id: int) -> list[CartItem]:
    """What the member wants, in the order in which it was added. Nothing is checked."""
    rows = await db.rows(
        "select sku_id, quantity from cart_line where member_id = $1 order by id", member_id
    )
    return [CartItem(*row) for row in rows]


async def get_cart(member_id: int, store_id: int | None) -> Cart:
    """The member's cart at the prices and stock of a store; without one, at list prices.

    `NotFound` for a store that is not in business.
    """
    rows = await db.rows(_CART, member_id, store_id)
    if not rows[0]["is_known"]:
        raise NotFound
    lines = [row for row in rows if row["sku_id"] is not None]
    return add_up([_line(row, has_store=store_id is not None) for row in lines])


def _line(row: Mapping[str, Any], *, has_store: bool) -> CartLine:
    # A store that does not carry the SKU has no row of stock for it.
    available = (row["available"] or 0) if has_store else None
    buyable, problems = sellable(row["quantity"], available, is_listed=row["is_listed"])
    return CartLine(
        sku_id=row["sku_id"],
        product_id=row["product_id"],
        title=row["title"],
        specs=orjson.loads(row["specs"]),
        picture=row["picture"],
        unit_price_fen=row["unit_price_fen"],
        quantity=row["quantity"],
        available=available,
        sellable=buyable,
        problems=problems,
    )
