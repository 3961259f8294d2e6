"""Stores as shoppers see them: the nearest, one, all of a city, and the cities."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec

from commerce.carts.queries import cart_lines
from commerce.members.sessions import Shopper
from commerce.stores import queries, rules
from commerce.stores.nearest import Offer, Wish, find_nearest
from commerce.stores.store import Store
from kit.clock import shanghai
from kit.errors import InvalidInput, NotFound, TemporarilyUnavailable, Unauthenticated
from kit.geo import Point, wgs84_to_gcj02
from kit.money import Fen
from kit.web import Api, Call, Id, Page, PageQuery, Struct, next_cursor, read_cursor
from kit.web.problems import language_of
from miniprogram_api.session import authenticate_if_present
from models.enums import DeliveryMethod

stores: Api[Shopper | None] = Api("stores", "/v1", authenticate=authenticate_if_present)

MOST_IN_BASKET: Final = 100  # as many kinds as a cart holds

City = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
_ITEM = "[1-9][0-9]{0,17}:[1-9][0-9]{0,2}"
Basket = Annotated[
    str,
    msgspec.Meta(pattern=f"^{_ITEM}(,{_ITEM})*$", max_length=2400, examples=["12:1,15:2"]),
]


class NearestQuery(Struct, frozen=True):
    """`lat` and `lng` as `wx.getLocation({type: 'gcj02'})` gives them, or say `coordinates=wgs84`.

    `basket` is sku_id:quantity, comma-separated; without it the cart of a logged-in shopper counts.
    """

    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    lng: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    method: DeliveryMethod = DeliveryMethod.PICKUP
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 5
    city: City | None = None
    coordinates: Literal["gcj02", "wgs84"] = "gcj02"
    basket: Basket | None = None


class StoreView(Struct, frozen=True):
    id: Id
    code: str
    name: str
    city: str
    district: str
    address: str
    lat: float
    lng: float
    offers_pickup: bool
    offers_delivery: bool
    delivery_fee_fen: Fen
    minimum_order_fen: Fen


class OpeningView(Struct, frozen=True):
    """`closes_at` while open, `opens_at` while closed; null when that is over two weeks off."""

    is_open: bool
    closes_at: datetime | None
    opens_at: datetime | None


class ReasonView(Struct, frozen=True):
    """`code` is stable; `text` is for the shopper, in his language."""

    code: str
    text: str


class MissingView(Struct, frozen=True):
    sku_id: Id
    wanted: int
    available: int


class BasketView(Struct, frozen=True):
    in_stock: bool
    missing: list[MissingView]


class NearbyStore(Struct, frozen=True):
    """`basket` is null when there is none to look for."""

    store: StoreView
    distance_m: int
    opening: OpeningView
    in_fence: bool
    reasons: list[ReasonView]
    basket: BasketView | None


class CityView(Struct, frozen=True):
    name: str
    stores: int


class NearestView(Struct, frozen=True):
    """`cities` is given only when none of the stores is near."""

    stores: list[NearbyStore]
    cities: list[CityView] | None


class ListedStore(Struct, frozen=True):
    store: StoreView
    opening: OpeningView
    reasons: list[ReasonView]


class SpanView(Struct, frozen=True):
    opens_at: datetime
    closes_at: datetime


class DayView(Struct, frozen=True):
    """A date in Shanghai and the spans that begin on it; none when the store stays closed."""

    on: date
    spans: list[SpanView]


class StoreDetails(Struct, frozen=True):
    """`fence` is the delivery area's corners as [lng, lat] in GCJ-02, null without one."""

    store: StoreView
    phone: str
    preparation_minutes: int
    is_paused: bool
    opening: OpeningView
    reasons: list[ReasonView]
    hours: list[DayView]
    fence: list[tuple[float, float]] | None


class StorePath(Struct, frozen=True):
    id: Id


class ListQuery(PageQuery, frozen=True):
    city: City | None = None


@stores.get("/stores/nearest", refuses=(InvalidInput, Unauthenticated, TemporarilyUnavailable))
async def nearest_stores(call: Call[Shopper | None], query: NearestQuery) -> NearestView:
    """Stores for a position, best first.

    Those that can serve now come first, then those with the whole basket, then the nearest; each
    says why. Within 30 km, or in the city asked for; where there is none, the nearest anywhere.
    """
    basket = _basket(query.basket) if query.basket else await _cart(call.viewer)
    wish = Wish(_point(query), query.method, query.limit, city=query.city, basket=basket)
    found = await find_nearest(wish, call.now)
    language = language_of(call.request)
    return NearestView(
        [_nearby(offer, language) for offer in found.offers],
        _cities(found.cities) if found.cities is not None else None,
    )


