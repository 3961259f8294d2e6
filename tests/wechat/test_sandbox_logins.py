"""Codes, tokens and subscribe messages of the simulated api.weixin.qq.com (facts A1, B, C1)."""

import base64
import json
import time

import pytest

from tests.wechat.test_sandbox_shop import APPID, SECRET, TEMPLATE, open_shop

GOOD = {
    "character_string1": {"value": "T0000000001"},
    "thing2": {"value": "鲜花套餐等3件"},
    "amount3": {"value": "￥19.90"},
}


async def code2session(shop, code: str, **changes):
    asked = {
        "appid": APPID,
        "secret": SECRET,
        "js_code": code,
        "grant_type": "authorization_code",
    } | changes
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    answer = await shop.http("GET", f"/sns/jscode2session?{query}")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return answer.json


async def login_code(shop, openid: str) -> str:
    return (await shop.do("POST", f"/sandbox/shoppers/{openid}/login-code", {}, 200))["code"]


async def stable(shop, **changes) -> dict:
    body = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET} | changes
    return (await shop.http("POST", "/cgi-bin/stable_token", json.dumps(body).encode())).json


async def plain(shop) -> dict:
    query = f"grant_type=client_credential&appid={APPID}&secret={SECRET}"
    return (await shop.http("GET", f"/cgi-bin/token?{query}")).json


async def send(shop, token: str, openid: str, **changes) -> dict:
    body = {
        "touser": openid,
        "template_id": TEMPLATE,
        "page": "pages/order?no=1",
        "data": GOOD,
        "miniprogram_state": "formal",
        "lang": "zh_CN",
    } | changes
    path = f"/cgi-bin/message/subscribe/send?access_token={token}"
    raw = json.dumps(body, ensure_ascii=False).encode()
    return (await shop.http("POST", path, raw)).json


async def consent(shop, openid: str, **body) -> int:
    path = f"/sandbox/shoppers/{openid}/subscriptions"
    return (await shop.do("POST", path, {"template_id": TEMPLATE} | body, 200))["credit"]


async def test_a_code_opens_one_session():
    async with open_shop() as shop:
        shopper = await shop.do("POST", "/sandbox/shoppers", {"nickname": "小满"}, 201)
        code = await login_code(shop, shopper["openid"])
        session = await code2session(shop, code)
        assert session["openid"] == shopper["openid"]
        assert session["unionid"] == shopper["unionid"]
        assert len(base64.b64decode(session["session_key"])) == 16
        assert (await code2session(shop, code))["errcode"] == 40163
        again = await code2session(shop, await login_code(shop, shopper["openid"]))
        assert again["openid"] == shopper["openid"]


async def test_forged_and_expired_codes_are_refused():
    async with open_shop() as shop:
        openid = await shop.shopper()
        assert (await code2session(shop, "0forged"))["errcode"] == 40029
        code = await login_code(shop, openid)
        await shop.move(301)
        answer = await code2session(shop, code)
        assert answer["errcode"] == 40029
        assert "openid" not in answer
        await shop.move(290)
        assert (await code2session(shop, code))["openid"] == openid


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"appid": "wx0000000000000000"}, 40013),
        ({"appid": ""}, 41002),
        ({"secret": "guess"}, 40125),
        ({"secret": ""}, 41004),
        ({"grant_type": "password"}, 40002),
        ({"js_code": ""}, 41008),
    ],
)
async def test_a_wrongly_set_up_login_leaves_the_code_usable(changes, errcode):
    async with open_shop() as shop:
        code = await login_code(shop, await shop.shopper())
        assert (await code2session(shop, code, **changes))["errcode"] == errcode
        assert "openid" in await code2session(shop, code)


async def test_a_given_openid_creates_or_returns_the_same_shopper():
    async with open_shop() as shop:
        asked = {"openid": "oDemo", "nickname": "阿茶", "unionid": None}
        first = await shop.do("POST", "/sandbox/shoppers", asked, 201)
        again = await shop.do("POST", "/sandbox/shoppers", {"openid": "oDemo"}, 201)
        assert first == again == {"openid": "oDemo", "unionid": None, "nickname": "阿茶"}
        assert (await shop.do("GET", "/sandbox/shoppers"))["items"] == [first]
        session = await code2session(shop, await login_code(shop, "oDemo"))
        assert "unionid" not in session
        await shop.do("POST", "/sandbox/shoppers/oNobody/login-code", {}, 404)
        await shop.do("POST", "/sandbox/shoppers", {"nick": "typo"}, 400)


async def test_the_stable_token_repeats_until_its_last_minutes():
    async with open_shop() as shop:
        first = await stable(shop)
        assert 7190 <= first["expires_in"] <= 7200
        await shop.move(6000)
        again = await stable(shop)
        assert again["access_token"] == first["access_token"]
        assert 1190 <= again["expires_in"] <= 1200
        await shop.move(6901)
        renewed = await stable(shop)
        assert renewed["access_token"] != first["access_token"]
        openid = await shop.shopper()
        assert (await send(shop, first["access_token"], openid))["errcode"] == 43101
        await shop.move(7201)
        assert (await send(shop, first["access_token"], openid))["errcode"] == 42001
        assert (await send(shop, renewed["access_token"], openid))["errcode"] == 43101


