"""Orders at the simulated WeChat Pay, from the first call to the last state (facts D1-D5)."""

import json
import re

import pytest

from tests.wechat.test_sandbox_shop import MCHID, PUBLIC_KEY_ID, is_wechats, open_shop

JSAPI = "/v3/pay/transactions/jsapi"
HOUR = 3600
DAY = 86400


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"key": "stranger"}, 401, "SIGN_ERROR"),
        ({"sent": '{"tampered":1}'}, 401, "SIGN_ERROR"),
        ({"sent_path": f"{JSAPI}?x=1"}, 401, "SIGN_ERROR"),
        ({"late": -301}, 401, "SIGN_ERROR"),
        ({"late": 302}, 401, "SIGN_ERROR"),
        ({"parts": {"serial_no": "4444"}}, 401, "SIGN_ERROR"),
        ({"parts": {"mchid": "1900000002"}}, 401, "SIGN_ERROR"),
        ({"parts": {"timestamp": "yesterday"}}, 401, "SIGN_ERROR"),
        ({"parts": {"signature": "bm9uc2Vuc2U="}}, 401, "SIGN_ERROR"),
        ({"parts": {"signature": "no base64!"}}, 401, "SIGN_ERROR"),
        ({"parts": {"extra": "1"}}, 401, "SIGN_ERROR"),
        ({"headers": {"Authorization": None}}, 401, "SIGN_ERROR"),
        ({"headers": {"Authorization": "Bearer me"}}, 401, "SIGN_ERROR"),
        ({"headers": {"Wechatpay-Serial": None}}, 400, "PARAM_ERROR"),
        ({"headers": {"Wechatpay-Serial": PUBLIC_KEY_ID + "9"}}, 400, "PARAM_ERROR"),
        ({"headers": {"Accept": "text/html"}}, 400, "PARAM_ERROR"),
        ({"headers": {"User-Agent": ""}}, 400, "PARAM_ERROR"),
        ({"headers": {"Content-Type": "text/plain"}}, 400, "PARAM_ERROR"),
    ],
)
async def test_a_request_that_is_not_exactly_the_merchants_is_refused(changes, status, code):
    async with open_shop() as shop:
        order = shop.order(await shop.shopper())
        answer = await shop.pay("POST", JSAPI, order, **changes)
        assert (answer.status, answer.code) == (status, code)
        assert is_wechats(answer.headers, answer.raw)
        assert (await shop.query(order["out_trade_no"])).code == "ORDER_NOT_EXIST"


async def test_a_nonce_opens_the_door_once():
    async with open_shop() as shop:
        path = f"/v3/pay/transactions/out-trade-no/NOBODY?mchid={MCHID}"
        first = await shop.pay("GET", path, nonce="n" * 32)
        again = await shop.pay("GET", path, nonce="n" * 32)
        assert (first.code, again.code) == ("ORDER_NOT_EXIST", "SIGN_ERROR")


async def test_a_forged_call_does_not_use_up_the_nonce():
    async with open_shop() as shop:
        path = f"/v3/pay/transactions/out-trade-no/NOBODY?mchid={MCHID}"
        await shop.pay("GET", path, nonce="n" * 32, key="stranger")
        assert (await shop.pay("GET", path, nonce="n" * 32)).code == "ORDER_NOT_EXIST"


async def test_answers_are_signed_with_the_platform_key():
    async with open_shop() as shop:
        order = shop.order(await shop.shopper())
        prepaid = await shop.prepay(order)
        queried = await shop.query(order["out_trade_no"])
        closed = await shop.close(order["out_trade_no"])
        for answer in (prepaid, queried, closed):
            assert is_wechats(answer.headers, answer.raw)
            assert not is_wechats(answer.headers, answer.raw + b" ")
            assert answer.headers["Request-ID"].endswith("-0")
        assert (closed.status, closed.raw) == (204, b"")


