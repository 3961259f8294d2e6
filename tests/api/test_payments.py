"""WeChat's word: lost, late, repeated, forged, wrong. Each has one outcome."""

from datetime import timedelta

import pytest

from commerce.alerts import raise_alert
from commerce.orders.actions import SYSTEM, close_order, lock_order
from jobs.payments import expire_orders
from kit import clock, db
from models.enums import CloseReason
from tests.factories import make_sku, make_store, stock, stock_of
from tests.shop import Phone, Shop


async def _order(shop: Shop) -> tuple[Phone, str]:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 5)
    phone = await shop.phone()
    return phone, await phone.order(store, {sku: 1})


async def _fault(shop: Shop, call: str, kind: str, **more: object) -> None:
    body = {"call": call, "kind": kind, "times": 1, **more}
    assert (await shop.sandbox.post("/sandbox/faults", json=body)).status_code == 201


async def test_a_lost_notice_is_found_by_the_query(shop: Shop) -> None:
    phone, no = await _order(shop)
    sheet = await phone.open_sheet(no)
    await _fault(shop, "notice", "lost")
    await phone.confirm(sheet)
    assert (await phone.get(f"/v1/orders/{no}")).json()["status"] == "unpaid"
    await shop.run_jobs(later=timedelta(seconds=6))
    assert (await phone.get(f"/v1/orders/{no}")).json()["status"] == "paid"


async def test_asking_to_pay_again_gives_the_same_trade(shop: Shop) -> None:
    phone, no = await _order(shop)
    first = (await phone.post(f"/v1/orders/{no}/payment")).json()["sheet"]
    again = (await phone.post(f"/v1/orders/{no}/payment")).json()["sheet"]
    assert first["package"] == again["package"]
    assert set(first) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    await phone.pay(no)
    paid = await phone.post(f"/v1/orders/{no}/payment")
    assert (paid.status_code, paid.json()["code"]) == (409, "already_paid")


