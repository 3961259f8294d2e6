"""The stores: invented shops near real places, dense in the middle of each city."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from random import Random
from typing import Final

from kit.geo import Point, haversine_m
from kit.money import Fen
from scripts.town.hours import draw_days, draw_week
from scripts.town.places import Place, moved, read_places
from scripts.town.town import TownStore
from scripts.town.words import words


@dataclass(frozen=True, slots=True)
class City:
    name: str
    prefix: str
    area_code: str
    centre: Point
    stores: int


CITIES: Final = (
    City("上海", "SH", "021", Point(31.228474, 121.478224), 52),
    City("杭州", "HZ", "0571", Point(30.24692, 120.209789), 32),
    City("成都", "CD", "028", Point(30.654998, 104.068242), 28),
    City("深圳", "SZ", "0755", Point(22.540379, 114.062979), 28),
)

SEPARATION_M: Final = 220  # nearer, two shops of one chain would share their customers


def build_stores(dice: Random, day_dice: Random, today: date) -> tuple[TownStore, ...]:
    """140 stores; what `today` decides (holidays, closures) has dice of its own."""
    sites = [site for city in CITIES for site in _sites(dice, city)]
    numbers = range(len(sites))
    closed = set(dice.sample(numbers, 3))
    paused = set(dice.sample([n for n in numbers if n not in closed], 4))
    stores = [_store(dice, site) for site in sites]
    return tuple(
        replace(
            store,
            days=draw_days(day_dice, today, store.weekly_hours),
            is_active=number not in closed,
            is_paused=number in paused,
        )
        for number, store in enumerate(stores)
    )


@dataclass(frozen=True, slots=True)
class Site:
    city: City
    place: Place
    number: int
    street: str
    point: Point
    is_first: bool


def _sites(dice: Random, city: City) -> Iterator[Site]:
    streets = dice.sample(words("streets"), city.stores)
    taken: list[Point] = []
    for place in _near(city):
        for nth in range(_stores_at(city, place)):
            if len(taken) == city.stores:
                return
            taken.append(_free_point(dice, place.point, taken, nth))
            number = len(taken)
            yield Site(city, place, number, streets[number - 1], taken[-1], nth == 0)


def _near(city: City) -> list[Place]:
    places = [place for place in read_places() if place.city == city.name]
    return sorted(places, key=lambda place: _from_centre(city, place))


def _from_centre(city: City, place: Place) -> float:
    return haversine_m(city.centre.lat, city.centre.lng, place.point.lat, place.point.lng)


def _stores_at(city: City, place: Place) -> int:
    metres = _from_centre(city, place)
    if metres < 6_000:
        return 4
    return 3 if metres < 9_000 else 1


def _free_point(dice: Random, centre: Point, taken: list[Point], nth: int) -> Point:
    while True:
        metres = dice.uniform(20, 300) if nth == 0 else dice.uniform(400, 2200)
        point = moved(centre, metres, dice.random())
        if all(haversine_m(point.lat, point.lng, p.lat, p.lng) > SEPARATION_M for p in taken):
            return point


def _store(dice: Random, site: Site) -> TownStore:
    name = site.place.name if site.is_first else f"{site.place.name}{site.street}"
    methods = dice.choices(((True, True), (True, False), (False, True)), (87, 10, 3))[0]
    return TownStore(
        code=f"{site.city.prefix}{site.number:03d}",
        name=f"集市·{name}店",
        city=f"{site.city.name}市",
        district=site.place.district,
        address=f"{site.street}{dice.randint(1, 888)}号{dice.choice(_FLOORS)}",
        # No subscriber's number starts with a 9, so nobody's telephone rings.
        phone=f"{site.city.area_code}-9{dice.randrange(10**7):07d}",
        point=site.point,
        weekly_hours=draw_week(dice),
        days=(),
        fence=_fence(dice, site.point),
        delivery_fee_fen=Fen(dice.choice((0, 300, 400, 500, 600, 800))),
        minimum_order_fen=Fen(dice.choice((1500, 1900, 2000, 2900, 3900))),
        preparation_minutes=dice.choice((10, 15, 15, 20, 25)),
        supports_pickup=methods[0],
        supports_delivery=methods[1],
        is_active=True,
        is_paused=False,
    )


_FLOORS: Final = ("", "", "一层", "1层103铺", "底商", "B1层", "广场L1-08")


def _fence(dice: Random, centre: Point) -> tuple[Point, ...]:
    """6 to 12 corners, 1 to 3 km away, in the order of their directions: simple by construction."""
    corners = dice.randint(6, 12)
    reach = dice.uniform(1200, 2700)
    return tuple(
        moved(
            centre,
            min(3000, max(1000, reach * dice.uniform(0.75, 1.15))),
            (corner + dice.uniform(-0.3, 0.3)) / corners,
        )
        for corner in range(corners)
    )