BAD_FIELDS = [
    ({"description": "字" * 128}, "PARAM_ERROR"),
    ({"description": ""}, "PARAM_ERROR"),
    ({"out_trade_no": "short"}, "PARAM_ERROR"),
    ({"out_trade_no": "x" * 33}, "PARAM_ERROR"),
    ({"out_trade_no": "中文订单号一二三"}, "PARAM_ERROR"),
    ({"out_trade_no": "newline1\n"}, "PARAM_ERROR"),
    ({"attach": "a" * 129}, "PARAM_ERROR"),
    ({"attach": None}, "PARAM_ERROR"),
    ({"goods_tag": "g" * 33}, "PARAM_ERROR"),
    ({"amount": {"total": 0, "currency": "CNY"}}, "PARAM_ERROR"),
    ({"amount": {"total": 1.5, "currency": "CNY"}}, "PARAM_ERROR"),
    ({"amount": {"total": "1", "currency": "CNY"}}, "PARAM_ERROR"),
    ({"amount": {"total": 1, "currency": "USD"}}, "PARAM_ERROR"),
    ({"amount": {"total": 1, "tax": 1}}, "PARAM_ERROR"),
    ({"payer": {}}, "PARAM_ERROR"),
    ({"surprise": 1}, "PARAM_ERROR"),
    ({"time_expire": "tomorrow"}, "PARAM_ERROR"),
    ({"time_expire": "2018-06-08T10:34:56+08:00"}, "PARAM_ERROR"),
    ({"notify_url": "http://shop.example.com/pay"}, "PARAM_ERROR"),
    ({"notify_url": "https://shop.example.com/pay?x=1"}, "PARAM_ERROR"),
    ({"notify_url": "https://shop.example.com/" + "x" * 240}, "PARAM_ERROR"),
    ({"notify_url": "ftp://127.0.0.1/"}, "PARAM_ERROR"),
    ({"detail": {"goods_detail": [{"merchant_goods_id": "g"}]}}, "PARAM_ERROR"),
    (
        {
            "detail": {
                "goods_detail": [
                    {
                        "merchant_goods_id": "g",
                        "quantity": 1,
                        "unit_price": 1,
                        "goods_name": "n" * 256,
                    }
                ]
                * 25
            }
        },
        "PARAM_ERROR",
    ),
    ({"scene_info": {"device_id": "d"}}, "PARAM_ERROR"),
    ({"settle_info": {"profit_sharing": "yes"}}, "PARAM_ERROR"),
    ({"appid": "wx0000000000000000"}, "APPID_MCHID_NOT_MATCH"),
    ({"mchid": "1900000009"}, "MCH_NOT_EXISTS"),
    ({"payer": {"openid": "oSomebodyOfAnotherApp"}}, "OPENID_MISMATCH"),
]


@pytest.mark.parametrize(("changes", "code"), BAD_FIELDS)
async def test_a_field_beyond_its_limit_is_refused_and_creates_nothing(changes, code):
    async with open_shop() as shop:
        good = shop.order(await shop.shopper())
        answer = await shop.prepay(good | changes)
        assert (answer.status, answer.code) == (500 if code == "OPENID_MISMATCH" else 400, code)
        assert is_wechats(answer.headers, answer.raw)
        assert (await shop.query(good["out_trade_no"])).code == "ORDER_NOT_EXIST"


async def test_an_unknown_field_is_named_with_its_inner_code():
    async with open_shop() as shop:
        answer = await shop.prepay(shop.order(await shop.shopper(), surprise=1))
        assert answer.json["detail"]["field"] == "surprise"
        assert answer.headers["Request-ID"].endswith("-270924358")


@pytest.mark.parametrize("body", ["{", "[]", '{"appid":"\\ud800"}', '"text"', "null"])
async def test_a_body_that_is_no_order_is_a_param_error(body):
    async with open_shop() as shop:
        assert (await shop.pay("POST", JSAPI, body)).code == "PARAM_ERROR"


async def test_every_optional_field_at_its_limit_is_accepted():
    async with open_shop() as shop:
        order = shop.order(
            await shop.shopper(),
            description="字" * 127,
            attach="附" * 128,
            goods_tag="t" * 32,
            support_fapiao=False,
            out_trade_no="A-b_c|d*" * 4,
            detail={
                "cost_price": 0,
                "invoice_id": "i" * 32,
                "goods_detail": [
                    {
                        "merchant_goods_id": "g" * 32,
                        "wechatpay_goods_id": "1001",
                        "goods_name": "名" * 256,
                        "quantity": 1,
                        "unit_price": 1990,
                    }
                ],
            },
            scene_info={
                "payer_client_ip": "2001:db8::1",
                "device_id": "POS1",
                "store_info": {"id": "0001", "name": "望京店", "area_code": "110105"},
            },
            settle_info={"profit_sharing": True},
        )
        prepaid = await shop.prepay(order)
        assert prepaid.status == 200, prepaid.raw
        assert len(prepaid.json["prepay_id"]) <= 64
        path = "/v3/pay/transactions/out-trade-no/A-b_c%7Cd*A-b_c%7Cd*A-b_c%7Cd*A-b_c%7Cd*"
        queried = await shop.pay("GET", f"{path}?mchid={MCHID}")
        assert queried.json["trade_state"] == "NOTPAY"
        assert queried.json["scene_info"] == {"device_id": "POS1"}
        assert "attach" not in queried.json


