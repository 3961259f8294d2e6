"""Where things are. Inside the house every position is GCJ-02; edges convert.

Formulas, rule box and vectors: facts/maps.md, sections 1.3 to 1.5 and 2.5.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import asin, atan2, cos, hypot, pi, radians, sin, sqrt
from typing import Final, NamedTuple

# The box in which China's official offset applies. It also holds Korea and Mongolia,
# where maps are not offset: a point there is accepted and simply far from every shop.
SOUTH, NORTH, WEST, EAST = 0.8293, 55.8271, 72.004, 137.8347

MOST_CORNERS: Final = 200  # crossings are looked for pair by pair: 200 take 60 ms

_AXIS: Final = 6378245.0  # Krasovsky 1940
_FLATNESS: Final = 0.00669342162296594323
_BAIDU: Final = pi * 3000 / 180
_MEAN_DIAMETER_M: Final = 2 * 6371008.8
_ON_THE_LINE: Final = 1e-9  # degrees, a tenth of a millimetre: far below the six stored decimals


@dataclass(frozen=True, slots=True)
class Point:
    """A GCJ-02 position in degrees. Raises ValueError outside China's box (or for NaN)."""

    lat: float
    lng: float

    def __post_init__(self) -> None:
        if not _in_box(self.lat, self.lng):
            raise ValueError("position outside China")


class LatLng(NamedTuple):
    """Degrees in whatever system the producing function names, anywhere on earth."""

    lat: float
    lng: float


def wgs84_to_gcj02(lat: float, lng: float) -> LatLng:
    """A GPS position on Chinese maps; outside China's box it stays as it is."""
    if not _in_box(lat, lng):
        return LatLng(lat, lng)
    north, east = _offset(lat, lng)
    return LatLng(lat + north, lng + east)


def gcj02_to_wgs84(lat: float, lng: float) -> LatLng:
    """The GPS position of a point on a Chinese map, to less than a millimetre."""
    if not _in_box(lat, lng):
        return LatLng(lat, lng)
    guess = LatLng(lat, lng)
    for _ in range(10):  # there is no closed form; 3 to 5 rounds suffice anywhere in the box
        north, east = _offset(*guess)
        better = LatLng(lat - north, lng - east)
        if max(abs(better.lat - guess.lat), abs(better.lng - guess.lng)) < 1e-10:
            return better
        guess = better
    return guess


def gcj02_to_bd09(lat: float, lng: float) -> LatLng:
    """The same point for Baidu; outside China's box it stays as it is."""
    if not _in_box(lat, lng):
        return LatLng(lat, lng)
    radius = hypot(lng, lat) + 0.00002 * sin(lat * _BAIDU)
    angle = atan2(lat, lng) + 0.000003 * cos(lng * _BAIDU)
    return LatLng(radius * sin(angle) + 0.006, radius * cos(angle) + 0.0065)


def bd09_to_gcj02(lat: float, lng: float) -> LatLng:
    """A Baidu point in GCJ-02, to a quarter of a metre; outside China's box it stays as it is."""
    if not _in_box(lat, lng):
        return LatLng(lat, lng)
    y, x = lat - 0.006, lng - 0.0065
    radius = hypot(x, y) - 0.00002 * sin(y * _BAIDU)
    angle = atan2(y, x) - 0.000003 * cos(x * _BAIDU)
    return LatLng(radius * sin(angle), radius * cos(angle))


def haversine_m(lat: float, lng: float, other_lat: float, other_lng: float) -> float:
    """Metres on a sphere, for ranking: off by up to 0.5 %. Bare floats, because it is hot."""
    rise = sin(radians(other_lat - lat) / 2)
    run = sin(radians(other_lng - lng) / 2)
    chord = rise * rise + cos(radians(lat)) * cos(radians(other_lat)) * run * run
    return _MEAN_DIAMETER_M * asin(min(1.0, sqrt(chord)))


def shown_distance_m(one: Point, other: Point) -> int:
    """Whole metres on the ellipsoid, for people's eyes and fees. A hundred times haversine's cost."""
    # It brings geopy's geocoders and their HTTP clients along: half a second that only deliveries need.
    from geopy.distance import geodesic  # noqa: PLC0415

    metres: float = geodesic((one.lat, one.lng), (other.lat, other.lng)).m
    return round(metres)


