"""When a store is open, whom it reaches, and which store comes first. Pure: no I/O, no clock.

Hours and their order of rules: facts/maps.md section 2.6; choosing a store: 2.7.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from math import cos, hypot, radians
from typing import Final, NamedTuple

from kit.clock import SHANGHAI, shanghai
from kit.geo import Point, check_polygon, covers, haversine_m
from models.enums import DeliveryMethod

DAY: Final = 1440
DAYS_AHEAD: Final = 14  # how far the next opening is looked for; beyond it a store is just closed

# Farther than this nobody fetches a meal or sends a rider: such stores are offered only when
# there is nothing else, and say so.
NEAR_M: Final = 30_000

# A degree of latitude is 110.6 to 111.7 km; fences are judged with 2 % to spare on either side.
_DEGREE_M: Final = 111_195

Span = tuple[int, int]
Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """Seven weekdays (Monday first) of [start, end) minutes, and the dates that differ.

    An end over 1440 runs into the next day; a date without spans is closed all day.
    """

    weekly: tuple[Spans, ...]
    days: Mapping[date, Spans]

    def on(self, day: date) -> Spans:
        """The spans that begin on `day`; a dated override replaces the week's."""
        spans = self.days.get(day)
        return self.weekly[day.weekday()] if spans is None else spans


class Opening(NamedTuple):
    """Open or closed, and when that ends (UTC); None if not within `DAYS_AHEAD` days."""

    is_open: bool
    changes_at: datetime | None


def check_weekly(weekly: Sequence[Sequence[Sequence[int]]]) -> tuple[Spans, ...]:
    """`weekly` as the program keeps it; ValueError unless it is seven days of sound spans."""
    if len(weekly) != 7:
        raise ValueError("a week has seven days")
    return tuple(check_spans(spans) for spans in weekly)


def check_spans(spans: Sequence[Sequence[int]]) -> Spans:
    """One day's spans; ValueError unless each starts that day, lasts at most 24 h, and in order.

    Spans of one day may touch but not overlap; the last may run into the next day.
    """
    checked = tuple((int(start), int(end)) for start, end in spans)
    for start, end in checked:
        if not 0 <= start < DAY or not start < end <= start + DAY:
            raise ValueError("a span starts within its day and lasts at most 24 hours")
    if any(end > start for (_, end), (start, _) in pairwise(checked)):
        raise ValueError("a day's spans follow each other")
    return checked


def opening(hours: Hours, now: datetime) -> Opening:
    """The state at `now` and the instant at which it changes.

    Yesterday's spans count where they run past midnight. Half-open: at its closing minute a
    store is closed, unless another span begins there.
    """
    local = shanghai(now)
    yesterday = local.date() - timedelta(days=1)
    midnight = datetime.combine(yesterday, time(), SHANGHAI)
    moment = (local - midnight).total_seconds() / 60
    horizon = (DAYS_AHEAD + 2) * DAY
    for start, end in _merged(hours, yesterday):
        if moment < end:
            is_open = start <= moment
            change = end if is_open else start
            return Opening(is_open, _after(midnight, change) if change < horizon else None)
    return Opening(is_open=False, changes_at=None)


def _after(midnight: datetime, minutes: int) -> datetime:
    """In UTC: comparing instants of one zone object takes a tenth of the time."""
    return (midnight + timedelta(minutes=minutes)).astimezone(UTC)


def _merged(hours: Hours, first: date) -> Iterator[Span]:
    """Spans from `first` on as minutes since its midnight, touching and overlapping ones as one."""
    start, end = 0, 0
    for number in range(DAYS_AHEAD + 2):
        for begins, ends in hours.on(first + timedelta(days=number)):
            if begins + number * DAY > end:
                yield start, end
                start = begins + number * DAY
            end = max(end, ends + number * DAY)
    yield start, end


def opening_times(hours: Hours, day: date) -> list[tuple[datetime, datetime]]:
    """The spans that begin on `day` as instants."""
    midnight = datetime.combine(day, time(), SHANGHAI)
    return [(_after(midnight, start), _after(midnight, end)) for start, end in hours.on(day)]


@dataclass(frozen=True)
class Fence:
    """Where the store at `store` delivers."""

    corners: tuple[Point, ...]
    store: Point

    @cached_property
    def circles(self) -> tuple[float, float]:
        """Nearer to the store than the first (metres) every point is inside, farther than the
        second none is: most questions need no look at the corners.
        """
        store, corners = self.store, self.corners
        outer = max(haversine_m(store.lat, store.lng, c.lat, c.lng) for c in corners)
        edges = zip(corners, corners[1:] + corners[:1], strict=True)
        inner = min(_to_edge_m(store, a, b) for a, b in edges) if covers(corners, store) else 0.0
        return inner * 0.98, outer * 1.02