async def test_the_same_unpaid_order_gets_a_fresh_prepay_id():
    async with open_shop() as shop:
        order = shop.order(await shop.shopper(), time_expire="2099-01-01T00:00:00+08:00")
        first = await shop.prepay(order)
        again = await shop.prepay(order | {"time_expire": "2099-01-02T00:00:00+08:00"})
        assert (first.status, again.status) == (200, 200)
        assert first.json["prepay_id"] != again.json["prepay_id"]


async def test_different_parameters_under_one_number_are_refused():
    async with open_shop() as shop:
        order = shop.order(await shop.shopper())
        await shop.prepay(order)
        for changes in (
            {"amount": {"total": 1991, "currency": "CNY"}},
            {"description": "something else"},
            {"attach": "more"},
            {"payer": {"openid": await shop.shopper()}},
        ):
            answer = await shop.prepay(order | changes)
            assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
            assert answer.headers["Request-ID"].endswith("-268498688")
        await shop.close(order["out_trade_no"])
        answer = await shop.prepay(order | {"attach": "more"})
        assert (answer.status, answer.code) == (403, "OUT_TRADE_NO_USED")


async def test_a_paid_order_cannot_be_ordered_or_closed_again():
    async with open_shop() as shop:
        order = await shop.paid()
        repeated = await shop.prepay(order)
        closed = await shop.close(order["out_trade_no"])
        assert (repeated.status, repeated.code) == (400, "ORDERPAID")
        assert (closed.status, closed.code) == (400, "ORDERPAID")
        assert (await shop.query(order["out_trade_no"])).json["trade_state"] == "SUCCESS"


async def test_closing_is_repeatable_and_final():
    async with open_shop() as shop:
        openid = await shop.shopper()
        order = shop.order(openid)
        sheet = await shop.open_sheet(order, openid)
        number = order["out_trade_no"]
        assert [(await shop.close(number)).status for _ in range(2)] == [204, 204]
        assert (await shop.query(number)).json["trade_state"] == "CLOSED"
        await shop.do("POST", f"/sandbox/sheets/{sheet}/confirm", {}, 409)
        repeated = await shop.prepay(order)
        assert (repeated.status, repeated.code) == (400, "ORDER_CLOSED")
        assert (await shop.query(number)).json["trade_state"] == "CLOSED"


async def test_closing_what_does_not_exist_or_for_another_merchant_is_refused():
    async with open_shop() as shop:
        unknown = await shop.close("NEVER-ORDERED")
        assert (unknown.status, unknown.code) == (404, "ORDER_NOT_EXIST")
        order = shop.order(await shop.shopper())
        await shop.prepay(order)
        path = f"/v3/pay/transactions/out-trade-no/{order['out_trade_no']}/close"
        for body in ({"mchid": "1900000009"}, {}, {"mchid": MCHID, "x": 1}):
            assert (await shop.pay("POST", path, body)).status == 400
        assert (await shop.query(order["out_trade_no"])).json["trade_state"] == "NOTPAY"


