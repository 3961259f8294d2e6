"""Money and the clock, money and the shopper's finger, money said fifty times: one outcome each."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from jobs.payments import expire_orders
from kit import clock, db
from tests.factories import make_sku, make_store, stock, stock_of
from tests.races.careless import careless
from tests.shop import Phone, Shop


async def _ready_to_pay(shop: Shop) -> tuple[Phone, str, str, int, int]:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 5)
    phone = await shop.phone()
    no = await phone.order(store, {sku: 1})
    return phone, no, await phone.open_sheet(no), store, sku


async def _resend(shop: Shop, no: str, times: int, mode: str) -> list[int]:
    answer = await shop.sandbox.post(
        f"/sandbox/notices/{no}/resend", json={"times": times, "mode": mode}
    )
    assert answer.status_code == 200, answer.text
    return list(answer.json()["statuses"])


async def _pay_with_lost_notice(shop: Shop, phone: Phone, sheet: str) -> None:
    """Paid at WeChat, and the shop has not heard of it yet."""
    await shop.sandbox.post("/sandbox/faults", json={"call": "notice", "kind": "lost", "times": 1})
    assert (await phone.confirm(sheet)).status_code == 200


@pytest.mark.parametrize("mode", ["ok", "new_id"])
async def test_fifty_notices_at_once_pay_once(shop: Shop, mode: str) -> None:
    phone, no, sheet, *_ = await _ready_to_pay(shop)
    await _pay_with_lost_notice(shop, phone, sheet)
    statuses = await _resend(shop, no, 50, mode)
    assert set(statuses) <= {200, 204}
    order = (await phone.get(f"/v1/orders/{no}")).json()
    assert [step["new"] for step in order["timeline"]] == ["unpaid", "paid", "waiting"]
    assert await db.value("select count(*) from payment where status = 'succeeded'") == 1
    assert await db.value("select count(*) from outbox_message where topic = 'order.paid'") == 1


async def test_control_without_locks_fifty_notices_pay_more_than_once(
    open_house: Shop, database: str, redis_url: str
) -> None:
    await open_house.sandbox.delete("/sandbox/faults")
    phone, no, sheet, *_ = await _ready_to_pay(open_house)
    await _pay_with_lost_notice(open_house, phone, sheet)
    with careless():
        await _resend(open_house, no, 50, "new_id")
    assert await db.value("select count(*) from outbox_message where topic = 'order.paid'") > 1
    assert "O2" in {violation.id for violation in await open_house.audit()}


async def _race(
    first: Callable[[], Awaitable[object]], second: Callable[[], Awaitable[object]]
) -> None:
    await asyncio.gather(first(), second())


async def test_payment_and_expiry_race_has_one_winner(shop: Shop) -> None:
    for turn in range(8):
        phone, no, sheet, store, sku = await _ready_to_pay(shop)
        late = clock.now() + timedelta(seconds=shop.settings.payment_window_seconds + 1)

        async def pay(phone: Phone = phone, sheet: str = sheet, turn: int = turn) -> None:
            await asyncio.sleep(0.004 * turn)
            await phone.confirm(sheet)

        async def expire(late=late) -> None:
            await expire_orders(shop.work, late)

        await _race(pay, expire)
        await shop.until(lambda no=no: _settled(no))
        order = (await phone.get(f"/v1/orders/{no}")).json()
        held = (await stock_of(store, sku))[1]
        assert (order["status"], held) in {("paid", 1), ("closed", 0)}
        await _everything_refunded_if_closed(shop, no, order["status"])


async def _settled(no: str) -> bool:
    return await db.value("select status <> 'unpaid' from shop_order where no = $1", no)


async def _everything_refunded_if_closed(shop: Shop, no: str, status: str) -> None:
    paid, refunded = await _money(no)
    if status == "paid":
        assert (paid, refunded) == (1290, 0)
        return
    await shop.run_jobs()
    paid, refunded = await _money(no)
    assert paid == refunded


async def _money(no: str) -> tuple[int, int]:
    found = await db.one(
        "select coalesce(sum(p.amount_fen) filter (where p.status = 'succeeded'), 0)::int as paid,"
        " coalesce(sum((select sum(amount_fen) from refund r where r.payment_id = p.id)), 0)::int as refunded"
        " from shop_order o left join payment p on p.order_id = o.id where o.no = $1",
        no,
    )
    return found["paid"], found["refunded"]


async def test_cancelling_and_paying_race_has_one_winner(shop: Shop) -> None:
    for turn in range(8):
        phone, no, sheet, store, sku = await _ready_to_pay(shop)

        async def pay(phone: Phone = phone, sheet: str = sheet, turn: int = turn) -> None:
            await asyncio.sleep(0.004 * turn)
            await phone.confirm(sheet)

        async def cancel(phone: Phone = phone, no: str = no) -> None:
            answer = await phone.post(f"/v1/orders/{no}/cancellation")
            assert answer.status_code in (200, 409), answer.text

        await _race(pay, cancel)
        await shop.until(lambda no=no: _settled(no))
        order = (await phone.get(f"/v1/orders/{no}")).json()
        assert (order["status"], (await stock_of(store, sku))[1]) in {("paid", 1), ("closed", 0)}
        await _everything_refunded_if_closed(shop, no, order["status"])


async def test_control_without_locks_cancelling_a_paid_order_many_times_breaks_the_books(
    open_house: Shop, database: str, redis_url: str
) -> None:
    await open_house.sandbox.delete("/sandbox/faults")
    phone, no, sheet, *_ = await _ready_to_pay(open_house)
    await phone.confirm(sheet)
    await phone.await_status(no, "paid")
    with careless():
        answers = await asyncio.gather(
            *(phone.post(f"/v1/orders/{no}/cancellation") for _ in range(20))
        )
    # Locks gone, the unique keys still stand: the losers crash instead of being told.
    assert 500 in {answer.status_code for answer in answers}


async def test_cancelling_a_paid_order_twenty_times_refunds_once(shop: Shop) -> None:
    phone, no, sheet, store, sku = await _ready_to_pay(shop)
    await phone.confirm(sheet)
    await phone.await_status(no, "paid")
    answers = await asyncio.gather(
        *(phone.post(f"/v1/orders/{no}/cancellation") for _ in range(20))
    )
    assert 200 in {answer.status_code for answer in answers}
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert await db.value("select count(*) from refund") == 1
    assert await stock_of(store, sku) == (5, 0)
