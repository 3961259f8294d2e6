"""Positions, distances and fences, against the vectors of facts/maps.md."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.geo import (
    MOST_CORNERS,
    Point,
    bd09_to_gcj02,
    check_polygon,
    covers,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    haversine_m,
    shown_distance_m,
    wgs84_to_gcj02,
)

# Section 1.5: WGS-84, GCJ-02, BD-09 (lat, lng each) and the shift in metres.
PLACES = {
    "Beijing": (39.908692, 116.397477, 39.910095, 116.403721, 39.916435, 116.410094, 556.1),
    "Shanghai": (31.230416, 121.473701, 31.228474, 121.478224, 31.234327, 121.484782, 481.7),
    "Guangzhou": (23.106414, 113.324553, 23.103812, 113.329974, 23.109517, 113.336530, 625.7),
    "Shenzhen": (22.543096, 114.057865, 22.540379, 114.062979, 22.546037, 114.069529, 606.0),
    "Chengdu": (30.657420, 104.065735, 30.654998, 104.068242, 30.661028, 104.074739, 360.3),
    "Hangzhou": (30.259244, 120.130203, 30.256952, 120.134961, 30.263211, 120.141412, 523.7),
    "Wuhan": (30.592760, 114.305250, 30.590350, 114.310695, 30.596057, 114.317263, 586.6),
    "Xi'an": (34.259458, 108.947001, 34.257879, 108.951670, 34.264176, 108.958079, 464.4),
    "Urumqi": (43.825592, 87.616848, 43.826797, 87.619698, 43.832941, 87.626148, 265.5),
    "Harbin": (45.803775, 126.534967, 45.805757, 126.541007, 45.811371, 126.547626, 518.6),
    "Lhasa": (29.645554, 91.140856, 29.642818, 91.142385, 29.648548, 91.148976, 337.5),
    "Kunming": (24.880095, 102.832891, 24.877026, 102.834307, 24.883325, 102.840754, 368.9),
    "Sanya": (18.252847, 109.511909, 18.251142, 109.515993, 18.256924, 109.522541, 471.4),
    "Hong Kong": (22.281980, 114.158240, 22.279261, 114.163235, 22.285039, 114.169761, 596.3),
}
in_china = st.tuples(st.floats(18.0, 53.5), st.floats(73.5, 134.8))


@pytest.mark.parametrize("place", PLACES)
def test_conversions_agree_with_four_libraries(place):
    wgs, gcj, bd, shift = (
        PLACES[place][:2],
        PLACES[place][2:4],
        PLACES[place][4:6],
        PLACES[place][6],
    )
    assert wgs84_to_gcj02(*wgs) == pytest.approx(gcj, abs=1e-6)
    assert gcj02_to_wgs84(*gcj) == pytest.approx(wgs, abs=2e-6)  # gcj itself is rounded to 1e-6
    assert gcj02_to_bd09(*gcj) == pytest.approx(bd, abs=2e-6)
    assert bd09_to_gcj02(*bd) == pytest.approx(gcj, abs=3e-6)  # the inverse is good to 0.22 m
    assert haversine_m(*wgs, *wgs84_to_gcj02(*wgs)) == pytest.approx(shift, rel=0.005)


@given(in_china)
def test_a_round_trip_over_chinese_maps_comes_home(place):
    assert gcj02_to_wgs84(*wgs84_to_gcj02(*place)) == pytest.approx(place, abs=1e-8)


@given(in_china)
def test_a_round_trip_over_baidu_comes_home_to_a_quarter_of_a_metre(place):
    assert haversine_m(*bd09_to_gcj02(*gcj02_to_bd09(*place)), *place) < 0.25


# In the west the offset fades (18 m near 37.15, 96.6); where most shops are it is 302 to 679 m.
@given(st.tuples(st.floats(20.0, 42.0), st.floats(105.0, 122.0)))
def test_the_official_offset_of_the_east_is_300_to_680_metres(place):
    assert 300 < haversine_m(*place, *wgs84_to_gcj02(*place)) < 680


@pytest.mark.parametrize("convert", [wgs84_to_gcj02, gcj02_to_wgs84, gcj02_to_bd09, bd09_to_gcj02])
@pytest.mark.parametrize("place", [(35.689487, 139.691711), (48.856613, 2.352222), (0.0, 0.0)])
def test_nothing_is_shifted_abroad(convert, place):
    assert convert(*place) == place


@pytest.mark.parametrize(
    ("lat", "lng"),
    [
        (math.nan, 121.0),
        (31.0, math.nan),
        (math.inf, 121.0),
        (31.0, -math.inf),
        (0.0, 0.0),
        (121.478224, 31.228474),
        (48.856613, 2.352222),
        (35.689487, 139.691711),
    ],
)
def test_a_point_outside_china_is_refused(lat, lng):
    with pytest.raises(ValueError, match="outside China"):
        Point(lat, lng)


# Section 2.1, with the mean radius and with the ellipsoid.
DISTANCES = [
    ((31.228474, 121.478224), (31.237353, 121.499752), 2272.54, 2275),
    ((31.228474, 121.478224), (31.228474, 121.488224), 950.84, 953),
    ((39.910095, 116.403721), (39.920095, 116.403721), 1111.95, 1110),
    ((22.540379, 114.062979), (22.532379, 113.936979), 12971.22, 12992),
    ((31.228474, 121.478224), (39.910095, 116.403721), 1068408.66, 1066943),
]


@pytest.mark.parametrize(("one", "other", "sphere", "ellipsoid"), DISTANCES)
def test_distances_agree_with_the_vectors(one, other, sphere, ellipsoid):
    assert haversine_m(*one, *other) == pytest.approx(sphere, abs=0.01)
    assert shown_distance_m(Point(*one), Point(*other)) == ellipsoid


@given(in_china, in_china)
def test_distance_is_the_same_both_ways_and_nothing_to_itself(one, other):
    assert haversine_m(*one, *other) == pytest.approx(haversine_m(*other, *one), abs=1e-6)
    assert haversine_m(*one, *one) == 0


def test_antipodes_do_not_break_the_arcsine():
    assert haversine_m(0, 0, 0, 180) == pytest.approx(math.pi * 6371008.8)


def fence(*corners):
    """Corners as (lng, lat), the order of the fact sheet's polygons."""
    return [Point(lat, lng) for lng, lat in corners]


