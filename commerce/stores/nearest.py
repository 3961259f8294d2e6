"""The stores that suit a shopper best, and why."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from math import inf
from types import MappingProxyType
from typing import Final, NamedTuple

from commerce.stores import rules
from commerce.stores.directory import Directory, Entry, Today, directory
from commerce.stores.store import Store
from commerce.stores.tree import along_ground
from kit import db
from kit.geo import Point
from models.enums import DeliveryMethod

# With a basket the choice is made among so many: the nearest that can serve now, then others. A
# whole basket in the 51st nearest store is not worth the way.
POOL: Final = 50

# At night a city may have no open store: the search for one ends here, after 0.5 ms.
MOST_SEEN: Final = 500

# What each store is short of. A SKU that left the range is available nowhere.
_SHORT: Final = """
    select near.store_id, wanted.sku_id, wanted.quantity, sellable.available
    from unnest($1::bigint[]) as near (store_id)
    cross join unnest($2::bigint[], $3::int[]) as wanted (sku_id, quantity)
    left join stock_level level on level.store_id = near.store_id and level.sku_id = wanted.sku_id
    left join (sku join product on product.id = sku.product_id and product.status = 'listed')
        on sku.id = wanted.sku_id and sku.is_active
    cross join lateral (
        select case when sku.id is null then 0 else coalesce(level.on_hand - level.reserved, 0) end
    ) as sellable (available)
    where sellable.available < wanted.quantity
    order by wanted.sku_id
"""


class Wish(NamedTuple):
    """Where the shopper is (GCJ-02), how the goods shall come, and what is in the basket."""

    point: Point
    method: DeliveryMethod
    limit: int
    city: str | None = None
    basket: Mapping[int, int] = MappingProxyType({})


class Missing(NamedTuple):
    sku_id: int
    wanted: int
    available: int


class Offer(NamedTuple):
    """A store for this shopper. `metres` is over the ellipsoid; `missing` is None without a basket."""

    store: Store
    metres: float
    opening: rules.Opening
    is_in_fence: bool
    reasons: tuple[rules.Reason, ...]
    missing: list[Missing] | None


class Nearest(NamedTuple):
    """Offers, best first. `cities` (with their number of stores) only when no offer is near."""

    offers: list[Offer]
    cities: Mapping[str, int] | None


class _Candidate(NamedTuple):
    store: Store
    straight: float
    today: Today
    is_in_fence: bool
    is_usable: bool


async def find_nearest(wish: Wish, now: datetime) -> Nearest:
    """The best `wish.limit` stores: able to serve now first, then with the whole basket, then near.

    Only stores within 30 km, or of the city that was asked for. If there are none, the nearest
    anywhere, each with the reason `far_away`, and the cities that have stores.
    """
    stores = await directory.current()
    want = max(POOL, wish.limit) if wish.basket else wish.limit
    candidates = _search(stores, wish, now, want)
    missing = await _missing_goods(candidates, wish.basket) if wish.basket else None
    if missing is not None:
        candidates.sort(key=lambda candidate: _rank(candidate, missing))
    offers = [_offer(candidate, wish, missing) for candidate in candidates[: wish.limit]]
    is_far = all(rules.FAR_AWAY in offer.reasons for offer in offers)
    return Nearest(offers, stores.cities() if is_far else None)


def _search(stores: Directory, wish: Wish, now: datetime, want: int) -> list[_Candidate]:
    """The nearest `want` in reach that can serve now; where there are fewer, others after them.

    When nothing is in reach, simply the nearest `want`.
    """
    usable: list[_Candidate] = []
    others: list[_Candidate] = []
    for straight, entry in _in_reach(stores, wish, want):
        candidate = _judge(entry, straight, wish, now)
        if candidate.is_usable:
            usable.append(candidate)
            if len(usable) == want:
                break
        else:
            others.append(candidate)
    return usable + others[: want - len(usable)]


def _in_reach(stores: Directory, wish: Wish, want: int) -> Iterator[tuple[float, Entry]]:
    """Stores that take orders within 30 km or of the city, nearest first; else `want` of any."""
    reach = inf if wish.city else rules.NEAR_M
    seen, most = 0, MOST_SEEN
    for straight, entry in stores.outward(wish.point, wish.city):
        if not entry.takes_orders:
            continue
        if straight > reach:
            if seen:
                return
            reach, most = inf, want
        yield straight, entry
        seen += 1
        if seen == most:
            return


def _judge(entry: Entry, straight: float, wish: Wish, now: datetime) -> _Candidate:
    store, today = entry.store, entry.today(now)
    is_in_fence = rules.fence_covers(store.fence, wish.point, straight)
    if wish.method is DeliveryMethod.PICKUP:
        is_usable = today.opening.is_open and store.offers_pickup
    else:
        is_usable = today.opening.is_open and store.offers_delivery and is_in_fence
    return _Candidate(store, straight, today, is_in_fence, is_usable)


async def _missing_goods(
    candidates: list[_Candidate], basket: Mapping[int, int]
) -> dict[int, list[Missing]]:
    """For each candidate what it lacks of the basket, asked in one query."""
    missing: dict[int, list[Missing]] = {candidate.store.id: [] for candidate in candidates}
    rows = await db.rows(_SHORT, list(missing), list(basket), list(basket.values()))
    for store_id, *short in rows:
        missing[store_id].append(Missing(*short))
    return missing


def _rank(candidate: _Candidate, missing: Mapping[int, list[Missing]]) -> tuple[object, ...]:
    store_id = candidate.store.id
    return rules.rank(
        is_usable=candidate.is_usable,
        has_basket=not missing[store_id],
        metres=candidate.straight,
        store_id=store_id,
    )


def _offer(candidate: _Candidate, wish: Wish, missing: Mapping[int, list[Missing]] | None) -> Offer:
    store, straight, today, is_in_fence, _ = candidate
    short = None if missing is None else missing[store.id]
    reasons: tuple[rules.Reason, ...] = today.reasons
    if not store.offers(wish.method):
        reasons += (rules.not_offered(wish.method),)
    elif wish.method is DeliveryMethod.DELIVERY:
        reasons += (rules.INSIDE if is_in_fence else rules.OUTSIDE,)
    if short is not None:
        reasons += (rules.missing_goods(len(short)) if short else rules.IN_STOCK,)
    if straight > rules.NEAR_M:
        reasons += (rules.FAR_AWAY,)
    return Offer(store, along_ground(straight), today.opening, is_in_fence, reasons, short)
