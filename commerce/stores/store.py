"""A store as the program holds it, read from its row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson

from commerce.stores import rules
from kit.geo import Point, haversine_m
from kit.money import Fen
from models.enums import DeliveryMethod

COLUMNS: Final = """
    store.id, store.code, store.name, store.city, store.district, store.address, store.phone,
    store.lat, store.lng, store.is_active, store.is_paused, store.offers_pickup,
    store.offers_delivery, store.weekly_hours, store.fence, store.delivery_fee_fen,
    store.minimum_order_fen, store.preparation_minutes,
    (select jsonb_object_agg(on_date, intervals) from store_day
        where store_id = store.id) as days
"""


# Compared by identity: a changed store is a new object, and hashing twenty fields is not free.
@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """A store with its hours and fence, checked. Distances and fees are its own; stock is not here."""

    id: int
    code: str
    name: str
    city: str
    district: str
    address: str
    phone: str
    point: Point
    is_active: bool
    is_paused: bool
    offers_pickup: bool
    offers_delivery: bool
    hours: rules.Hours
    fence: rules.Fence | None
    delivery_fee_fen: Fen
    minimum_order_fen: Fen
    preparation_minutes: int

    @property
    def takes_orders(self) -> bool:
        """In business, and not paused by its staff."""
        return self.is_active and not self.is_paused

    def offers(self, method: DeliveryMethod) -> bool:
        return self.offers_pickup if method is DeliveryMethod.PICKUP else self.offers_delivery


def read_store(row: Mapping[str, Any]) -> Store:
    """A row of `COLUMNS`; ValueError if its hours, fence or position are unsound."""
    point = Point(row["lat"], row["lng"])
    days: dict[str, list[list[int]]] = orjson.loads(row["days"] or b"{}")
    ring = orjson.loads(row["fence"] or b"null")
    return Store(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        city=row["city"],
        district=row["district"],
        address=row["address"],
        phone=row["phone"],
        point=point,
        is_active=row["is_active"],
        is_paused=row["is_paused"],
        offers_pickup=row["offers_pickup"],
        offers_delivery=row["offers_delivery"],
        hours=rules.Hours(
            rules.check_weekly(orjson.loads(row["weekly_hours"])),
            {date.fromisoformat(day): rules.check_spans(spans) for day, spans in days.items()},
        ),
        fence=rules.make_fence([Point(lat, lng) for lng, lat in ring], point) if ring else None,
        delivery_fee_fen=row["delivery_fee_fen"],
        minimum_order_fen=row["minimum_order_fen"],
        preparation_minutes=row["preparation_minutes"],
    )


def is_open(store: Store, now: datetime) -> bool:
    """Whether the store takes orders at `now`: in business, not paused, within its hours."""
    return store.takes_orders and rules.opening(store.hours, now).is_open


def can_deliver(store: Store, point: Point) -> bool:
    """Whether the store delivers to `point` (GCJ-02) at all; hours are `is_open`'s question."""
    metres = haversine_m(store.point.lat, store.point.lng, point.lat, point.lng)
    return store.offers_delivery and rules.fence_covers(store.fence, point, metres)
