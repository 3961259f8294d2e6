"""Shoppers log in through WeChat, stay logged in, and are nobody without a session."""

import asyncio

import pytest

from kit import db
from miniprogram_api.session import PER_ADDRESS
from tests.factories import PASSWORD, make_staff
from tests.shop import Phone, Shop

UNKNOWN_TOKEN = "A" * 43


async def new_shopper(shop: Shop) -> str:
    return str((await shop.sandbox.post("/sandbox/shoppers", json={})).json()["openid"])


async def login_code(shop: Shop, openid: str) -> str:
    made = await shop.sandbox.post(f"/sandbox/shoppers/{openid}/login-code")
    return str(made.json()["code"])


async def log_in(shop: Shop, code: str):
    return await shop.http.post("/v1/session", json={"code": code})


async def test_a_wechat_login_becomes_a_session_of_the_same_member_each_time(shop):
    openid = await new_shopper(shop)
    first = (await log_in(shop, await login_code(shop, openid))).json()
    again = (await log_in(shop, await login_code(shop, openid))).json()
    assert (first["member"]["is_new"], again["member"]["is_new"]) == (True, False)
    assert first["member"]["id"] == again["member"]["id"]
    assert first["token"] != again["token"]
    me = await shop.http.get("/v1/me", headers={"Authorization": f"bearer {again['token']}"})
    assert me.json()["id"] == first["member"]["id"]


async def test_two_first_logins_at_once_make_one_member(shop):
    openid = await new_shopper(shop)
    codes = [await login_code(shop, openid) for _ in range(10)]
    answers = await asyncio.gather(*(log_in(shop, code) for code in codes))
    members = [answer.json()["member"] for answer in answers]
    assert len({member["id"] for member in members}) == 1
    assert sum(member["is_new"] for member in members) == 1
    assert await db.value("select count(*) from member") == 1


async def test_forged_reused_and_expired_codes_are_refused(shop):
    openid = await new_shopper(shop)
    reused, expired = await login_code(shop, openid), await login_code(shop, openid)
    assert (await log_in(shop, reused)).status_code == 201
    refused = [await log_in(shop, "0a1b2c3d4e5f"), await log_in(shop, reused)]
    await shop.sandbox.post("/sandbox/clock", json={"offset_seconds": 301})
    try:
        refused.append(await log_in(shop, expired))
    finally:
        await shop.sandbox.post("/sandbox/clock", json={"offset_seconds": 0})
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (401, "login_code_refused")


async def test_the_session_key_leaves_the_house_in_no_answer(shop):
    openid = await new_shopper(shop)
    answer = await log_in(shop, await login_code(shop, openid))
    assert set(answer.json()) == {"token", "expires_at", "member"}
    assert set(answer.json()["member"]) == {"id", "nickname", "is_new"}


async def test_after_log_out_the_token_opens_nothing(shop):
    phone = await shop.phone()
    other = await shop.phone(phone.openid)
    assert (await phone.delete("/v1/session")).status_code == 204
    assert (await phone.get("/v1/me")).status_code == 401
    assert (await other.get("/v1/me")).status_code == 200


async def test_the_eleventh_login_ends_the_oldest_session(shop):
    phones = [await shop.phone()]
    for _ in range(10):
        phones.append(await shop.phone(phones[0].openid))
    statuses = [(await phone.get("/v1/me")).status_code for phone in phones]
    assert statuses == [401, *[200] * 10]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer short",
        f"Bearer {UNKNOWN_TOKEN}",
        f"Bearer  {UNKNOWN_TOKEN}",
        f"Bearer {UNKNOWN_TOKEN}A",
        f"Basic {UNKNOWN_TOKEN}",
        "Bearer " + "é" * 43,
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
        "Bearer " + "*" * 43,
        "Bearer " + "A" * 7000,
    ],
)
@pytest.mark.parametrize("path", ["/v1/me", "/v1/staff/me"])
async def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(shop, path, header):
    headers = {} if header is None else {"Authorization": header.encode()}
    answer = await shop.http.get(path, headers=headers)
    plain = await shop.http.get(path)
    assert answer.status_code == 401
    assert answer.json() == plain.json()
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_tokens_of_shoppers_and_staff_do_not_open_each_others_doors(shop):
    phone = await shop.phone()
    await make_staff("admin", "headquarters")
    login = await shop.http.post(
        "/v1/staff/session", json={"account": "admin", "password": PASSWORD}
    )
    worker = Phone(shop, "", login.json()["token"])
    staff_paths = ("/v1/staff/me", "/v1/staff/people", "/v1/staff/audit", "/v1/staff/people/1")
    for path in staff_paths:
        assert (await phone.get(path)).status_code == 401
        assert (await worker.get(path)).status_code in (200, 404)
    for path in ("/v1/me", "/v1/addresses", "/v1/addresses/1"):
        assert (await worker.get(path)).status_code == 401
        assert (await phone.get(path)).status_code in (200, 404)
    assert (await phone.delete("/v1/staff/session")).status_code == 401
    assert (await worker.delete("/v1/session")).status_code == 401


async def test_a_flood_of_logins_from_one_address_is_told_when_to_come_back(shop, link):
    openid = await new_shopper(shop)
    await link.call("SET", "limit:login_address:127.0.0.1", PER_ADDRESS.tries, "EX", 60)
    answer = await log_in(shop, await login_code(shop, openid))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(answer.headers["retry-after"]) <= 60


async def test_a_forwarded_address_is_believed_only_from_a_configured_proxy(shop, link):
    await link.call("SET", "limit:login_address:127.0.0.1", PER_ADDRESS.tries, "EX", 60)
    headers = {
        "X-Forwarded-For": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
        "X-Real-IP": "203.0.113.9",
    }
    answer = await shop.http.post("/v1/session", json={"code": "abc"}, headers=headers)
    assert answer.status_code == 429


@pytest.mark.parametrize(
    "body",
    [{}, {"code": ""}, {"code": "x" * 257}, {"code": 1}, {"code": None}, {"code": "a", "b": 1}],
)
async def test_a_malformed_login_is_invalid_input(shop, body):
    answer = await shop.http.post("/v1/session", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize("code", ["验证码", "a\nb", "a&secret=1", "a b", "💳"])
async def test_an_odd_code_is_refused_without_harm(shop, code):
    answer = await log_in(shop, code)
    assert (answer.status_code, answer.json()["code"]) == (401, "login_code_refused")
