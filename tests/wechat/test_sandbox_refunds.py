"""Refunds at the simulated WeChat Pay (facts D7)."""

import asyncio

import pytest

from tests.wechat.test_sandbox_shop import is_wechats, open_shop

REFUNDS = "/v3/refund/domestic/refunds"
MINUTE = 61
YEAR = 365 * 86400


async def settled(shop, number: str) -> dict:
    async with asyncio.timeout(5):
        while True:
            refund = (await shop.pay("GET", f"{REFUNDS}/{number}")).json
            if refund["status"] != "PROCESSING":
                return refund
            await asyncio.sleep(0.01)


async def test_a_refund_is_accepted_then_settles_by_itself_and_is_told():
    async with open_shop() as shop:
        await shop.move(speed=20)
        order = await shop.paid()
        await shop.receiver.wait(1)
        answer = await shop.refund(order, "R-1", 990, notify_url=shop.receiver.url, reason="破损")
        accepted = answer.json
        assert is_wechats(answer.headers, answer.raw)
        assert (answer.status, accepted["status"]) == (200, "PROCESSING")
        assert "success_time" not in accepted
        assert (await shop.query(order["out_trade_no"])).json["trade_state"] == "REFUND"
        done = await settled(shop, "R-1")
        assert (done["status"], done["refund_id"]) == ("SUCCESS", accepted["refund_id"])
        amount = {"total": 1990, "refund": 990, "payer_total": 1990, "payer_refund": 990}
        assert amount.items() <= done["amount"].items()
        notice = (await shop.receiver.wait(2))[1]
        assert is_wechats(notice.headers, notice.raw)
        assert notice.envelope["event_type"] == "REFUND.SUCCESS"
        assert notice.envelope["resource"]["original_type"] == "refund"
        assert notice.plain == {
            "mchid": order["mchid"],
            "out_trade_no": order["out_trade_no"],
            "transaction_id": done["transaction_id"],
            "out_refund_no": "R-1",
            "refund_id": done["refund_id"],
            "refund_status": "SUCCESS",
            "success_time": done["success_time"],
            "user_received_account": done["user_received_account"],
            "amount": amount,
        }


async def test_without_a_notify_url_nothing_is_told():
    async with open_shop() as shop:
        await shop.move(speed=50)
        order = await shop.paid()
        await shop.refund(order, "R-1", 1)
        await settled(shop, "R-1")
        state = await shop.do("GET", f"/sandbox/trades/{order['out_trade_no']}", expect=200)
        assert [notice["event_type"] for notice in state["notices"]] == ["TRANSACTION.SUCCESS"]
        assert [refund["out_refund_no"] for refund in state["refunds"]] == ["R-1"]


async def test_the_same_number_is_the_same_refund_and_other_parameters_are_refused():
    async with open_shop() as shop:
        order = await shop.paid()
        number = (await shop.query(order["out_trade_no"])).json["transaction_id"]
        first = (await shop.refund(order, "R-1", 990)).json
        again = await shop.refund(order, "R-1", 990)
        assert (again.status, again.json["refund_id"]) == (200, first["refund_id"])
        body = {
            "transaction_id": number,
            "out_refund_no": "R-1",
            "amount": {"refund": 990, "total": 1990, "currency": "CNY"},
        }
        assert (await shop.pay("POST", REFUNDS, body)).json["refund_id"] == first["refund_id"]
        for changes in ({"reason": "new"}, {"notify_url": shop.receiver.url}):
            answer = await shop.refund(order, "R-1", 990, **changes)
            assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
        answer = await shop.refund(order, "R-1", 991)
        assert answer.headers["Request-ID"].endswith("-268498688")
        other = await shop.paid()
        assert (await shop.refund(other, "R-1", 990)).code == "INVALID_REQUEST"


async def test_more_than_was_paid_never_goes_back():
    async with open_shop() as shop:
        order = await shop.paid()
        answer = await shop.refund(order, "R-0", 1991)
        assert (answer.status, answer.code) == (403, "NOT_ENOUGH")
        await shop.refund(order, "R-1", 1000)
        await shop.move(MINUTE)
        assert (await shop.refund(order, "R-2", 991)).code == "NOT_ENOUGH"
        assert (await shop.refund(order, "R-3", 990)).status == 200
        assert (await shop.pay("GET", f"{REFUNDS}/R-2")).status == 404


