"""An order of the town as the shop knows it: its ids, the shop's own price, and its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from commerce.members.sealed import seal_snapshot
from commerce.pricing.rules import PriceContext, PricedItem, QuotedPrice, price
from kit.sealing import Sealer
from models.enums import DeliveryMethod
from scripts.seed.numbers import Numbers
from scripts.seed.rows import address_content
from scripts.seed.timeline import Step, crews, tell
from scripts.town.town import Town, TownOrder, TownOrderLine


@dataclass(frozen=True, slots=True)
class Known:
    """What the database calls those who were there before the first order, by code, openid and
    account, and what it will call the orders and their payments.
    """

    store_ids: Mapping[str, int]
    sku_ids: Mapping[str, int]
    member_ids: Mapping[str, int]
    staff_ids: Mapping[str, int]
    order_ids: Sequence[int]
    payment_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Deal:
    """`order`, sold."""

    order: TownOrder
    id: int
    payment_id: int
    no: str
    member_id: int
    store_id: int
    method: DeliveryMethod
    address_sealed: str | None
    price: QuotedPrice
    steps: list[Step]


class Seller:
    """Makes deals of a town's orders."""

    def __init__(self, town: Town, known: Known, sealer: Sealer, dice: Random) -> None:
        self._known = known
        self._sealer = sealer
        self._dice = dice
        self._store_prices: Final = town.store_prices
        self._crews = crews(town, known.staff_ids)
        self._goods = {sku.code: (p, sku) for p in town.products for sku in p.skus}
        self._addresses = {a.number: a for member in town.members for a in member.addresses}

    def sell(self, order: TownOrder, place: int, numbers: Numbers) -> Deal:
        """The deal of `order`, the `place`th of all (from 0).

        Raises ValueError when the shop asks another price than the town remembers.
        """
        member_id = self._known.member_ids[order.openid]
        return Deal(
            order=order,
            id=self._known.order_ids[place],
            payment_id=self._known.payment_ids[place],
            no=numbers.order_no(order.placed_at),
            member_id=member_id,
            store_id=self._known.store_ids[order.store_code],
            method=DeliveryMethod(order.method),
            address_sealed=self._seal(order, member_id),
            price=self._price(order),
            steps=tell(order, member_id, self._crews[order.store_code], self._dice),
        )

    def _seal(self, order: TownOrder, member_id: int) -> str | None:
        if order.address_number is None:
            return None
        content = address_content(self._addresses[order.address_number])
        return seal_snapshot(content, member_id, self._sealer)

    def _price(self, order: TownOrder) -> QuotedPrice:
        items = [self._item(order.store_code, line) for line in order.lines]
        context = PriceContext(DeliveryMethod(order.method), order.freight_fen)
        quoted = price(items, context)
        if (quoted.goods_fen, quoted.freight_fen) != (order.goods_fen, order.freight_fen):
            raise ValueError(f"order {order.number} of the town has a price the shop never asked")
        return quoted

    def _item(self, store_code: str, line: TownOrderLine) -> PricedItem:
        product, sku = self._goods[line.sku_code]
        return PricedItem(
            sku_id=self._known.sku_ids[line.sku_code],
            title=product.title,
            specs=dict(sku.specs),
            quantity=line.quantity,
            list_price_fen=sku.list_price_fen,
            store_price_fen=self._store_prices.get((store_code, line.sku_code)),
        )
