"""The real places the town stands on, in GCJ-02."""

import csv
from dataclasses import dataclass
from math import cos, pi, radians, sin
from pathlib import Path
from random import Random
from typing import Final

from kit.geo import Point, wgs84_to_gcj02

GAZETTEER: Final = Path(__file__).parents[1] / "gazetteer" / "places.csv"
METRES_PER_DEGREE: Final = 111_195.0


@dataclass(frozen=True, slots=True)
class Place:
    city: str
    district: str
    name: str
    point: Point


def read_places() -> tuple[Place, ...]:
    """All rows of the gazetteer, the WGS-84 ones converted."""
    with GAZETTEER.open(encoding="utf-8", newline="") as file:
        return tuple(_place(row) for row in csv.DictReader(file))


def moved(point: Point, metres: float, turn: float) -> Point:
    """The point `metres` away from `point` in the direction `turn` (0 to 1, clockwise of north)."""
    north = metres * cos(2 * pi * turn) / METRES_PER_DEGREE
    east = metres * sin(2 * pi * turn) / METRES_PER_DEGREE / cos(radians(point.lat))
    return Point(round(point.lat + north, 6), round(point.lng + east, 6))


def inside(dice: Random, centre: Point, ring: tuple[Point, ...]) -> Point:
    """A point inside `ring`, which must be star-shaped as seen from `centre`."""
    corner = dice.randrange(len(ring))
    one, other = ring[corner - 1], ring[corner]
    along = dice.random()
    outward = 0.95 * dice.random() ** 0.5
    lat = one.lat + (other.lat - one.lat) * along
    lng = one.lng + (other.lng - one.lng) * along
    return Point(
        round(centre.lat + (lat - centre.lat) * outward, 6),
        round(centre.lng + (lng - centre.lng) * outward, 6),
    )


def _place(row: dict[str, str]) -> Place:
    lat, lng = float(row["lat"]), float(row["lng"])
    if row["coordinates"] == "wgs84":
        lat, lng = wgs84_to_gcj02(lat, lng)
    return Place(row["city"], row["district"], row["place"], Point(lat, lng))