@pytest.mark.parametrize("mode", ["wrong_signature", "signtest", "old_timestamp", "unknown_serial"])
async def test_a_forged_notice_changes_nothing(shop: Shop, mode: str) -> None:
    phone, no = await _order(shop)
    sheet = await phone.open_sheet(no)
    await _fault(shop, "notice", "lost")
    await phone.confirm(sheet)
    answer = await shop.sandbox.post(f"/sandbox/notices/{no}/resend", json={"mode": mode})
    assert [status // 100 for status in answer.json()["statuses"]] == [4]
    assert (await phone.get(f"/v1/orders/{no}")).json()["status"] == "unpaid"
    assert await db.value("select count(*) from inbox_message") == 0


@pytest.mark.parametrize("mode", ["wrong_amount", "wrong_mchid", "wrong_appid"])
async def test_a_success_that_is_not_ours_goes_before_a_human(shop: Shop, mode: str) -> None:
    phone, no = await _order(shop)
    sheet = await phone.open_sheet(no)
    await _fault(shop, "notice", "lost")
    await phone.confirm(sheet)
    await shop.sandbox.post(f"/sandbox/notices/{no}/resend", json={"mode": mode})
    assert (await phone.get(f"/v1/orders/{no}")).json()["status"] == "unpaid"
    assert await db.value("select count(*) from payment where status = 'succeeded'") == 0
    assert await db.value("select count(*) from alert where kind = 'payment_mismatch'") in (0, 1)


async def test_late_money_refunds_itself(shop: Shop) -> None:
    """Paid in the last second, the notice lost, and the order closed by a worker that heard WeChat
    say "closed" wrongly: the money still finds its way back."""
    phone, no = await _order(shop)
    sheet = await phone.open_sheet(no)
    await _fault(shop, "notice", "lost")
    await phone.confirm(sheet)
    await _close_behind_wechats_back(no)
    sent = await shop.sandbox.post(f"/sandbox/notices/{no}/resend", json={"mode": "ok"})
    assert [status // 100 for status in sent.json()["statuses"]] == [2]
    await shop.run_jobs()

    async def refunded() -> bool:
        await shop.run_jobs()
        return await db.value(
            "select status = 'succeeded' from refund where cause = 'late_payment'"
        )

    await shop.until(refunded)
    order = (await phone.get(f"/v1/orders/{no}")).json()
    assert (order["status"], order["refunds"][0]["amount_fen"]) == ("closed", 1290)


async def _close_behind_wechats_back(no: str) -> None:
    order_id = await db.value("select id from shop_order where no = $1", no)
    async with db.tx():
        await close_order(await lock_order(order_id), CloseReason.EXPIRED, SYSTEM, clock.now())


async def test_a_refund_whose_answer_was_lost_is_asked_for_under_the_same_number(
    shop: Shop,
) -> None:
    phone, no = await _order(shop)
    await phone.pay(no)
    await _fault(shop, "refund", "timeout_after", seconds=0.1)
    await phone.post(f"/v1/orders/{no}/cancellation")

    async def refunded() -> bool:
        await shop.run_jobs(later=timedelta(seconds=5))
        return await db.value("select status = 'succeeded' from refund")

    await shop.until(refunded, seconds=30)
    trade = (await shop.sandbox.get(f"/sandbox/trades/{no}")).json()
    assert len(trade["refunds"]) == 1


async def test_wechat_down_means_try_again_and_nothing_is_lost(shop: Shop) -> None:
    phone, no = await _order(shop)
    await _fault(shop, "prepay", "error_500", times=None)
    down = await phone.post(f"/v1/orders/{no}/payment")
    assert (down.status_code, down.json()["code"]) == (503, "outside_unknown")
    await shop.sandbox.delete("/sandbox/faults")
    await phone.pay(no)


async def test_the_shopper_is_told_that_the_order_is_paid(shop: Shop) -> None:
    phone, no = await _order(shop)
    await phone.subscribe(shop.settings.template_order_paid)
    await phone.pay(no)
    await shop.run_jobs()
    messages = await phone.messages()
    assert [m["title"] for m in messages] == ["订单支付成功通知"]
    assert no in str(messages[0]["data"])


async def test_without_consent_nothing_is_sent_and_nothing_is_retried(shop: Shop) -> None:
    phone, no = await _order(shop)
    await phone.pay(no)
    await shop.run_jobs()
    assert await phone.messages() == []
    assert await db.value("select count(*) from outbox_message where delivered_at is null") == 0


async def test_a_free_order_is_paid_without_wechat(shop: Shop) -> None:
    store, gift = await make_store(), await make_sku(price_fen=0)
    await stock(store, gift, 1)
    phone = await shop.phone()
    no = await phone.order(store, {gift: 1})
    answer = await phone.post(f"/v1/orders/{no}/payment")
    assert (answer.status_code, answer.json()) == (201, {"sheet": None})
    assert (await phone.get(f"/v1/orders/{no}")).json()["status"] == "paid"
    assert await stock_of(store, gift) == (1, 1)


async def test_garbage_at_the_callback_is_refused(shop: Shop) -> None:
    for body in (b"", b"{}", b"\xff" * 100, b"[" * 5000, b'{"id":1}'):
        answer = await shop.http.post("/wechat/pay/notice", content=body)
        assert answer.status_code in (400, 401)
    assert (await shop.http.post("/wechat/pay/notice", content=b"x" * 70000)).status_code == 413


async def test_one_payment_that_a_human_must_judge_does_not_stop_the_expiry_of_others(
    shop: Shop,
) -> None:
    phone, wrong = await _order(shop)
    sheet = await phone.open_sheet(wrong)
    await db.execute("update payment set openid = 'somebody-else'")
    await _fault(shop, "notice", "lost")
    await phone.confirm(sheet)
    _, ordinary = await _order(shop)
    after = clock.now() + timedelta(seconds=shop.settings.payment_window_seconds + 1)
    assert await expire_orders(shop.work, after) == 2
    # It is looked at again in ten seconds, not at once: a loop on it would starve the others.
    assert await expire_orders(shop.work, after + timedelta(seconds=5)) == 0
    states = await db.rows("select no, status from shop_order")
    assert {row["no"]: row["status"] for row in states} == {wrong: "unpaid", ordinary: "closed"}
    assert await db.value("select count(*) from alert where kind = 'payment_mismatch'") == 1
    await db.execute("update payment set openid = $1 where out_trade_no = $2", phone.openid, wrong)
    await expire_orders(shop.work, after + timedelta(seconds=60))
    assert (await phone.get(f"/v1/orders/{wrong}")).json()["status"] == "paid"


async def test_a_message_that_parks_again_calls_the_human_again(database: str) -> None:
    now = clock.now()
    await raise_alert("outbox_parked", "one", {}, now)
    await db.execute("update alert set closed_at = $1", now)
    await raise_alert("outbox_parked", "one", {"again": True}, now)
    assert await db.value("select closed_at is null from alert")
