"""Which points are nearest, in order, without looking at all of them.

Positions become points in space on the WGS-84 ellipsoid: the straight line between two of them is
the geodesic to within 1 m up to 100 km, needs no trigonometry per store (0.2 µs against geopy's
119 µs), and has no seams. A tree of balls gives them outward, nearest first, whatever the density.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from itertools import count, repeat
from math import asin, atan2, ceil, cos, dist, radians, sin, sqrt
from typing import Any, Final, Generic, NamedTuple, TypeVar

from kit.geo import Point

_EQUATOR_M: Final = 6378137.0  # WGS-84
_ECCENTRICITY: Final = 0.0066943799901413165
_DIAMETER_M: Final = 2 * 6371008.8

_FAN: Final = 8  # measured with 20,000 points: 4 to 16 cost the same, 32 a third more
_SLACK_M: Final = 1e-6  # a ball is a little too large rather than a little too small

Space = tuple[float, float, float]
T = TypeVar("T")


def in_space(point: Point) -> Space:
    """Metres from the earth's centre (geocentric coordinates, height 0)."""
    lat, lng = radians(point.lat), radians(point.lng)
    radius = _EQUATOR_M / sqrt(1 - _ECCENTRICITY * sin(lat) ** 2)
    out = radius * cos(lat)
    return out * cos(lng), out * sin(lng), radius * (1 - _ECCENTRICITY) * sin(lat)


def along_ground(straight: float) -> float:
    """Metres over the ground for a straight line of `straight` metres through it."""
    return _DIAMETER_M * asin(straight / _DIAMETER_M)


class Spot(NamedTuple, Generic[T]):
    """A thing at a place; `number` (> 0) is unique and decides between equal distances."""

    place: Space
    number: int
    thing: T


class Ball(NamedTuple, Generic[T]):
    """All `spots`, or all smaller balls, within `radius` of `place`.

    Its `number` is unique and below 0: of equal distances a ball is opened before a spot is given.
    """

    place: Space
    number: int
    radius: float
    spots: Sequence[Spot[T]]
    parts: Sequence["Ball[T]"]


Placed = TypeVar("Placed", Spot[Any], Ball[Any])


def grow(spots: Sequence[Spot[T]]) -> Ball[T]:
    """The tree of `spots`. 20,000 take 0.1 s."""
    if not spots:
        return Ball((0.0, 0.0, 0.0), -1, 0.0, (), ())
    numbers = count(-1, -1)
    balls = [_around(next(numbers), tile, ()) for tile in _tiles(spots)]
    while len(balls) > 1:
        balls = [_around(next(numbers), (), tile) for tile in _tiles(balls)]
    return balls[0]


def _tiles(items: Sequence[Placed]) -> Iterator[Sequence[Placed]]:
    """Neighbours, `_FAN` at a time: strips from south to north, each cut from west to east."""
    northward = sorted(items, key=lambda item: item.place[2])
    strip = _FAN * ceil(sqrt(len(items) / _FAN))
    for start in range(0, len(northward), strip):
        eastward = sorted(
            northward[start : start + strip], key=lambda item: atan2(item.place[1], item.place[0])
        )
        for first in range(0, len(eastward), _FAN):
            yield eastward[first : first + _FAN]


def _around(number: int, spots: Sequence[Spot[T]], parts: Sequence[Ball[T]]) -> Ball[T]:
    places = [item.place for item in spots or parts]
    x, y, z = ((min(axis) + max(axis)) / 2 for axis in zip(*places, strict=True))
    centre = (x, y, z)
    radii = [part.radius for part in parts] or repeat(0.0)
    reaches = (dist(centre, place) + radius for place, radius in zip(places, radii, strict=False))
    return Ball(centre, number, max(reaches) + _SLACK_M, spots, parts)


def outward(ball: Ball[T], place: Space) -> Iterator[tuple[float, T]]:
    """Everything in the tree with its straight distance from `place`, nearest first, then by number."""
    heap: list[tuple[float, int, Any]] = [(0.0, ball.number, ball)]
    while heap:
        metres, number, found = heappop(heap)
        if number > 0:
            yield metres, found
            continue
        # Unpacked, not named: this is where the time goes.
        _, _, _, spots, parts = found
        for where, number, thing in spots:
            heappush(heap, (dist(where, place), number, thing))
        for part in parts:
            where, number, radius, _, _ = part
            heappush(heap, (dist(where, place) - radius, number, part))