def covers(polygon: Sequence[Point], point: Point) -> bool:
    """Whether `point` is inside `polygon` or on its boundary. The last corner joins the first.

    The polygon must have passed `check_polygon`.
    """
    lat, lng = point.lat, point.lng
    inside = False
    a = polygon[-1]
    for b in polygon:
        rise, run = b.lat - a.lat, b.lng - a.lng
        side = run * (lat - a.lat) - rise * (lng - a.lng)  # > 0: left of the edge from a to b
        if abs(side) <= _ON_THE_LINE * (abs(rise) + abs(run)) and _between(a, b, lat, lng):
            return True
        if (a.lat > lat) != (b.lat > lat) and (side > 0) == (rise > 0):
            inside = not inside
        a = b
    return inside


def check_polygon(polygon: Sequence[Point]) -> None:
    """Raise ValueError unless `polygon` is a simple area: 3 to `MOST_CORNERS` corners, no crossing.

    The first corner may be repeated at the end or not. Bow ties, spikes, touching or repeated
    corners and flat polygons are refused, not repaired: the shop drew something it did not mean.
    """
    ring = [_Nano(round(corner.lat * 1e9), round(corner.lng * 1e9)) for corner in polygon]
    if len(ring) > 1 and ring[0] == ring[-1]:
        ring.pop()
    if not 3 <= len(ring) <= MOST_CORNERS:
        raise ValueError(f"a fence has 3 to {MOST_CORNERS} corners")
    if len(set(ring)) < len(ring):
        raise ValueError("a fence has each corner once")
    if sum(a.lng * b.lat - b.lng * a.lat for a, b in _edges(ring)) == 0:
        raise ValueError("a fence encloses an area")
    for (a, b), (c, d) in combinations(_edges(ring), 2):
        if _collide(a, b, c, d):
            raise ValueError("a fence does not cross or touch itself")


class _Nano(NamedTuple):
    """Whole billionths of a degree, so that the question of crossing has an exact answer."""

    lat: int
    lng: int


def _in_box(lat: float, lng: float) -> bool:
    return SOUTH <= lat <= NORTH and WEST <= lng <= EAST  # false for NaN and infinity


def _offset(lat: float, lng: float) -> LatLng:
    x, y = lng - 105.0, lat - 35.0
    common = 20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)
    north = common + 20 * sin(pi * y) + 40 * sin(pi * y / 3)
    north += 160 * sin(pi * y / 12) + 320 * sin(pi * y / 30)
    east = common + 20 * sin(pi * x) + 40 * sin(pi * x / 3)
    east += 150 * sin(pi * x / 12) + 300 * sin(pi * x / 30)
    north = north * 2 / 3 - 100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    east = east * 2 / 3 + 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    latitude = radians(lat)
    bulge = 1 - _FLATNESS * sin(latitude) ** 2
    return LatLng(
        north * 180 / (pi * _AXIS * (1 - _FLATNESS) / bulge**1.5),
        east * 180 / (pi * _AXIS / sqrt(bulge) * cos(latitude)),
    )


def _between(a: Point, b: Point, lat: float, lng: float) -> bool:
    return (
        min(a.lat, b.lat) - _ON_THE_LINE <= lat <= max(a.lat, b.lat) + _ON_THE_LINE
        and min(a.lng, b.lng) - _ON_THE_LINE <= lng <= max(a.lng, b.lng) + _ON_THE_LINE
    )


def _edges(ring: list[_Nano]) -> Iterator[tuple[_Nano, _Nano]]:
    return pairwise([*ring, ring[0]])


def _collide(a: _Nano, b: _Nano, c: _Nano, d: _Nano) -> bool:
    """Whether edges ab and cd share more than the corner at which neighbours meet."""
    if b == c:
        return _is_spike(a, b, d)
    if a == d:
        return _is_spike(c, a, b)
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = (a, b, c), (a, b, d), (c, d, a), (c, d, b)
    return any(turn == 0 and _holds(*end) for turn, end in zip(turns, ends, strict=True))


def _turn(a: _Nano, b: _Nano, c: _Nano) -> int:
    """-1, 0 or 1: c lies right of, on, or left of the line from a to b."""
    area = (b.lng - a.lng) * (c.lat - a.lat) - (b.lat - a.lat) * (c.lng - a.lng)
    return (area > 0) - (area < 0)


def _is_spike(a: _Nano, corner: _Nano, b: _Nano) -> bool:
    back = (a.lng - corner.lng) * (b.lng - corner.lng) + (a.lat - corner.lat) * (b.lat - corner.lat)
    return _turn(a, corner, b) == 0 and back > 0


def _holds(a: _Nano, b: _Nano, c: _Nano) -> bool:
    """Whether c, known to be on the line through a and b, lies between them."""
    return min(a.lat, b.lat) <= c.lat <= max(a.lat, b.lat) and (
        min(a.lng, b.lng) <= c.lng <= max(a.lng, b.lng)
    )
