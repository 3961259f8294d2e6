"""What a worker remembers of the stores follows PostgreSQL, and who is nearest by it."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from math import dist

import asyncpg
import pytest

from commerce.stores import directory as directories
from commerce.stores import nearest, rules
from commerce.stores.actions import StoreDayRow, StoreRow, load_stores, set_paused
from commerce.stores.directory import Directory, directory
from commerce.stores.nearest import Wish, find_nearest
from commerce.stores.queries import describe_store, get_store, list_cities, list_stores
from commerce.stores.store import can_deliver, is_open
from commerce.stores.tree import in_space
from kit import db
from kit.errors import NotFound
from kit.geo import Point, covers
from models.enums import DeliveryMethod

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # a Friday, 12:00 in Shanghai
ALWAYS = [[[0, 1440]]] * 7
NEVER: list[list[list[int]]] = [[]] * 7
HERE = Point(31.23, 121.47)

pytestmark = pytest.mark.usefixtures("database")


def square(lat: float, lng: float, half: float = 0.02) -> list[list[float]]:
    return [
        [lng - half, lat - half],
        [lng + half, lat - half],
        [lng + half, lat + half],
        [lng - half, lat + half],
    ]


def store(code: str, lat: float = HERE.lat, lng: float = HERE.lng, **more) -> StoreRow:
    fields = {
        "name": f"集市{code}",
        "city": "上海市",
        "district": "黄浦区",
        "address": "人民路1号",
        "phone": "021-55551234",
        "weekly_hours": ALWAYS,
        "fence": square(lat, lng),
    }
    return StoreRow(code=code, lat=lat, lng=lng, **(fields | more))


def pickup(limit: int = 10, **more) -> Wish:
    return Wish(HERE, DeliveryMethod.PICKUP, limit, **more)


def codes(found: nearest.Nearest) -> list[str]:
    return [offer.store.code for offer in found.offers]


def reasons(offer: nearest.Offer) -> list[str]:
    return [reason.code for reason in offer.reasons]


async def other_worker_sees(worker: Directory, store_id: int) -> bool:
    entry = (await worker.current()).find(store_id)
    return entry is not None and entry.takes_orders


async def test_stores_load_by_code_and_load_again_without_doubling() -> None:
    days = {date(2026, 11, 21): StoreDayRow([], "盘点")}
    first = await load_stores([store("A", days=days), store("B")], NOON)
    again = await load_stores([store("A", name="集市新店", minimum_order_fen=2000)], NOON)
    assert again == {"A": first["A"]}
    loaded = await get_store(first["A"])
    assert (loaded.name, loaded.minimum_order_fen) == ("集市新店", 2000)
    assert loaded.hours.days == {}
    assert await db.value("select count(*) from store") == 2


async def test_loading_again_does_not_resume_a_paused_store() -> None:
    ids = await load_stores([store("A")], NOON)
    await set_paused(ids["A"], is_paused=True)
    await load_stores([store("A")], NOON)
    assert (await get_store(ids["A"])).is_paused


@pytest.mark.parametrize(
    "unsound",
    [
        store("BAD", weekly_hours=[[]] * 6),
        store("BAD", days={date(2026, 11, 21): StoreDayRow([[60, 30]])}),
        store("BAD", fence=[[121.4, 31.2], [121.5, 31.3]]),
        store("BAD", lat=48.85, lng=2.35, fence=None),
    ],
    ids=["week", "date", "fence", "Paris"],
)
async def test_one_unsound_store_loads_none_and_is_named(unsound) -> None:
    with pytest.raises(ValueError, match="BAD"):
        await load_stores([store("A"), unsound], NOON)
    assert await db.value("select count(*) from store") == 0


async def test_a_code_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        await load_stores([store("A"), store("A")], NOON)


async def test_a_store_that_is_not_there_is_not_found() -> None:
    for ask in (get_store(1), describe_store(1, NOON), set_paused(1, is_paused=True)):
        with pytest.raises(NotFound):
            await ask


async def test_the_dates_of_a_store_govern_whether_it_is_open() -> None:
    closed = {date(2026, 11, 20): StoreDayRow([], "盘点")}
    ids = await load_stores([store("A", days=closed), store("B")], NOON)
    assert not is_open(await get_store(ids["A"]), NOON)
    assert is_open(await get_store(ids["A"]), NOON + timedelta(days=1))
    await set_paused(ids["B"], is_paused=True)
    assert not is_open(await get_store(ids["B"]), NOON)


async def test_a_store_delivers_within_its_fence_if_it_delivers_at_all() -> None:
    ids = await load_stores(
        [store("A"), store("B", offers_delivery=False), store("C", fence=None)], NOON
    )
    inside, outside = Point(31.24, 121.48), Point(31.26, 121.48)
    assert can_deliver(await get_store(ids["A"]), inside)
    assert not can_deliver(await get_store(ids["A"]), outside)
    assert not can_deliver(await get_store(ids["B"]), inside)
    assert not can_deliver(await get_store(ids["C"]), inside)


async def test_another_worker_sees_a_pause_within_two_seconds() -> None:
    ids = await load_stores([store("A")], NOON)
    worker = Directory()
    assert await other_worker_sees(worker, ids["A"])
    await set_paused(ids["A"], is_paused=True)
    deadline = asyncio.get_running_loop().time() + 2
    while await other_worker_sees(worker, ids["A"]):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)


async def test_this_worker_sees_its_own_pause_at_once() -> None:
    ids = await load_stores([store("A"), store("B", 31.24)], NOON)
    assert codes(await find_nearest(pickup(), NOON)) == ["A", "B"]
    await set_paused(ids["A"], is_paused=True)
    assert codes(await find_nearest(pickup(), NOON)) == ["B"]
    assert (await describe_store(ids["A"], NOON)).reasons == (rules.PAUSED,)
    await set_paused(ids["A"], is_paused=False)
    assert codes(await find_nearest(pickup(), NOON)) == ["A", "B"]


@pytest.fixture
async def outsider(open_database: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's connection, with transactions of its own."""
    connection = await asyncpg.connect(open_database)
    yield connection
    await connection.close()


