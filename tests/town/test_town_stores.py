"""Stores and people: real surroundings, sound fences and hours, contact data that harms nobody."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from kit.geo import Point, check_polygon, covers, haversine_m
from scripts.town.hours import is_open
from scripts.town.places import read_places
from scripts.town.town import Town, TownDay, TownStore
from tests.town.conftest import TODAY


def metres(one: Point, other: Point) -> float:
    return haversine_m(one.lat, one.lng, other.lat, other.lng)


def test_codes_names_and_telephones_of_stores_are_unique(town: Town) -> None:
    for what in ("code", "name", "phone"):
        values = [getattr(store, what) for store in town.stores]
        assert len(set(values)) == len(values), what


def test_stores_stand_near_a_real_place_of_their_district(town: Town) -> None:
    places = read_places()
    for store in town.stores:
        near = [p for p in places if f"{p.city}市" == store.city and p.district == store.district]
        assert min(metres(store.point, place.point) for place in near) < 2500, store.name


def test_gps_places_are_shifted_and_chinese_map_places_are_not() -> None:
    places = {(place.city, place.name): place.point for place in read_places()}
    assert places["上海", "黄浦"] == Point(31.231739, 121.484428)
    # 七宝 is 31.15267, 121.35688 by GPS; China's offset moves it about half a kilometre.
    assert 400 < metres(places["上海", "七宝"], Point(31.15267, 121.35688)) < 600


def test_some_districts_are_dense(town: Town) -> None:
    in_district: dict[str, int] = {}
    for store in town.stores:
        in_district[store.district] = in_district.get(store.district, 0) + 1
    assert sum(count >= 4 for count in in_district.values()) >= 10


def test_fences_are_simple_and_hold_their_store(town: Town) -> None:
    for store in town.stores:
        check_polygon(store.fence)
        assert 6 <= len(store.fence) <= 12
        assert covers(store.fence, store.point)
        assert all(990 < metres(store.point, corner) < 3010 for corner in store.fence)


def test_hours_are_minutes_in_order_that_do_not_overlap(town: Town) -> None:
    for store in town.stores:
        assert len(store.weekly_hours) == 7
        for intervals in [*store.weekly_hours, *(day.intervals for day in store.days)]:
            ends = [minute for interval in intervals for minute in interval]
            assert ends == sorted(set(ends))
            assert all(0 <= minute <= 1440 + 720 for minute in ends)
            assert all(start < 1440 for start, _ in intervals)
        dates = [day.on_date for day in store.days]
        assert dates == sorted(set(dates))


def test_every_pattern_of_hours_is_met(town: Town) -> None:
    weeks = [store.weekly_hours for store in town.stores]
    assert any(week == (((0, 1440),),) * 7 for week in weeks)
    assert any(end > 1440 for week in weeks for day in week for _, end in day)
    assert any(len(day) == 2 for week in weeks for day in week)
    assert any(not day for week in weeks for day in week)
    notes = {day.note for store in town.stores for day in store.days}
    assert {"元旦", "劳动节", "国庆节", "盘点闭店"} <= notes
    assert all(
        day.on_date > TODAY for store in town.stores for day in store.days if day.note == "元旦"
    )


def test_a_few_stores_are_closed_or_paused_or_do_one_thing_only(town: Town) -> None:
    assert sum(not store.is_active for store in town.stores) == 3
    assert sum(store.is_paused for store in town.stores) == 4
    assert 0 < sum(not store.supports_delivery for store in town.stores) < 30
    assert 0 < sum(not store.supports_pickup for store in town.stores) < 15
    assert all(store.supports_delivery or store.supports_pickup for store in town.stores)


@pytest.fixture
def night_store(town: Town) -> TownStore:
    """Open every day from ten in the morning until two at night."""
    week = (((600, 1560),),) * 7
    store = next(store for store in town.stores if store.weekly_hours == week)
    return replace(store, days=())


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2026-10-16T17:59:59", True),  # Saturday 01:59 in Shanghai: Friday's tail
        ("2026-10-16T18:00:00", False),  # 02:00
        ("2026-10-17T01:59:59", False),  # 09:59
        ("2026-10-17T02:00:00", True),  # 10:00
        ("2026-10-18T17:00:00", True),  # Monday 01:00: the week wraps
    ],
)
def test_an_overnight_store_is_open_until_the_end_of_its_tail(
    night_store: TownStore, utc: str, *, expected: bool
) -> None:
    assert is_open(night_store, datetime.fromisoformat(utc).replace(tzinfo=UTC)) is expected


def test_a_closed_day_takes_its_own_tail_but_not_yesterdays(night_store: TownStore) -> None:
    store = replace(night_store, days=(TownDay(date(2026, 10, 17), (), "盘点闭店"),))
    assert is_open(store, datetime(2026, 10, 16, 17, 59, tzinfo=UTC))  # Saturday 01:59
    assert not is_open(store, datetime(2026, 10, 17, 4, tzinfo=UTC))  # Saturday noon
    assert not is_open(store, datetime(2026, 10, 17, 17, tzinfo=UTC))  # Sunday 01:00


def test_members_have_openids_and_telephones_that_ring_nowhere(town: Town) -> None:
    openids = [member.openid for member in town.members]
    phones = [member.phone for member in town.members]
    assert len(set(openids)) == len(set(phones)) == len(town.members)
    assert all(re.fullmatch(r"o[0-9A-Za-z_-]{27}", openid) for openid in openids)
    assert all(re.fullmatch(r"160000[0-9]{5}", phone) for phone in phones)
    assert all(re.fullmatch(r"0[0-9]{2,3}-9[0-9]{7}", store.phone) for store in town.stores)


def test_members_live_inside_the_fence_of_a_trading_store(town: Town) -> None:
    stores = {store.code: store for store in town.stores}
    numbers = []
    for member in town.members:
        assert [address.is_default for address in member.addresses] in ([True], [True, False])
        for address in member.addresses:
            store = stores[address.store_code]
            assert covers(store.fence, address.point)
            assert store.is_active
            assert not store.is_paused
            assert (address.city, address.district) == (store.city, store.district)
            numbers.append(address.number)
    assert numbers == list(range(1, len(numbers) + 1))