async def test_a_paid_order_is_found_by_both_numbers_with_the_whole_object():
    async with open_shop() as shop:
        order = await shop.paid(attach="桌号8")
        found = (await shop.query(order["out_trade_no"])).json
        assert re.fullmatch(r"42\d{26}", found["transaction_id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00", found["success_time"])
        amount = {"total": 1990, "payer_total": 1990, "currency": "CNY", "payer_currency": "CNY"}
        assert found["amount"] == amount
        assert found["payer"] == order["payer"]
        assert (found["trade_state"], found["trade_type"]) == ("SUCCESS", "JSAPI")
        assert found["attach"] == "桌号8"
        path = f"/v3/pay/transactions/id/{found['transaction_id']}?mchid={MCHID}"
        assert (await shop.pay("GET", path)).json == found


async def test_a_query_needs_the_merchants_own_mchid():
    async with open_shop() as shop:
        order = await shop.paid()
        path = f"/v3/pay/transactions/out-trade-no/{order['out_trade_no']}"
        assert (await shop.pay("GET", path)).code == "PARAM_ERROR"
        assert (await shop.pay("GET", f"{path}?mchid=1900000009")).code == "ORDER_NOT_EXIST"
        path = f"/v3/pay/transactions/id/{'4' * 28}?mchid={MCHID}"
        assert (await shop.pay("GET", path)).status == 404


async def test_the_end_of_payment_blocks_the_sheet_but_does_not_close():
    async with open_shop() as shop:
        openid = await shop.shopper()
        order = shop.order(openid, time_expire="2099-01-01T00:00:00+08:00")
        sheet = await shop.open_sheet(order, openid)
        # However late the shop asks for, WeChat cuts at 15 days.
        await shop.move(15 * DAY - 5)
        assert (await shop.query(order["out_trade_no"])).json["trade_state"] == "NOTPAY"
        state = await shop.do("GET", f"/sandbox/trades/{order['out_trade_no']}")
        assert state["expires_at"] < "2099"
        await shop.move(15 * DAY + 1)
        await shop.do("POST", f"/sandbox/sheets/{sheet}/confirm", {}, 409)
        assert (await shop.query(order["out_trade_no"])).json["trade_state"] == "CLOSED"


async def test_an_expired_order_stays_unpaid_and_is_not_ordered_again():
    async with open_shop() as shop:
        openid = await shop.shopper()
        soon = await shop.do("POST", "/sandbox/clock", {"offset_seconds": 120}, 200)
        await shop.move(0)
        order = shop.order(openid, time_expire=soon["now"])
        sheet = await shop.open_sheet(order, openid)
        await shop.move(121)
        await shop.do("POST", f"/sandbox/sheets/{sheet}/confirm", {}, 409)
        repeated = await shop.prepay(order)
        assert repeated.code == "INVALID_REQUEST"
        assert repeated.headers["Request-ID"].endswith("-268447914")
        assert (await shop.query(order["out_trade_no"])).json["trade_state"] == "NOTPAY"
        assert (await shop.close(order["out_trade_no"])).status == 204


async def test_an_order_nobody_pays_closes_after_a_week():
    async with open_shop() as shop:
        order = shop.order(await shop.shopper())
        await shop.prepay(order)
        await shop.move(7 * DAY + 1)
        assert (await shop.query(order["out_trade_no"])).json["trade_state"] == "CLOSED"


async def test_a_prepay_id_lives_two_hours():
    async with open_shop() as shop:
        openid = await shop.shopper()
        order = shop.order(openid)
        prepay_id = (await shop.prepay(order)).json["prepay_id"]
        sheets = f"/sandbox/shoppers/{openid}/sheets"
        await shop.move(2 * HOUR - 5)
        await shop.do("POST", sheets, shop.request_payment(prepay_id), 201)
        await shop.move(2 * HOUR + 1)
        await shop.do("POST", sheets, shop.request_payment(prepay_id), 400)
        fresh = (await shop.prepay(order)).json["prepay_id"]
        await shop.do("POST", sheets, shop.request_payment(fresh), 201)


async def test_the_sheet_opens_only_for_what_the_shop_signed():
    async with open_shop() as shop:
        openid = await shop.shopper()
        prepay_id = (await shop.prepay(shop.order(openid))).json["prepay_id"]
        good = shop.request_payment(prepay_id)
        sheets = f"/sandbox/shoppers/{openid}/sheets"
        for changes in (
            {"paySign": good["paySign"][:-4] + "AAA="},
            {"nonceStr": "0" * 32},
            {"package": prepay_id},
            {"package": "prepay_id=wx000"},
            {"appId": "wx0000000000000000"},
            {"signType": "MD5"},
            {"timeStamp": int(good["timeStamp"])},
        ):
            answer = await shop.do("POST", sheets, good | changes, 400)
            assert answer["message"]
        await shop.do("POST", sheets, shop.request_payment("wx-unknown"), 400)
        other = f"/sandbox/shoppers/{await shop.shopper()}/sheets"
        await shop.do("POST", other, good, 400)
        implied = {name: value for name, value in good.items() if name != "appId"}
        sheet = await shop.do("POST", sheets, implied, 201)
        assert (sheet["amount_fen"], sheet["description"]) == (1990, "集市·望京店-鲜花套餐")


async def test_a_sheet_is_answered_once_and_an_order_paid_once():
    async with open_shop() as shop:
        openid = await shop.shopper()
        order = shop.order(openid)
        one, two, three = [await shop.open_sheet(order, openid) for _ in range(3)]
        await shop.do("POST", f"/sandbox/sheets/{one}/decline", {}, 200)
        await shop.do("POST", f"/sandbox/sheets/{one}/confirm", {}, 409)
        paid = await shop.do("POST", f"/sandbox/sheets/{two}/confirm", {}, 200)
        await shop.do("POST", f"/sandbox/sheets/{two}/confirm", {}, 409)
        await shop.do("POST", f"/sandbox/sheets/{three}/confirm", {}, 409)
        await shop.do("POST", "/sandbox/sheets/none/confirm", {}, 404)
        found = (await shop.query(order["out_trade_no"])).json
        assert found["transaction_id"] == paid["transaction_id"]
        listed = await shop.do("GET", f"/sandbox/shoppers/{openid}/sheets", expect=200)
        assert [sheet["state"] for sheet in listed["items"]] == ["declined", "paid", "open"]
        assert len(await shop.receiver.wait(1)) == 1


async def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    seen = []
    for seed in (1, 1, 2):
        async with open_shop(seed) as shop:
            seen.append(json.dumps([await shop.shopper() for _ in range(3)]))
    assert seen[0] == seen[1] != seen[2]