async def test_a_change_committed_late_is_not_missed(outsider: asyncpg.Connection) -> None:
    ids = await load_stores([store("A"), store("B")], NOON)
    slow = outsider.transaction()
    await slow.start()
    await outsider.execute("update store set is_paused = true where id = $1", ids["A"])
    # A later transaction commits first, and is seen: a plain high-water mark would now be past the
    # slow one.
    await set_paused(ids["B"], is_paused=True)
    assert codes(await find_nearest(pickup(), NOON)) == ["A"]
    await slow.commit()
    directory.expire()
    assert codes(await find_nearest(pickup(), NOON)) == []


async def test_a_changed_date_reaches_the_directory(outsider: asyncpg.Connection) -> None:
    ids = await load_stores([store("A")], NOON)
    assert (await find_nearest(pickup(), NOON)).offers[0].opening.is_open
    await outsider.execute(
        "insert into store_day (store_id, on_date, intervals, note) values ($1, $2, '[]', '')",
        ids["A"],
        date(2026, 11, 20),
    )
    directory.expire()
    assert not (await find_nearest(pickup(), NOON)).offers[0].opening.is_open
    await outsider.execute("delete from store_day")
    directory.expire()
    assert (await find_nearest(pickup(), NOON)).offers[0].opening.is_open


async def test_an_emptied_database_leaves_no_ghosts() -> None:
    await load_stores([store("A")], NOON)
    assert codes(await find_nearest(pickup(), NOON)) == ["A"]
    await db.execute("delete from store")
    directory.expire()
    assert await find_nearest(pickup(), NOON) == nearest.Nearest([], {})
    await load_stores([store("B")], NOON)
    assert codes(await find_nearest(pickup(), NOON)) == ["B"]


