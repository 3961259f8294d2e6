"""A month of orders: who bought what, where and when, and how far it came."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from kit.clock import shanghai
from kit.money import Fen
from scripts.town.hours import is_open
from scripts.town.shelves import Shelf
from scripts.town.steps import draw_steps
from scripts.town.town import (
    TownAddress,
    TownMember,
    TownMethod,
    TownOrder,
    TownOrderLine,
    TownOutcome,
    TownProduct,
    TownStore,
)

ORDERS: Final = 3000
DAYS: Final = 30
LAST_ORDER: Final = timedelta(minutes=30)  # before closing: the goods are still to be fetched
ENDED: Final = (TownOutcome.COMPLETED, TownOutcome.EXPIRED, TownOutcome.REFUNDED)

# Monday first: people shop for the weekend from Friday on.
DAY_WEIGHTS: Final = (1.0, 0.97, 1.0, 1.02, 1.15, 1.42, 1.34)

# From midnight: a breakfast peak, lunch, and the long evening.
HOUR_WEIGHTS: Final = (
    *(0.3, 0.15, 0.06, 0.03, 0.03, 0.1, 0.9, 2.8, 3.6, 2.3, 2.4, 5.2),
    *(6.2, 3.2, 2.0, 2.4, 2.9, 5.0, 6.6, 5.6, 4.1, 2.9, 1.6, 0.8),
)
# What sells when, by the names of the first level of categories; everything else weighs 1.
TASTES: Final = {
    range(5, 10): {"咖啡茶": 7.0, "乳品烘焙": 6.0, "饮料": 2.0, "小家电": 0.1},
    range(10, 14): {"粮油调味": 2.0, "饮料": 3.0, "蔬菜豆制品": 2.5, "小家电": 0.2},
    range(14, 17): {"咖啡茶": 6.0, "零食": 3.0, "水果": 2.0, "小家电": 0.3},
    range(17, 21): {"水果": 4.0, "蔬菜豆制品": 3.5, "肉禽水产": 3.0, "小家电": 0.3},
}
AT_NIGHT: Final = {"零食": 5.0, "饮料": 4.0, "小家电": 0.2, "肉禽水产": 0.2}


@dataclass(frozen=True, slots=True)
class Offer:
    sku_code: str
    price_fen: Fen


class Shops:
    """Where what can be bought: the stores, their prices, and the units not yet spoken for."""

    def __init__(
        self, stores: tuple[TownStore, ...], stock: dict[Shelf, int], prices: dict[Shelf, Fen]
    ) -> None:
        self.stores = {store.code: store for store in stores}
        self.trading = [store for store in stores if store.is_active and not store.is_paused]
        self._stock = stock
        self._prices = prices
        self._spoken_for: dict[Shelf, int] = {}

    def has(self, store: TownStore, sku_code: str, quantity: int) -> bool:
        shelf = store.code, sku_code
        return self._stock.get(shelf, 0) - self._spoken_for.get(shelf, 0) >= quantity

    def price(self, store: TownStore, offer: Offer) -> Fen:
        return self._prices.get((store.code, offer.sku_code), offer.price_fen)

    def speak_for(self, order: TownOrder) -> None:
        """Units of an order that is not handed over stay on hand but are not sold again."""
        for line in order.lines:
            shelf = order.store_code, line.sku_code
            self._spoken_for[shelf] = self._spoken_for.get(shelf, 0) + line.quantity


class Demand:
    """How likely each SKU is bought at each hour."""

    def __init__(
        self, dice: Random, products: tuple[TownProduct, ...], category_names: dict[str, str]
    ) -> None:
        self._offers: list[Offer] = []
        popularity: list[tuple[str, float]] = []
        for product in products:
            # A few goods sell all the time and most of them seldom.
            weight = min(6.0, dice.paretovariate(1.3))
            for sku in product.skus:
                self._offers.append(Offer(sku.code, sku.list_price_fen))
                share = weight / len(product.skus)
                popularity.append((category_names[product.category_code], share))
        self._by_hour = [
            list(accumulate(share * _taste(hour).get(name, 1.0) for name, share in popularity))
            for hour in range(24)
        ]

    def draw(self, dice: Random, hour: int) -> Offer:
        weights = self._by_hour[hour]
        return self._offers[bisect_left(weights, dice.random() * weights[-1])]


def build_orders(
    dice: Random, members: tuple[TownMember, ...], shops: Shops, demand: Demand, as_of: datetime
) -> tuple[TownOrder, ...]:
    """About 3,000 orders of the 30 days before `as_of`, in the order they were placed."""
    eagerness = list(accumulate(0.3 + dice.expovariate(1) for _ in members))
    orders: list[TownOrder] = []
    for number, placed_at in enumerate(sorted(_moments(dice, as_of)), 1):
        visit = None
        while visit is None:
            member = dice.choices(members, cum_weights=eagerness)[0]
            visit = _visit(dice, member, shops, placed_at)
        order = _order(dice, visit, shops, demand, number=number, as_of=as_of)
        orders.append(order)
        if order.outcome not in ENDED:
            shops.speak_for(order)
    return tuple(orders)


@dataclass(frozen=True, slots=True)
class Visit:
    """A member at a store that takes the order; `address` is None for a pick-up."""

    member: TownMember
    store: TownStore
    address: TownAddress | None
    placed_at: datetime


def _moments(dice: Random, as_of: datetime) -> Iterator[datetime]:
    days = [as_of - timedelta(days=back) for back in range(DAYS, 0, -1)]
    weights = [_day_weight(dice, shanghai(day).date()) for day in days]
    for day, weight in zip(days, weights, strict=True):
        for hour in dice.choices(range(24), HOUR_WEIGHTS, k=round(ORDERS * weight / sum(weights))):
            # Not in the last minutes: whatever was placed has been paid when the story ends.
            yield day + timedelta(hours=hour, seconds=dice.randrange(3300))


def _day_weight(dice: Random, day: date) -> float:
    return DAY_WEIGHTS[day.weekday()] * dice.uniform(0.95, 1.05)


def _taste(hour: int) -> dict[str, float]:
    return next((taste for hours, taste in TASTES.items() if hour in hours), AT_NIGHT)


def _visit(dice: Random, member: TownMember, shops: Shops, placed_at: datetime) -> Visit | None:
    """Mostly the store at home or at work, now and then another of the city; None if it is shut."""
    address = dice.choice(member.addresses)
    store = shops.stores[address.store_code]
    is_home = dice.random() < 0.85
    if not is_home:
        store = dice.choice([other for other in shops.trading if other.city == store.city])
    if not (is_open(store, placed_at) and is_open(store, placed_at + LAST_ORDER)):
        return None
    wants_delivery = is_home and store.supports_delivery and dice.random() < 0.55
    if not (wants_delivery or store.supports_pickup):
        return None
    return Visit(member, store, address if wants_delivery else None, placed_at)


def _order(
    dice: Random, visit: Visit, shops: Shops, demand: Demand, *, number: int, as_of: datetime
) -> TownOrder:
    store = visit.store
    method = TownMethod.PICKUP if visit.address is None else TownMethod.DELIVERY
    is_delivery = method is TownMethod.DELIVERY
    steps = draw_steps(dice, store, method, placed_at=visit.placed_at, as_of=as_of)
    return TownOrder(
        number=number,
        openid=visit.member.openid,
        store_code=store.code,
        method=method,
        address_number=visit.address.number if visit.address else None,
        lines=_basket(dice, visit, shops, demand),
        freight_fen=store.delivery_fee_fen if is_delivery else Fen(0),
        outcome=steps.outcome,
        placed_at=visit.placed_at,
        paid_at=steps.paid_at,
        preparing_at=steps.preparing_at,
        ready_at=steps.ready_at,
        delivering_at=steps.delivering_at,
        handed_over_at=steps.handed_over_at,
        closed_at=steps.closed_at,
    )


def _basket(dice: Random, visit: Visit, shops: Shops, demand: Demand) -> tuple[TownOrderLine, ...]:
    """Different SKUs the store has; for a delivery as many as its minimum asks for."""
    store, hour = visit.store, shanghai(visit.placed_at).hour
    wanted = dice.choices((1, 2, 3, 4, 5, 7), (30, 28, 20, 12, 7, 3))[0]
    minimum = store.minimum_order_fen if visit.address else 0
    lines: dict[str, TownOrderLine] = {}
    total = 0
    while len(lines) < wanted or total < minimum:
        offer = demand.draw(dice, hour)
        quantity = dice.choices((1, 2, 3), (80, 16, 4))[0]
        if offer.sku_code not in lines and shops.has(store, offer.sku_code, quantity):
            price = shops.price(store, offer)
            lines[offer.sku_code] = TownOrderLine(offer.sku_code, quantity, price)
            total += quantity * price
    return tuple(lines.values())
