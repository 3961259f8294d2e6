"""What may be sold, from which store, in what size. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from commerce.checkout.errors import (
    BelowMinimum,
    EmptyBasket,
    GoodsUnavailable,
    MethodNotOffered,
    OrderTooLarge,
    OutsideDeliveryArea,
    PhoneInRemark,
    StoreClosed,
)
from commerce.pricing.rules import PricedItem, QuotedPrice
from commerce.stock.errors import OutOfStock
from commerce.stores.store import Store, can_deliver, is_open
from kit.geo import Point
from kit.money import Fen
from kit.phones import holds_phone
from models.enums import DeliveryMethod

# A household's shopping; what holds more pieces for nothing for a quarter of an hour is no shopper.
MOST_PIECES = 300

# 100,000 yuan: far above any basket of a shop, far below what WeChat or a bigint minds.
LARGEST_ORDER_FEN = 10_000_000


@dataclass(frozen=True, slots=True)
class FoundGoods:
    """A wanted SKU as the store has it now; `is_listed` is False for one that does not exist."""

    sku_id: int
    quantity: int
    title: str
    specs: dict[str, str]
    list_price_fen: Fen
    store_price_fen: Fen | None
    is_listed: bool
    available: int


def check_goods(goods: Sequence[FoundGoods]) -> None:
    """Raise unless there is something and every piece of it can be sold now."""
    if not goods:
        raise EmptyBasket
    gone = [str(found.sku_id) for found in goods if not found.is_listed]
    if gone:
        raise GoodsUnavailable(sku_ids=gone)
    missing = [
        {"sku_id": str(found.sku_id), "wanted": found.quantity, "available": found.available}
        for found in goods
        if found.available < found.quantity
    ]
    if missing:
        raise OutOfStock(missing=missing)


def check_store(store: Store, method: DeliveryMethod, point: Point | None, now: datetime) -> None:
    """Raise unless the store sells this way, now, to this place. `point` is where a delivery goes."""
    if not store.offers(method):
        raise MethodNotOffered
    if not is_open(store, now):
        raise StoreClosed
    if point is not None and not can_deliver(store, point):
        raise OutsideDeliveryArea


def check_total(store: Store, method: DeliveryMethod, priced: QuotedPrice) -> None:
    """Raise when the basket is too small to be brought, or larger than the shop takes."""
    if method is DeliveryMethod.DELIVERY and priced.goods_fen < store.minimum_order_fen:
        raise BelowMinimum(minimum_order_fen=store.minimum_order_fen)
    pieces = sum(line.quantity for line in priced.lines)
    if priced.payable_fen > LARGEST_ORDER_FEN or pieces > MOST_PIECES:
        raise OrderTooLarge(largest_order_fen=LARGEST_ORDER_FEN, most_pieces=MOST_PIECES)


def check_remark(remark: str) -> None:
    """Raise for a phone number: remarks are read by the whole store and are not sealed (V1)."""
    if holds_phone(remark):
        raise PhoneInRemark


def priced_item(found: FoundGoods) -> PricedItem:
    """What the price engine needs of the goods."""
    return PricedItem(
        sku_id=found.sku_id,
        title=found.title,
        specs=found.specs,
        quantity=found.quantity,
        list_price_fen=found.list_price_fen,
        store_price_fen=found.store_price_fen,
    )