async def test_a_store_that_moves_is_found_at_its_new_place() -> None:
    await load_stores([store("A"), store("B", 31.24)], NOON)
    assert codes(await find_nearest(pickup(), NOON)) == ["A", "B"]
    await load_stores([store("A", 31.26)], NOON)
    assert codes(await find_nearest(pickup(), NOON)) == ["B", "A"]


async def test_a_reader_who_hangs_up_does_not_spoil_it_for_the_others() -> None:
    await load_stores([store("A")], NOON)
    impatient = asyncio.ensure_future(find_nearest(pickup(), NOON))
    patient = asyncio.ensure_future(find_nearest(pickup(), NOON))
    await asyncio.sleep(0)
    impatient.cancel()
    assert codes(await patient) == ["A"]


async def test_many_stores_are_read_without_holding_up_the_loop(monkeypatch) -> None:
    monkeypatch.setattr(directories, "_BATCH", 2)
    await load_stores([store(f"S{n}") for n in range(5)], NOON)
    assert len(codes(await find_nearest(pickup(), NOON))) == 5


async def test_stores_are_listed_by_id_and_city_without_the_paused() -> None:
    rows = [store(f"S{n}", city="北京市" if n % 2 else "上海市") for n in range(6)]
    ids = list((await load_stores(rows, NOON)).values())
    await set_paused(ids[0], is_paused=True)
    await db.execute("update store set is_active = false where id = $1", ids[5])
    directory.expire()
    listed = [s.store.id for s in await list_stores(None, after=0, limit=9, now=NOON)]
    assert listed == sorted(ids[1:5])
    second = await list_stores("北京市", after=ids[1], limit=1, now=NOON)
    assert [state.store.id for state in second] == [ids[3]]
    assert await list_cities() == {"上海市": 2, "北京市": 2}
    with pytest.raises(NotFound):
        await describe_store(ids[5], NOON)


async def test_open_stores_come_before_nearer_closed_ones_and_say_why() -> None:
    await load_stores(
        [
            store("closed", 31.231, weekly_hours=[[[1020, 1320]]] * 7),
            store("shut", 31.232, weekly_hours=NEVER),
            store("no pick-up", 31.233, offers_pickup=False),
            store("open", 31.25),
        ],
        NOON,
    )
    found = await find_nearest(pickup(), NOON)
    assert codes(found) == ["open", "closed", "shut", "no pick-up"]
    assert [reasons(offer) for offer in found.offers] == [
        ["open_now"],
        ["closed_until"],
        ["closed"],
        ["open_now", "method_not_offered"],
    ]
    assert found.cities is None


async def test_the_words_change_at_midnight() -> None:
    await load_stores([store("A", weekly_hours=[[[540, 1080]]] * 7)], NOON)
    evening = NOON + timedelta(hours=8)
    (tonight,) = (await find_nearest(pickup(), evening)).offers
    (later,) = (await find_nearest(pickup(), evening + timedelta(hours=5))).offers
    assert tonight.reasons[0].en == "Closed, opens tomorrow 09:00"
    assert later.reasons[0].en == "Closed, opens today 09:00"


async def test_delivery_looks_for_stores_whose_fence_covers_the_shopper() -> None:
    await load_stores(
        [store("near", 31.255), store("covers", 31.27, fence=square(31.25, 121.47))], NOON
    )
    found = await find_nearest(Wish(HERE, DeliveryMethod.DELIVERY, 10), NOON)
    assert codes(found) == ["covers", "near"]
    assert [reasons(offer)[1] for offer in found.offers] == [
        "in_delivery_area",
        "outside_delivery_area",
    ]
    assert [offer.is_in_fence for offer in found.offers] == [True, False]