async def test_what_closed_may_go_back_again_under_a_new_number():
    async with open_shop() as shop:
        await shop.move(speed=0.001)
        order = await shop.paid()
        await shop.refund(order, "R-1", 1990)
        await shop.do("POST", "/sandbox/refunds/R-1", {"state": "CLOSED"}, 200)
        assert (await shop.refund(order, "R-2", 1990)).status == 200


async def test_an_abnormal_refund_is_told_and_can_still_end():
    async with open_shop() as shop:
        await shop.move(speed=0.001)
        order = await shop.paid()
        await shop.receiver.wait(1)
        await shop.refund(order, "R-1", 1990, notify_url=shop.receiver.url)
        await shop.do("POST", "/sandbox/refunds/R-1", {"state": "ABNORMAL"}, 200)
        notice = (await shop.receiver.wait(2))[1]
        assert notice.envelope["event_type"] == "REFUND.ABNORMAL"
        assert notice.plain["refund_status"] == "ABNORMAL"
        assert "success_time" not in notice.plain
        await shop.do("POST", "/sandbox/refunds/R-1", {"state": "SUCCESS"}, 200)
        assert (await shop.receiver.wait(3))[2].plain["refund_status"] == "SUCCESS"
        await shop.do("POST", "/sandbox/refunds/R-1", {"state": "CLOSED"}, 409)
        await shop.do("POST", "/sandbox/refunds/R-9", {"state": "CLOSED"}, 404)
        await shop.do("POST", "/sandbox/refunds/R-1", {"state": "GONE"}, 400)


async def test_fifty_refunds_a_minute_apart_are_the_limit():
    async with open_shop() as shop:
        order = await shop.paid()
        await shop.refund(order, "R-0", 1)
        early = await shop.refund(order, "R-1", 1)
        assert (early.status, early.code) == (429, "FREQUENCY_LIMITED")
        for number in range(1, 50):
            await shop.move(number * MINUTE)
            answer = await shop.refund(order, f"R-{number}", 1)
            assert answer.status == 200, answer.raw
        await shop.move(50 * MINUTE)
        answer = await shop.refund(order, "R-50", 1)
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"out_trade_no": "NEVER-ORDERED"}, 404, "RESOURCE_NOT_EXISTS"),
        ({"transaction_id": "4" * 28}, 400, "PARAM_ERROR"),
        ({"out_trade_no": None}, 400, "PARAM_ERROR"),
        ({"out_refund_no": "r" * 65}, 400, "PARAM_ERROR"),
        ({"out_refund_no": "退款1"}, 400, "PARAM_ERROR"),
        ({"reason": "因" * 81}, 400, "PARAM_ERROR"),
        ({"notify_url": "http://shop.example.com/"}, 400, "PARAM_ERROR"),
        ({"funds_account": "POCKET"}, 400, "PARAM_ERROR"),
        ({"amount": {"refund": 1, "total": 1990}}, 400, "PARAM_ERROR"),
        ({"amount": {"refund": 0, "total": 1990, "currency": "CNY"}}, 400, "PARAM_ERROR"),
        ({"amount": {"refund": 1, "total": 1991, "currency": "CNY"}}, 400, "INVALID_REQUEST"),
        ({"surprise": 1}, 400, "PARAM_ERROR"),
    ],
)
async def test_a_refund_that_does_not_fit_is_refused(changes, status, code):
    async with open_shop() as shop:
        order = await shop.paid()
        answer = await shop.refund(order, "R-1", 1, **changes)
        assert (answer.status, answer.code) == (status, code)
        assert (await shop.query(order["out_trade_no"])).json["trade_state"] == "SUCCESS"


async def test_a_transaction_id_is_checked_for_its_shape_then_for_its_trade():
    async with open_shop() as shop:
        for number, code in (("42", "INVALID_TRANSACTIONID"), ("4" * 28, "RESOURCE_NOT_EXISTS")):
            body = {
                "transaction_id": number,
                "out_refund_no": "R-1",
                "amount": {"refund": 1, "total": 1, "currency": "CNY"},
            }
            assert (await shop.pay("POST", REFUNDS, body)).code == code


async def test_only_paid_orders_of_the_last_year_are_refunded():
    async with open_shop() as shop:
        openid = await shop.shopper()
        unpaid = shop.order(openid)
        await shop.prepay(unpaid)
        assert (await shop.refund(unpaid, "R-1", 1)).code == "INVALID_REQUEST"
        order = await shop.paid()
        await shop.move(YEAR + 1)
        assert (await shop.refund(order, "R-1", 1)).code == "INVALID_REQUEST"
        await shop.move(YEAR - 60)
        assert (await shop.refund(order, "R-1", 1)).status == 200