# Section 2.5: a square with a notch cut from the north.
NOTCHED = fence((121.47, 31.22), (121.49, 31.22), (121.49, 31.24), (121.48, 31.23), (121.47, 31.24))


@pytest.mark.parametrize(
    ("lng", "lat", "inside"),
    [
        (121.475, 31.225, True),
        (121.48, 31.235, False),
        (121.489, 31.238, True),
        (121.5, 31.23, False),
        (121.46, 31.23, False),
        (121.47, 31.23, True),  # on an edge
        (121.48, 31.23, True),  # on a corner
        (121.475, 31.235, True),  # on a slanting edge
        (121.46, 31.22, False),  # on the line of an edge, beyond its end
    ],
)
@pytest.mark.parametrize("turned", [1, -1])
@pytest.mark.parametrize("closed", [True, False])
def test_a_fence_covers_its_inside_and_its_boundary(lng, lat, inside, turned, closed):
    polygon = (NOTCHED + NOTCHED[:1] if closed else NOTCHED)[::turned]
    check_polygon(polygon)
    assert covers(polygon, Point(lat, lng)) is inside


@given(st.integers(3, 40), st.floats(0, 1.9), st.floats(0, 2 * math.pi))
def test_a_round_fence_covers_what_is_near_its_middle_and_not_what_is_far(corners, reach, turn):
    def at(radius, angle):
        return Point(31 + radius * math.sin(angle), 121 + radius * math.cos(angle))

    polygon = [at(0.1, 2 * math.pi * i / corners) for i in range(corners)]
    inner = 0.1 * math.cos(math.pi / corners)
    check_polygon(polygon)
    if not inner <= reach * 0.1 <= 0.1:
        assert covers(polygon, at(reach * 0.1, turn)) is (reach * 0.1 < inner)


@pytest.mark.parametrize(
    ("polygon", "words"),
    [
        ([], "corners"),
        (fence((121.47, 31.22), (121.49, 31.24)), "corners"),
        (fence((121.47, 31.22), (121.49, 31.24), (121.47, 31.22)), "corners"),
        ([Point(31 + i / 1000, 121 + i * i / 1e5) for i in range(MOST_CORNERS + 1)], "corners"),
        (fence((121.47, 31.22), (121.49, 31.22), (121.49, 31.22), (121.49, 31.24)), "once"),
        (fence((121.47, 31.22), (121.48, 31.22), (121.49, 31.22)), "area"),
        (fence((121.47, 31.22), (121.49, 31.24), (121.49, 31.22), (121.47, 31.24)), "area"),
        (fence((121.47, 31.22), (121.49, 31.24), (121.49, 31.22), (121.47, 31.25)), "cross"),
        # a spike: out to the east and back on the same line
        (
            fence((121.4, 31.2), (121.5, 31.2), (121.6, 31.2), (121.45, 31.2), (121.4, 31.3)),
            "cross",
        ),
        # a corner that touches the opposite edge
        (fence((121.4, 31.2), (121.6, 31.2), (121.6, 31.3), (121.5, 31.2), (121.4, 31.3)), "cross"),
        # two squares joined by a corner visited twice
        (
            fence((121.4, 31.2), (121.5, 31.2), (121.5, 31.3), (121.6, 31.3), (121.6, 31.4))
            + fence((121.5, 31.4), (121.5, 31.3), (121.4, 31.3)),
            "once",
        ),
    ],
)
def test_a_fence_that_is_not_one_simple_area_is_refused(polygon, words):
    with pytest.raises(ValueError, match=words):
        check_polygon(polygon)


def test_a_straight_corner_is_no_spike():
    check_polygon(fence((121.4, 31.2), (121.5, 31.2), (121.6, 31.2), (121.6, 31.3), (121.4, 31.3)))