async def test_when_nothing_is_near_the_nearest_are_offered_as_far_with_the_cities() -> None:
    await load_stores([store("A", 31.9), store("B", 32.5, city="南京市")], NOON)
    found = await find_nearest(pickup(), NOON)
    assert codes(found) == ["A", "B"]
    assert all("far_away" in reasons(offer) for offer in found.offers)
    assert found.cities == {"上海市": 1, "南京市": 1}
    assert codes(await find_nearest(pickup(1), NOON)) == ["A"]


async def test_a_far_store_is_not_offered_beside_a_near_one() -> None:
    await load_stores([store("near", weekly_hours=NEVER), store("far", 31.9)], NOON)
    assert codes(await find_nearest(pickup(), NOON)) == ["near"]


async def test_a_city_that_is_asked_for_is_searched_whole() -> None:
    await load_stores([store("here"), store("A", 39.9, 116.4, city="北京市")], NOON)
    found = await find_nearest(pickup(city="北京市"), NOON)
    assert codes(found) == ["A"]
    assert "far_away" in reasons(found.offers[0])
    assert codes(await find_nearest(pickup(city="无锡市"), NOON)) == []


async def test_the_search_for_an_open_store_ends_somewhere(monkeypatch) -> None:
    monkeypatch.setattr(nearest, "MOST_SEEN", 3)
    closed = [store(f"closed{n}", 31.231 + n / 1000, weekly_hours=NEVER) for n in range(3)]
    await load_stores([*closed, store("open", 31.25)], NOON)
    assert codes(await find_nearest(pickup(), NOON)) == ["closed0", "closed1", "closed2"]


def scattered(rng: random.Random, number: int) -> list[StoreRow]:
    centres = [("上海市", 31.23, 121.47), ("北京市", 39.91, 116.4), ("广州市", 23.11, 113.32)]
    rows = []
    for n in range(number):
        city, lat, lng = rng.choice(centres)
        lat, lng = round(lat + rng.gauss(0, 0.2), 6), round(lng + rng.gauss(0, 0.2), 6)
        if n % 10 == 9:
            lat, lng = rows[-1].lat, rows[-1].lng
        hours = rng.choice([ALWAYS, NEVER, [[[540, 1320]]] * 7, [[[1320, 1800]]] * 7])
        offers = {"offers_pickup": rng.random() < 0.9, "offers_delivery": rng.random() < 0.9}
        fence = square(lat, lng, rng.choice([0.02, 0.05]))
        rows.append(store(f"S{n}", lat, lng, city=city, weekly_hours=hours, fence=fence, **offers))
    return rows


async def test_the_offers_are_those_of_brute_force_for_250_points_among_2000_stores() -> None:
    rng = random.Random(5)
    rows = scattered(rng, 2000)
    ids = await load_stores(rows, NOON)
    stores = [await get_store(ids[row.code]) for row in rows]
    is_open_now = {s.id: rules.opening(s.hours, NOON).is_open for s in stores}
    places = {s.id: in_space(s.point) for s in stores}
    for n in range(250):
        home = rng.choice(rows)
        point = Point(home.lat + rng.gauss(0, 0.05), home.lng + rng.gauss(0, 0.05))
        method = rng.choice(list(DeliveryMethod))
        found = await find_nearest(Wish(point, method, 1 + n % 12), NOON)

        place = in_space(point)
        reach = sorted((dist(places[s.id], place), s.id, s) for s in stores)
        near = [one for one in reach if one[0] <= rules.NEAR_M][: nearest.MOST_SEEN]
        best = sorted(
            (not (is_open_now[s.id] and s.offers(method) and covered(s, point, method)), m, s.id)
            for m, _, s in near or reach[: 1 + n % 12]
        )
        assert [o.store.id for o in found.offers] == [s for _, _, s in best[: 1 + n % 12]]


def covered(one, point: Point, method: DeliveryMethod) -> bool:
    return method is DeliveryMethod.PICKUP or covers(one.fence.corners, point)