async def test_a_forced_refresh_kills_at_once_and_is_rationed():
    async with open_shop() as shop:
        openid = await shop.shopper()
        noon = (4 * 3600 - time.time()) % 86400  # in China, so that no midnight falls between
        await shop.move(noon)
        first = await stable(shop)
        second = await stable(shop, force_refresh=True)
        assert second["access_token"] != first["access_token"]
        assert (await stable(shop))["access_token"] == second["access_token"]
        assert (await send(shop, first["access_token"], openid))["errcode"] == 40001
        assert (await stable(shop, force_refresh=True))["errcode"] == 45011
        for count in range(1, 20):
            await shop.move(noon + count * 31)
            assert "access_token" in await stable(shop, force_refresh=True)
        await shop.move(noon + 20 * 31)
        assert (await stable(shop, force_refresh=True))["errcode"] == 45009
        await shop.move(noon + 86400)
        assert "access_token" in await stable(shop, force_refresh=True)


async def test_the_old_endpoint_mints_anew_and_lets_the_former_fade():
    async with open_shop() as shop:
        openid = await shop.shopper()
        first, second = (await plain(shop))["access_token"], (await plain(shop))["access_token"]
        kept = (await stable(shop))["access_token"]
        assert len({first, second, kept}) == 3
        assert (await send(shop, first, openid))["errcode"] == 43101
        await shop.move(301)
        assert (await send(shop, first, openid))["errcode"] == 42001
        assert (await send(shop, second, openid))["errcode"] == 43101
        assert (await stable(shop))["access_token"] == kept


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"grant_type": "authorization_code"}, 40002),
        ({"appid": "wx0000000000000000"}, 40013),
        ({"appid": ""}, 41002),
        ({"secret": "guess"}, 40125),
        ({"secret": None}, 41004),
        ({"force_refresh": "yes"}, 40097),
    ],
)
async def test_a_token_call_with_wrong_arguments_is_refused(changes, errcode):
    async with open_shop() as shop:
        assert (await stable(shop, **changes))["errcode"] == errcode


async def test_a_token_call_must_be_a_post_with_json():
    async with open_shop() as shop:
        path = "/cgi-bin/stable_token"
        assert (await shop.http("GET", path)).json["errcode"] == 43002
        assert (await shop.http("POST", path)).json["errcode"] == 44002
        assert (await shop.http("POST", path, b"{")).json["errcode"] == 47001


async def test_each_consent_carries_one_message():
    async with open_shop() as shop:
        openid, other = await shop.shopper(), await shop.shopper()
        token = (await stable(shop))["access_token"]
        assert await consent(shop, openid, count=2) == 2
        assert await consent(shop, openid, accept=False) == 2
        first = await send(shop, token, openid)
        assert (first["errcode"], first["errmsg"]) == (0, "ok")
        second = await send(shop, token, openid, page=None)
        assert second["errcode"] == 41030
        second = await send(shop, token, openid)
        assert second["msgid"] != first["msgid"]
        assert (await send(shop, token, openid))["errcode"] == 43101
        assert (await send(shop, token, other))["errcode"] == 43101
        items = (await shop.do("GET", f"/sandbox/shoppers/{openid}/messages"))["items"]
        assert len(items) == 2
        assert items[0]["title"] == "订单支付成功通知"
        assert (items[0]["page"], items[0]["data"]) == ("pages/order?no=1", GOOD)
        assert (await shop.do("GET", f"/sandbox/shoppers/{other}/messages"))["items"] == []


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("thing2", "二十一个字的商品名称实在是太长太长太长了啊"),
        ("thing2", ""),
        ("thing2", "两行\n文字"),
        ("thing2", 3),
        ("character_string1", "订单号"),
        ("character_string1", "x" * 33),
        ("amount3", "19.90元人民币"),
        ("amount3", "￥123456789.00"),
        ("thing9", "not in the template"),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_by_name_and_costs_nothing(keyword, value):
    async with open_shop() as shop:
        openid = await shop.shopper()
        token = (await stable(shop))["access_token"]
        await consent(shop, openid)
        refused = await send(shop, token, openid, data=GOOD | {keyword: {"value": value}})
        assert refused["errcode"] == 47003
        assert keyword in refused["errmsg"]
        assert (await send(shop, token, openid))["errcode"] == 0


async def test_a_missing_keyword_is_named():
    async with open_shop() as shop:
        token = (await stable(shop))["access_token"]
        some = {name: value for name, value in GOOD.items() if name != "amount3"}
        refused = await send(shop, token, await shop.shopper(), data=some)
        assert refused["errcode"] == 47003
        assert "amount3" in refused["errmsg"]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"touser": "oNobody"}, 40003),
        ({"touser": None}, 40003),
        ({"template_id": "unknown"}, 40037),
        ({"template_id": ["list"]}, 40037),
        ({"data": "text"}, 47003),
        ({"miniprogram_state": "beta"}, 40097),
        ({"lang": "fr_FR"}, 40097),
    ],
)
async def test_a_message_that_cannot_be_addressed_is_refused(changes, errcode):
    async with open_shop() as shop:
        openid = await shop.shopper()
        await consent(shop, openid)
        token = (await stable(shop))["access_token"]
        assert (await send(shop, token, openid, **changes))["errcode"] == errcode


async def test_a_message_needs_a_living_token():
    async with open_shop() as shop:
        openid = await shop.shopper()
        assert (await send(shop, "", openid))["errcode"] == 41001
        assert (await send(shop, "forged", openid))["errcode"] == 40001
        path = f"/sandbox/shoppers/{openid}/subscriptions"
        await shop.do("POST", path, {"template_id": "unknown"}, 404)
