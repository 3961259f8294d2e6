"""What the demo town consists of: plain frozen data, before it becomes rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from kit.geo import Point
from kit.money import Fen

Interval = tuple[int, int]  # minutes from midnight, half open; an end over 1440 is the next day's
Week = tuple[tuple[Interval, ...], ...]  # seven days, Monday first


class TownMethod(StrEnum):
    PICKUP = "pickup"
    DELIVERY = "delivery"


class TownRole(StrEnum):
    HEADQUARTERS = "headquarters"
    MERCHANDISER = "merchandiser"
    STORE_MANAGER = "store_manager"
    CLERK = "clerk"
    GUIDE = "guide"
    RIDER = "rider"


class TownOutcome(StrEnum):
    """How far an order came until `Town.as_of`; the steps it took have their times."""

    EXPIRED = "expired"
    REFUNDED = "refunded"
    PAID = "paid"
    PREPARING = "preparing"
    READY = "ready"
    DELIVERING = "delivering"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class TownDay:
    """A date that does not follow the week; without intervals the store stays closed."""

    on_date: date
    intervals: tuple[Interval, ...]
    note: str


@dataclass(frozen=True, slots=True)
class TownStore:
    """`fence` is a simple polygon around `point`, its first corner not repeated at the end."""

    code: str
    name: str
    city: str
    district: str
    address: str
    phone: str
    point: Point
    weekly_hours: Week
    days: tuple[TownDay, ...]
    fence: tuple[Point, ...]
    delivery_fee_fen: Fen
    minimum_order_fen: Fen
    preparation_minutes: int
    supports_pickup: bool
    supports_delivery: bool
    is_active: bool
    is_paused: bool


@dataclass(frozen=True, slots=True)
class TownCategory:
    """`parent_code` is None for the first of the two levels."""

    code: str
    name: str
    parent_code: str | None
    position: int


@dataclass(frozen=True, slots=True)
class TownSku:
    """`specs` picks one value of each axis of its product."""

    code: str
    specs: Mapping[str, str]
    barcode: str
    list_price_fen: Fen
    weight_grams: int


@dataclass(frozen=True, slots=True)
class TownProduct:
    """`shape` and `colour` (#rrggbb) say what `draw_picture` paints."""

    code: str
    title: str
    category_code: str
    brand: str
    unit: str
    description: str
    specs: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, str]
    skus: tuple[TownSku, ...]
    shape: str
    colour: str


@dataclass(frozen=True, slots=True)
class TownAddress:
    """Where goods are brought: a GCJ-02 point inside the fence of `store_code`."""

    number: int
    receiver: str
    phone: str
    province: str
    city: str
    district: str
    detail: str
    point: Point
    store_code: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class TownMember:
    openid: str
    nickname: str
    phone: str
    joined_at: datetime
    addresses: tuple[TownAddress, ...]


@dataclass(frozen=True, slots=True)
class TownStaff:
    """`store_codes` is empty for headquarters and merchandisers, who work for all stores."""

    account: str
    display_name: str
    role: TownRole
    store_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TownOrderLine:
    sku_code: str
    quantity: int
    unit_price_fen: Fen


@dataclass(frozen=True, slots=True)
class TownOrder:
    """`address_number` names one of the member's addresses; None for a pick-up.

    A step that was never reached has no time. `closed_at` is set for expired and refunded
    orders, `delivering_at` for deliveries only.
    """

    number: int
    openid: str
    store_code: str
    method: TownMethod
    address_number: int | None
    lines: tuple[TownOrderLine, ...]
    freight_fen: Fen
    outcome: TownOutcome
    placed_at: datetime
    paid_at: datetime | None
    preparing_at: datetime | None
    ready_at: datetime | None
    delivering_at: datetime | None
    handed_over_at: datetime | None
    closed_at: datetime | None

    @property
    def goods_fen(self) -> Fen:
        """What the lines cost without freight."""
        return Fen(sum(line.quantity * line.unit_price_fen for line in self.lines))


@dataclass(frozen=True, slots=True)
class Town:
    """`stock` (what is on hand at `as_of`, held units included) and `store_prices` (where they
    differ from the list price) are keyed by store code and SKU code; a store without a stock
    entry does not carry the SKU. `as_of` is the midnight in Shanghai at which the story ends.
    """

    as_of: datetime
    stores: tuple[TownStore, ...]
    categories: tuple[TownCategory, ...]
    products: tuple[TownProduct, ...]
    stock: Mapping[tuple[str, str], int]
    store_prices: Mapping[tuple[str, str], Fen]
    members: tuple[TownMember, ...]
    staff: tuple[TownStaff, ...]
    orders: tuple[TownOrder, ...]
