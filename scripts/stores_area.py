"""Where a store is and where it delivers, as people write it, in GCJ-02."""

import re
from collections.abc import Callable, Mapping
from math import asin, atan2, cos, degrees, pi, radians, sin
from typing import Final

from commerce.catalog.rules.cells import Wrong, plain, within
from commerce.catalog.rules.search import fold
from commerce.stores.rules import NEAR_M, check_fence
from kit.geo import MOST_CORNERS, LatLng, Point, bd09_to_gcj02, wgs84_to_gcj02

# [lng, lat]: the order in which fences are kept, and in which map services draw them.
Corner = list[float]
Convert = Callable[[float, float], LatLng]

CORNERS: Final = 12
_LONGEST: Final = MOST_CORNERS * 40
_EARTH_M: Final = 6_371_008.8
_UNITS: Final = {"公里": 1000, "千米": 1000, "km": 1000, "米": 1, "m": 1}

_DEGREES: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,15})?")
_RADIUS: Final = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?) ?(公里|千米|km|米|m)")

_SYSTEMS: Final[Mapping[str, Convert]] = {
    "gcj02": LatLng,
    "高德": LatLng,
    "腾讯": LatLng,
    "wgs84": wgs84_to_gcj02,
    "gps": wgs84_to_gcj02,
    "bd09": bd09_to_gcj02,
    "百度": bd09_to_gcj02,
}


def read_system(text: str) -> Convert:
    """How to get from the named coordinate system to GCJ-02; raises `Wrong` "not_system"."""
    convert = _SYSTEMS.get(re.sub("[ _-]", "", fold(text)))
    if convert is None:
        raise Wrong("not_system")
    return convert


def read_degrees(text: str) -> float:
    """Decimal degrees north or east; raises `Wrong` "not_degrees"."""
    if not _DEGREES.fullmatch(plain(text)):
        raise Wrong("not_degrees")
    return float(text)


def read_point(lat: float, lng: float, convert: Convert) -> Point:
    """The GCJ-02 position, to the six decimals that are kept; raises `Wrong` "not_in_china"."""
    moved = convert(lat, lng)
    try:
        return Point(round(moved.lat, 6), round(moved.lng, 6))
    except ValueError:
        raise Wrong("not_in_china") from None


def read_fence(text: str, store: Point, convert: Convert) -> list[Corner] | None:
    """The corners of "3公里" around the store, or of "lng,lat;lng,lat;…"; None for "无".

    Corners are given in the system that `convert` converts from. Raises `Wrong`: "not_area",
    "not_degrees", "not_in_china", "bad_fence".
    """
    said = fold(within(_LONGEST, text.replace("\n", ";")))
    if said == "无":
        return None
    radius = _RADIUS.fullmatch(said)
    corners = _around(store, _metres(radius)) if radius else _read_corners(said, convert)
    check_area(corners, store)
    return corners


def check_area(corners: list[Corner], store: Point) -> None:
    """Raises `Wrong` "bad_fence" unless the store at `store` may deliver within `corners`."""
    try:
        check_fence([Point(lat, lng) for lng, lat in corners], store)
    except ValueError as error:
        raise Wrong("bad_fence", reason=error) from None


def _metres(radius: re.Match[str]) -> float:
    metres = float(radius[1]) * _UNITS[radius[2]]
    if not 100 <= metres <= NEAR_M:
        raise Wrong("not_radius", limit=NEAR_M // 1000)
    return metres


def _around(store: Point, metres: float) -> list[Corner]:
    """Twelve corners on the circle, the first in the north: nobody farther than it is let in.

    On a sphere; on a plane the corners of a large circle would miss it by some 50 m.
    """
    # A metre within, so that rounding puts no corner beyond the largest radius.
    angle = (metres - 1) / _EARTH_M
    lat = radians(store.lat)
    corners = []
    for corner in range(CORNERS):
        turn = 2 * pi * corner / CORNERS
        north = asin(sin(lat) * cos(angle) + cos(lat) * sin(angle) * cos(turn))
        east = atan2(sin(turn) * sin(angle) * cos(lat), cos(angle) - sin(lat) * sin(north))
        corners.append([round(store.lng + degrees(east), 6), round(degrees(north), 6)])
    return corners


def _read_corners(said: str, convert: Convert) -> list[Corner]:
    corners = [_read_corner(part, convert) for part in said.split(";") if part.strip()]
    # Map services close a ring by repeating its first corner; here it closes by itself.
    return corners[:-1] if len(corners) > 1 and corners[0] == corners[-1] else corners


def _read_corner(part: str, convert: Convert) -> Corner:
    match part.split(","):
        case [lng, lat]:
            point = read_point(read_degrees(lat.strip()), read_degrees(lng.strip()), convert)
            return [point.lng, point.lat]
        case _:
            raise Wrong("not_area")
