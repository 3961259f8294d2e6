"""Stores over HTTP: a shopper's position in, readable choices out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commerce.stores.directory import directory
from kit import db
from kit.clock import parse_instant, shanghai
from kit.geo import gcj02_to_wgs84
from tests.factories import ALWAYS_OPEN, LAT, LNG, make_sku, make_store, stock
from tests.shop import Shop

NEVER: list[list[list[int]]] = [[]] * 7
HERE = {"lat": LAT, "lng": LNG}


@pytest.fixture(autouse=True)
def forget(shop: Shop) -> None:
    directory.expire()


async def nearest(
    shop: Shop, headers: dict[str, str] | None = None, **query: Any
) -> dict[str, Any]:
    answer = await shop.http.get("/v1/stores/nearest", params=HERE | query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(found: dict[str, Any]) -> list[int]:
    return [int(one["store"]["id"]) for one in found["stores"]]


async def test_the_nearest_store_comes_first_with_all_a_shopper_asks(shop: Shop) -> None:
    far, near = await make_store(lat=LAT + 0.02), await make_store(lat=LAT + 0.01)
    found = await nearest(shop)
    assert ids(found) == [near, far]
    assert found["cities"] is None
    first = found["stores"][0]
    assert first["distance_m"] == 1109
    assert first["opening"] == {"is_open": True, "closes_at": None, "opens_at": None}
    assert first["reasons"] == [{"code": "open_now", "text": "营业中"}]
    assert first["in_fence"] is True
    assert first["basket"] is None
    assert first["store"]["delivery_fee_fen"] == 600
    assert (first["store"]["offers_pickup"], first["store"]["offers_delivery"]) == (True, True)


async def test_words_come_in_the_shoppers_language(shop: Shop) -> None:
    await make_store(hours=NEVER)
    found = await nearest(shop, {"Accept-Language": "en-GB"})
    assert found["stores"][0]["reasons"] == [
        {"code": "closed", "text": "Closed until further notice"}
    ]


async def test_a_closed_store_says_when_it_opens(shop: Shop) -> None:
    today = shanghai(datetime.now(UTC))
    hours = [list(day) for day in NEVER]
    hours[(today.weekday() + 1) % 7] = [[540, 1320]]
    await make_store(hours=hours)
    (only,) = (await nearest(shop))["stores"]
    assert only["opening"]["is_open"] is False
    opens = shanghai(parse_instant(only["opening"]["opens_at"]))
    assert opens.date() == today.date() + timedelta(days=1)
    assert opens.hour == 9
    assert only["reasons"] == [{"code": "closed_until", "text": "休息中，明天 09:00 开门"}]


async def test_a_gps_position_is_converted_at_the_edge(shop: Shop) -> None:
    await make_store()
    gps = gcj02_to_wgs84(LAT, LNG)
    mixed = await nearest(shop, lat=gps.lat, lng=gps.lng)
    right = await nearest(shop, lat=gps.lat, lng=gps.lng, coordinates="wgs84")
    assert mixed["stores"][0]["distance_m"] > 400
    assert right["stores"][0]["distance_m"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"lat": LNG, "lng": LAT},
        {"lat": 31.2, "lng": 181},
        {"lat": "nan"},
        {"lng": "inf"},
        {"lat": 0, "lng": 0},
        {"lat": 48.85, "lng": 2.35},
        {"lat": "31,2"},
        {"lat": ""},
        {"limit": 0},
        {"limit": 51},
        {"method": "post"},
        {"coordinates": "bd09"},
        {"city": ""},
        {"basket": "12"},
        {"basket": "12:0"},
        {"basket": "12:1,"},
        {"basket": "0:1"},
        {"basket": "12:1000"},
        {"basket": "12:1,12:2"},
        {"basket": ",".join(f"{n}:1" for n in range(1, 102))},
        {"radius": 3000},
    ],
)
async def test_a_question_without_sense_is_refused(shop: Shop, wrong) -> None:
    answer = await shop.http.get("/v1/stores/nearest", params=HERE | wrong)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid_input"


async def test_a_position_is_needed(shop: Shop) -> None:
    assert (await shop.http.get("/v1/stores/nearest", params={"lat": LAT})).status_code == 422


async def test_a_whole_basket_beats_distance_and_the_rest_say_what_is_missing(shop: Shop) -> None:
    near, whole = await make_store(), await make_store(lat=LAT + 0.01)
    milk, bread = await make_sku(), await make_sku(title="面包")
    for store in (near, whole):
        await stock(store, milk, 5)
    await stock(whole, bread, 2)
    found = await nearest(shop, basket=f"{milk}:5,{bread}:2")
    assert ids(found) == [whole, near]
    best, other = found["stores"]
    assert best["basket"] == {"in_stock": True, "missing": []}
    assert [reason["code"] for reason in best["reasons"]] == ["open_now", "basket_in_stock"]
    assert other["basket"] == {
        "in_stock": False,
        "missing": [{"sku_id": str(bread), "wanted": 2, "available": 0}],
    }
    assert other["reasons"][1] == {"code": "basket_incomplete", "text": "1 种商品缺货"}


async def test_held_and_delisted_and_unknown_goods_are_missing(shop: Shop) -> None:
    store = await make_store()
    milk, gone = await make_sku(), await make_sku(status="delisted")
    await stock(store, milk, 5)
    await stock(store, gone, 5)
    await db.execute(
        "insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)"
        " values ($1, $2, 'hold', 'order:test', 0, 1, now())",
        store,
        milk,
    )
    found = await nearest(shop, basket=f"{milk}:5,{gone}:1,999999999:1")
    await db.execute(
        "insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)"
        " values ($1, $2, 'release', 'order:test', 0, -1, now())",
        store,
        milk,
    )
    assert found["stores"][0]["basket"]["missing"] == [
        {"sku_id": str(milk), "wanted": 5, "available": 4},
        {"sku_id": str(gone), "wanted": 1, "available": 0},
        {"sku_id": "999999999", "wanted": 1, "available": 0},
    ]


async def test_a_logged_in_shoppers_cart_is_the_basket(shop: Shop) -> None:
    near, whole, milk = await make_store(), await make_store(lat=LAT + 0.01), await make_sku()
    await stock(whole, milk, 1)
    phone = await shop.phone()
    assert ids(await nearest(shop, phone.headers)) == [near, whole]
    await phone.put(f"/v1/cart/lines/{milk}", {"quantity": 1})
    assert ids(await nearest(shop, phone.headers)) == [whole, near]
    assert ids(await nearest(shop)) == [near, whole]


async def test_a_dead_session_is_told_so(shop: Shop) -> None:
    headers = {"Authorization": "Bearer " + "x" * 43}
    answer = await shop.http.get("/v1/stores/nearest", params=HERE, headers=headers)
    assert answer.status_code == 401


async def test_far_from_every_store_the_cities_are_offered(shop: Shop) -> None:
    store = await make_store()
    found = await nearest(shop, lat=29.65, lng=91.14)
    assert ids(found) == [store]
    assert found["stores"][0]["reasons"][-1] == {"code": "far_away", "text": "距离较远"}
    assert found["cities"] == [{"name": "上海市", "stores": 1}]


async def test_a_store_shows_its_week_its_fence_and_its_telephone(shop: Shop) -> None:
    store = await make_store(hours=[[[600, 840], [1020, 1560]]] * 7)
    answer = await shop.http.get(f"/v1/stores/{store}")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["phone"] == "021-64000000"
    assert len(shown["fence"]) == 4
    today = shanghai(datetime.now(UTC)).date()
    assert [day["on"] for day in shown["hours"]] == [
        str(today + timedelta(days=ahead)) for ahead in range(7)
    ]
    evening = shown["hours"][0]["spans"][1]
    assert shanghai(parse_instant(evening["opens_at"])).hour == 17
    closes = shanghai(parse_instant(evening["closes_at"]))
    assert (closes.date(), closes.hour) == (today + timedelta(days=1), 2)


async def test_a_paused_store_is_shown_with_its_reason_but_never_offered(shop: Shop) -> None:
    paused, other = await make_store(), await make_store(lat=LAT + 0.01)
    await db.execute("update store set is_paused = true where id = $1", paused)
    directory.expire()
    shown = (await shop.http.get(f"/v1/stores/{paused}")).json()
    assert shown["is_paused"] is True
    assert shown["reasons"] == [{"code": "paused", "text": "门店暂停接单"}]
    assert ids(await nearest(shop)) == [other]
    listed = (await shop.http.get("/v1/stores")).json()["items"]
    assert [int(one["store"]["id"]) for one in listed] == [other]


async def test_what_is_not_a_store_is_not_found(shop: Shop) -> None:
    closed_down = await make_store()
    await db.execute("update store set is_active = false where id = $1", closed_down)
    directory.expire()
    for name in (closed_down, 999_999_999, "0", "-1", "abc", "1e3", "9" * 19):
        assert (await shop.http.get(f"/v1/stores/{name}")).status_code == 404, name
    assert ids(await nearest(shop)) == []


async def test_a_citys_stores_come_page_by_page(shop: Shop) -> None:
    stores = [await make_store() for _ in range(5)]
    seen: list[int] = []
    cursor: str | None = None
    while True:
        query = {"city": "上海市", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await shop.http.get("/v1/stores", params=query)).json()
        seen += [int(one["store"]["id"]) for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == stores
    assert (await shop.http.get("/v1/stores", params={"city": "北京市"})).json()["items"] == []


@pytest.mark.parametrize("cursor", ["!!", "AAAA", "W10", "WyJhIl0", "WzEsMl0"])
async def test_a_forged_cursor_is_refused(shop: Shop, cursor) -> None:
    answer = await shop.http.get("/v1/stores", params={"cursor": cursor})
    assert answer.status_code == 422


async def test_cities_come_with_their_number_of_stores(shop: Shop) -> None:
    await make_store(hours=ALWAYS_OPEN)
    assert (await shop.http.get("/v1/cities")).json() == [{"name": "上海市", "stores": 1}]
