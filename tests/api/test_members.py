"""A shopper's name and addresses: his alone, sealed at rest."""

import asyncio
from uuid import uuid4

import pytest

from kit import db
from tests.shop import Phone

HOME = {
    "receiver": "王晓彤",
    "phone": "16000098765",
    "region": ["上海市", "上海市", "黄浦区"],
    "detail": "梧桐公馆3幢1201室",
    "lat": 31.2304,
    "lng": 121.4737,
    "is_default": True,
}


async def keep(phone: Phone, **changes: object) -> str:
    answer = await phone.post("/v1/addresses", HOME | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_nickname_is_kept_without_the_blanks_around_it(shop):
    phone = await shop.phone()
    assert (await phone.put("/v1/me", {"nickname": "  小橘子 🍊 "})).status_code == 204
    assert (await phone.get("/v1/me")).json()["nickname"] == "小橘子 🍊"
    assert (await phone.log_in())["member"]["nickname"] == "小橘子 🍊"


@pytest.mark.parametrize(
    "nickname", ["x" * 33, "a\nb", "ab\n", "\x07", "\u202eabc", "a\u2028b", "\x7f", None, 5, ["a"]]
)
async def test_a_name_that_could_disturb_a_screen_is_refused(shop, nickname):
    phone = await shop.phone()
    answer = await phone.put("/v1/me", {"nickname": nickname})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert (await phone.get("/v1/me")).json()["nickname"] == ""


@pytest.mark.parametrize(
    "nickname",
    [
        "13812345678",
        "我是13812345678",
        "１３８１２３４５６７８",
        "138 1234 5678",
        "138-1234-5678",
        "+86 13812345678",
        "913812345678",
        "008613812345678",
        "138123456789",
    ],
)
async def test_a_nickname_with_a_phone_number_is_refused(shop, nickname):
    phone = await shop.phone()
    answer = await phone.put("/v1/me", {"nickname": nickname})
    assert (answer.status_code, answer.json()["code"]) == (422, "phone_in_nickname")
    assert (await phone.get("/v1/me")).json()["nickname"] == ""


@pytest.mark.parametrize("nickname", ["1381234567", "12345678901", "小明2026"])
async def test_digits_that_are_no_phone_number_may_be_a_name(shop, nickname):
    phone = await shop.phone()
    assert (await phone.put("/v1/me", {"nickname": nickname})).status_code == 204


async def test_an_address_comes_back_as_it_was_given(shop):
    phone = await shop.phone()
    kept = await keep(phone)
    assert (await phone.get(f"/v1/addresses/{kept}")).json() == {"id": kept, **HOME}
    assert (await phone.get("/v1/addresses")).json() == {"items": [{"id": kept, **HOME}]}


async def test_an_address_is_replaced_as_a_whole(shop):
    phone = await shop.phone()
    kept = await keep(phone)
    new = HOME | {"detail": "外滩18号", "is_default": False}
    assert (await phone.put(f"/v1/addresses/{kept}", new)).status_code == 204
    assert (await phone.get(f"/v1/addresses/{kept}")).json() == {"id": kept, **new}


async def test_a_removed_address_is_gone_and_a_second_removal_finds_nothing(shop):
    phone = await shop.phone()
    kept = await keep(phone)
    assert (await phone.delete(f"/v1/addresses/{kept}")).status_code == 204
    assert (await phone.delete(f"/v1/addresses/{kept}")).status_code == 404
    assert await db.value("select count(*) from address") == 0


async def test_one_default_at_a_time(shop):
    phone = await shop.phone()
    first, second = await keep(phone), await keep(phone)
    listed = (await phone.get("/v1/addresses")).json()["items"]
    assert [(each["id"], each["is_default"]) for each in listed] == [(second, True), (first, False)]


async def test_the_same_key_keeps_one_address(shop):
    phone, key = await shop.phone(), uuid4().hex
    answers = [await phone.post("/v1/addresses", HOME, key=key) for _ in range(3)]
    assert {answer.text for answer in answers} == {answers[0].text}
    assert await db.value("select count(*) from address") == 1
    other = await phone.post("/v1/addresses", HOME | {"detail": "外滩18号"}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_the_twenty_first_address_is_refused_also_when_they_race(shop):
    phone = await shop.phone()
    answers = await asyncio.gather(
        *(phone.post("/v1/addresses", HOME | {"is_default": False}) for _ in range(25))
    )
    assert [answer.status_code for answer in answers].count(201) == 20
    codes = {answer.json()["code"] for answer in answers if answer.status_code != 201}
    assert codes == {"too_many_addresses"}


async def test_foreign_addresses_look_like_absent_ones(shop):
    anna, bert = await shop.phone(), await shop.phone()
    foreign, absent = await keep(anna), "999999999"
    for name in (absent, "0", "-1", "x", "1" * 19, "1.0"):
        path, same_path = f"/v1/addresses/{name}", f"/v1/addresses/{foreign}"
        for act in (Phone.get, Phone.delete):
            there, nowhere = await act(bert, same_path), await act(bert, path)
            assert (there.status_code, there.json()) == (404, nowhere.json())
        there, nowhere = await bert.put(same_path, HOME), await bert.put(path, HOME)
        assert (there.status_code, there.json()) == (404, nowhere.json())
    assert (await anna.get(f"/v1/addresses/{foreign}")).json() == {"id": foreign, **HOME}
    assert (await bert.get("/v1/addresses")).json() == {"items": []}


@pytest.mark.parametrize(
    "change",
    [
        {"phone": "1380013800"},
        {"phone": "138001380000"},
        {"phone": "13800138000\n"},
        {"phone": "１３８００１３８０００"},
        {"phone": "23800138000"},
        {"phone": 13800138000},
        {"receiver": ""},
        {"receiver": "   "},
        {"receiver": "x" * 33},
        {"detail": "a\nb"},
        {"detail": "\u202e三楼"},
        {"detail": "x" * 121},
        {"region": ["上海市", "上海市"]},
        {"region": ["上海市", "上海市", "黄浦区", "外滩"]},
        {"region": ["上海市", "", "黄浦区"]},
        {"region": "上海市"},
        {"lat": 91},
        {"lat": "31.2"},
        {"lat": None},
        {"lng": 0},
        {"lat": -33.8, "lng": 151.2},
        {"is_default": 1},
        {"member_id": "1"},
        {"id": "1"},
    ],
)
async def test_an_address_nobody_could_deliver_to_is_refused(shop, change):
    phone = await shop.phone()
    answer = await phone.post("/v1/addresses", HOME | change)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert await db.value("select count(*) from address") == 0


@pytest.mark.parametrize("field", ["receiver", "phone", "region", "detail", "lat", "lng"])
async def test_every_part_of_an_address_but_the_default_is_needed(shop, field):
    phone = await shop.phone()
    body = {name: value for name, value in HOME.items() if name != field}
    assert (await phone.post("/v1/addresses", body)).status_code == 422


async def test_nothing_personal_rests_in_clear_anywhere(shop, link):
    phone = await shop.phone()
    kept = await keep(phone)
    await phone.put(f"/v1/addresses/{kept}", HOME | {"receiver": "欧阳建国"})
    secrets = ["王晓彤", "欧阳建国", HOME["phone"], HOME["detail"], "31.2304", phone.token]
    tables = await db.rows("select tablename from pg_tables where schemaname = 'public'")
    for table in tables:
        name = table["tablename"]
        rows = await db.value(f'select string_agg(t::text, chr(10)) from "{name}" t') or ""
        for secret in secrets:
            assert secret not in rows, name
            assert secret.encode().hex() not in rows, name
    for key in await link.call("KEYS", "*"):
        assert phone.token.encode() not in key + await link.call("DUMP", key)