def check_fence(corners: Sequence[Point], store: Point) -> None:
    """ValueError unless `corners` are a simple polygon within `NEAR_M` of `store`. Slow: on writes only."""
    check_polygon(corners)
    if max(haversine_m(store.lat, store.lng, c.lat, c.lng) for c in corners) > NEAR_M:
        raise ValueError("a fence stays within 30 km of its store")
    if corners[0] == corners[-1]:
        raise ValueError("a fence closes by itself: the last corner is not the first again")


def make_fence(corners: Sequence[Point], store: Point) -> Fence:
    """The fence of the store at `store`; the corners have passed `check_fence`."""
    return Fence(tuple(corners), store)


def _to_edge_m(point: Point, a: Point, b: Point) -> float:
    """Metres from `point` to the straight edge from `a` to `b`, on a plane touching at `point`."""
    east = _DEGREE_M * cos(radians(point.lat))
    ax, ay = (a.lng - point.lng) * east, (a.lat - point.lat) * _DEGREE_M
    bx, by = (b.lng - point.lng) * east, (b.lat - point.lat) * _DEGREE_M
    run, rise = bx - ax, by - ay
    length = run * run + rise * rise
    along = min(1.0, max(0.0, -(ax * run + ay * rise) / length))
    return hypot(ax + along * run, ay + along * rise)


def fence_covers(fence: Fence | None, point: Point, metres: float) -> bool:
    """Whether `point`, `metres` away from the store, is inside or on the fence. No fence: nowhere."""
    if fence is None:
        return False
    inner, outer = fence.circles
    return metres < inner or (metres <= outer and covers(fence.corners, point))


class Reason(NamedTuple):
    """Why a store stands where it stands: a stable code, and words for the shopper."""

    code: str
    zh: str
    en: str


OPEN_NOW: Final = Reason("open_now", "营业中", "Open now")
CLOSED: Final = Reason("closed", "暂停营业", "Closed until further notice")
PAUSED: Final = Reason("paused", "门店暂停接单", "The store is not taking orders at the moment")
INSIDE: Final = Reason("in_delivery_area", "可配送到您的位置", "Delivers to you")
OUTSIDE: Final = Reason("outside_delivery_area", "超出配送范围", "Does not deliver to you")
IN_STOCK: Final = Reason("basket_in_stock", "购物车商品均有货", "Has everything in your basket")
FAR_AWAY: Final = Reason("far_away", "距离较远", "Far away from you")

_DAYS: Final = (("今天", "today"), ("明天", "tomorrow"))
_WEEKDAYS: Final = (
    ("周一", "Monday"),
    ("周二", "Tuesday"),
    ("周三", "Wednesday"),
    ("周四", "Thursday"),
    ("周五", "Friday"),
    ("周六", "Saturday"),
    ("周日", "Sunday"),
)


def not_offered(method: DeliveryMethod) -> Reason:
    if method is DeliveryMethod.PICKUP:
        return Reason("method_not_offered", "该门店不支持自提", "No pick-up at this store")
    return Reason("method_not_offered", "该门店不支持配送", "No delivery from this store")


def missing_goods(kinds: int) -> Reason:
    return Reason("basket_incomplete", f"{kinds} 种商品缺货", f"{kinds} of your goods short")


def opening_reason(state: Opening, now: datetime) -> Reason:
    """Open, closed until a time people understand today, or closed for good."""
    if state.is_open:
        return OPEN_NOW
    if state.changes_at is None:
        return CLOSED
    opens = shanghai(state.changes_at)
    zh, en = _day_words(opens.date(), shanghai(now).date())
    hour = f"{opens:%H:%M}"
    return Reason("closed_until", f"休息中，{zh} {hour} 开门", f"Closed, opens {en} {hour}")


def _day_words(day: date, today: date) -> tuple[str, str]:
    ahead = (day - today).days
    if ahead < len(_DAYS):
        return _DAYS[ahead]
    if ahead < 7:
        return _WEEKDAYS[day.weekday()]
    return f"{day.month}月{day.day}日", f"on {day:%Y-%m-%d}"


def rank(
    *, is_usable: bool, has_basket: bool, metres: float, store_id: int
) -> tuple[bool, bool, float, int]:
    """The key to sort by: who can serve now, then who has the whole basket, then distance, then id."""
    return (not is_usable, not has_basket, metres, store_id)