@stores.get("/stores/{id}", refuses=(NotFound, Unauthenticated, TemporarilyUnavailable))
async def show_store(call: Call[Shopper | None], path: StorePath) -> StoreDetails:
    """One store with its telephone, delivery area and hours of the next seven days."""
    state = await queries.describe_store(int(path.id), call.now)
    store = state.store
    return StoreDetails(
        store=_store(store),
        phone=store.phone,
        preparation_minutes=store.preparation_minutes,
        is_paused=store.is_paused,
        opening=_opening(state.opening),
        reasons=_reasons(state.reasons, language_of(call.request)),
        hours=_week(store.hours, shanghai(call.now).date()),
        fence=[(corner.lng, corner.lat) for corner in store.fence.corners] if store.fence else None,
    )


@stores.get("/stores", refuses=(InvalidInput, Unauthenticated, TemporarilyUnavailable))
async def list_stores(call: Call[Shopper | None], query: ListQuery) -> Page[ListedStore]:
    """The stores that take orders, of one city or all."""
    position = read_cursor(query.cursor, tuple[int])
    after = position[0] if position else 0
    states = await queries.list_stores(query.city, after=after, limit=query.limit + 1, now=call.now)
    language = language_of(call.request)
    shown = states[: query.limit]
    items = [ListedStore(_store(s), _opening(o), _reasons(r, language)) for s, o, r in shown]
    is_last = len(states) <= query.limit
    return Page(items, None if is_last else next_cursor(shown[-1].store.id))


@stores.get("/cities", refuses=(Unauthenticated, TemporarilyUnavailable))
async def list_cities(_: Call[Shopper | None]) -> list[CityView]:
    """The cities that have stores, most stores first."""
    return _cities(await queries.list_cities())


def _point(query: NearestQuery) -> Point:
    lat, lng = query.lat, query.lng
    if query.coordinates == "wgs84":
        lat, lng = wgs84_to_gcj02(lat, lng)
    try:
        return Point(lat, lng)
    except ValueError:
        swapped = "outside China: is it lat=latitude, lng=longitude?"
        raise InvalidInput(fields={"lat": swapped, "lng": swapped}) from None


def _basket(text: str) -> Mapping[int, int]:
    pairs = [item.split(":") for item in text.split(",")]
    basket = {int(sku_id): int(quantity) for sku_id, quantity in pairs}
    if len(basket) < len(pairs):
        raise InvalidInput(fields={"basket": "names a SKU twice"})
    if len(basket) > MOST_IN_BASKET:
        raise InvalidInput(fields={"basket": f"has more than {MOST_IN_BASKET} kinds"})
    return basket


async def _cart(shopper: Shopper | None) -> Mapping[int, int]:
    lines = await cart_lines(shopper.member_id) if shopper else []
    return {line.sku_id: line.quantity for line in lines}


def _nearby(offer: Offer, language: str) -> NearbyStore:
    return NearbyStore(
        store=_store(offer.store),
        distance_m=round(offer.metres),
        opening=_opening(offer.opening),
        in_fence=offer.is_in_fence,
        reasons=_reasons(offer.reasons, language),
        basket=None if offer.missing is None else _missing(offer),
    )


def _missing(offer: Offer) -> BasketView:
    missing = [MissingView(str(m.sku_id), m.wanted, m.available) for m in offer.missing or ()]
    return BasketView(in_stock=not missing, missing=missing)


@lru_cache(maxsize=32_768)  # one object per store and change; a nearest page shows ten of them
def _store(store: Store) -> StoreView:
    return StoreView(
        id=str(store.id),
        code=store.code,
        name=store.name,
        city=store.city,
        district=store.district,
        address=store.address,
        lat=store.point.lat,
        lng=store.point.lng,
        offers_pickup=store.offers_pickup,
        offers_delivery=store.offers_delivery,
        delivery_fee_fen=store.delivery_fee_fen,
        minimum_order_fen=store.minimum_order_fen,
    )


@lru_cache(maxsize=1024)
def _opening(state: rules.Opening) -> OpeningView:
    if state.is_open:
        return OpeningView(is_open=True, closes_at=state.changes_at, opens_at=None)
    return OpeningView(is_open=False, closes_at=None, opens_at=state.changes_at)


@lru_cache(maxsize=1024)
def _reasons(reasons: tuple[rules.Reason, ...], language: str) -> list[ReasonView]:
    return [ReasonView(r.code, r.en if language == "en" else r.zh) for r in reasons]


def _week(hours: rules.Hours, today: date) -> list[DayView]:
    days = [today + timedelta(days=ahead) for ahead in range(7)]
    return [DayView(day, [SpanView(*t) for t in rules.opening_times(hours, day)]) for day in days]


def _cities(cities: Mapping[str, int]) -> list[CityView]:
    return [CityView(name, number) for name, number in cities.items()]
