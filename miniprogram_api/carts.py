"""The shopper's cart."""

from typing import Annotated, Literal

import msgspec

from commerce.carts import actions, queries
from commerce.carts.errors import CartFull
from commerce.carts.rules import CartLine
from commerce.members.sessions import Shopper
from kit.errors import NotFound, Unauthenticated
from kit.money import Fen
from kit.web import Api, Call, Id, Struct
from miniprogram_api.session import authenticate

carts: Api[Shopper] = Api("cart", "/v1/cart", authenticate=authenticate)

Quantity = Annotated[int, msgspec.Meta(ge=1, le=999)]


class CartQuery(Struct, frozen=True):
    store_id: Id | None = None


class LinePath(Struct, frozen=True):
    sku_id: Id


class Wanted(Struct, frozen=True):
    quantity: Quantity


class CartLineView(Struct, frozen=True):
    """`sellable` of `quantity` could be bought now. `available` is null while no store is chosen."""

    sku_id: Id
    product_id: Id
    title: str
    specs: dict[str, str]
    picture: str | None
    unit_price_fen: Fen
    quantity: int
    available: int | None
    sellable: int
    goods_fen: Fen
    problems: list[Literal["delisted", "out_of_stock", "quantity_reduced"]]


class CartView(Struct, frozen=True):
    """Totals count what is sellable, before discounts and freight: those are the quote's."""

    lines: list[CartLineView]
    total_quantity: int
    goods_fen: Fen


class LineSet(Struct, frozen=True):
    sku_id: Id
    quantity: Quantity


@carts.get("", refuses=(Unauthenticated, NotFound))
async def show_cart(call: Call[Shopper], query: CartQuery) -> CartView:
    """My cart, at the prices and stock of a store; at list prices while none is chosen."""
    store_id = int(query.store_id) if query.store_id else None
    cart = await queries.get_cart(call.viewer.member_id, store_id)
    return CartView([_line(line) for line in cart.lines], cart.quantity, cart.goods_fen)


@carts.put("/lines/{sku_id}", refuses=(Unauthenticated, NotFound, CartFull))
async def set_line(call: Call[Shopper], path: LinePath, body: Wanted) -> LineSet:
    """Want exactly this many. Repeating it changes nothing; stock is not held by it."""
    await actions.set_line(call.viewer.member_id, int(path.sku_id), body.quantity, call.now)
    return LineSet(path.sku_id, body.quantity)


@carts.delete("/lines/{sku_id}", status=204, refuses=(Unauthenticated, NotFound))
async def remove_line(call: Call[Shopper], path: LinePath) -> None:
    """Want none of it, whether it was in the cart or not."""
    await actions.remove_lines(call.viewer.member_id, [int(path.sku_id)])


@carts.delete("", status=204, refuses=(Unauthenticated,))
async def clear_cart(call: Call[Shopper]) -> None:
    """Empty my cart."""
    await actions.clear_cart(call.viewer.member_id)


def _line(line: CartLine) -> CartLineView:
    return CartLineView(
        sku_id=str(line.sku_id),
        product_id=str(line.product_id),
        title=line.title,
        specs=line.specs,
        picture=line.picture,
        unit_price_fen=line.unit_price_fen,
        quantity=line.quantity,
        available=line.available,
        sellable=line.sellable,
        goods_fen=line.goods_fen,
        problems=[problem.value for problem in line.problems],
    )
