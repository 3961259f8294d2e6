"""Distances through the earth, and the order in which they come."""

import random
from itertools import islice
from math import dist

import pytest
from geopy.distance import geodesic
from hypothesis import given
from hypothesis import strategies as st

from commerce.stores.tree import Spot, along_ground, grow, in_space, outward
from kit.geo import Point


def metres(one: Point, other: Point) -> float:
    ((straight, _),) = outward(grow([Spot(in_space(one), 1, None)]), in_space(other))
    return along_ground(straight)


# facts/maps.md 2.1, geodesic on WGS-84 (the first pair, in Sicily, lies outside China).
@pytest.mark.parametrize(
    ("one", "other", "geodesic_m", "tolerance_m"),
    [
        (Point(31.228474, 121.478224), Point(31.237353, 121.499752), 2275.03, 0.01),
        (Point(31.228474, 121.478224), Point(31.228474, 121.488224), 952.76, 0.01),
        (Point(39.910095, 116.403721), Point(39.920095, 116.403721), 1110.33, 0.01),
        (Point(22.540379, 114.062979), Point(22.532379, 113.936979), 12991.77, 0.01),
        (Point(31.228474, 121.478224), Point(39.910095, 116.403721), 1066943.30, 20),
    ],
)
def test_distances_are_those_of_the_fact_sheet(one, other, geodesic_m, tolerance_m) -> None:
    assert abs(metres(one, other) - geodesic_m) <= tolerance_m


def test_up_to_100_km_the_distance_is_geopys_to_a_centimetre() -> None:
    rng = random.Random(1)
    for _ in range(300):
        one = Point(rng.uniform(4, 54), rng.uniform(75, 135))
        other = Point(one.lat + rng.uniform(-0.6, 0.6), one.lng + rng.uniform(-0.6, 0.6))
        expected = geodesic((one.lat, one.lng), (other.lat, other.lng)).m
        assert abs(metres(one, other) - expected) < 0.01


def scattered(rng: random.Random, number: int) -> list[Point]:
    """Half around three city centres, half anywhere, some on the same spot."""
    centres = [(31.23, 121.47), (39.91, 116.4), (23.11, 113.32)]
    points: list[Point] = []
    while len(points) < number:
        lat, lng = rng.choice(centres)
        points.append(Point(lat + rng.gauss(0, 0.08), lng + rng.gauss(0, 0.08)))
        points.append(Point(rng.uniform(18, 53), rng.uniform(74, 134)))
        points.append(rng.choice(points))
    return points[:number]


def test_the_nearest_of_2000_stores_are_those_of_brute_force_for_1000_points() -> None:
    rng = random.Random(2)
    spots = [Spot(in_space(p), n, n) for n, p in enumerate(scattered(rng, 2000), start=1)]
    tree = grow(spots)
    for query in scattered(rng, 1000):
        place = in_space(query)
        found = list(islice(outward(tree, place), 10))
        brute = sorted((dist(spot.place, place), spot.number) for spot in spots)[:10]
        assert found == brute


def everything(points: list[Point], query: Point) -> list[tuple[float, int]]:
    tree = grow([Spot(in_space(point), n, n) for n, point in enumerate(points, start=1)])
    return list(outward(tree, in_space(query)))


def brute_force(points: list[Point], query: Point) -> list[tuple[float, int]]:
    place = in_space(query)
    return sorted((dist(in_space(point), place), n) for n, point in enumerate(points, start=1))


@pytest.mark.parametrize("number", [0, 1, 8, 9, 64, 65, 500])
def test_a_tree_gives_everything_once_and_in_order(number) -> None:
    points = scattered(random.Random(number), number)
    for query in (Point(31.2, 121.4), Point(0.83, 72.01), Point(55.8, 137.8)):
        assert everything(points, query) == brute_force(points, query)


coordinates = st.builds(
    Point, st.floats(0.8293, 55.8271, allow_nan=False), st.floats(72.004, 137.8347, allow_nan=False)
)


@given(coordinates, st.lists(coordinates, max_size=60))
def test_wherever_the_stores_lie_none_is_left_out(query, points) -> None:
    assert everything(points, query) == brute_force(points, query)
