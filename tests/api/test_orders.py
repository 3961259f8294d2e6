"""From basket to pick-up over HTTP, and every way it may be refused."""

import asyncio
import base64
from datetime import timedelta

import pytest

from kit import db
from tests.factories import make_sku, make_store, stock, stock_of
from tests.shop import Shop


async def test_an_order_is_quoted_placed_paid_prepared_and_redeemed(shop: Shop) -> None:
    store, milk, bread = (
        await make_store(),
        await make_sku(),
        await make_sku(title="吐司", price_fen=850),
    )
    await stock(store, milk, 10)
    await stock(store, bread, 10)
    phone = await shop.phone()

    quote = await phone.quote(store, {milk: 2, bread: 1})
    assert quote["payable_fen"] == 2 * 1290 + 850
    assert sum(step["amount_fen"] for step in quote["steps"]) == quote["payable_fen"]
    placed = (await phone.post("/v1/orders", {"quote_id": quote["id"], "remark": "少冰"})).json()
    assert await stock_of(store, milk) == (10, 2)

    await phone.pay(placed["no"])
    order = (await phone.get(f"/v1/orders/{placed['no']}")).json()
    assert order["status"] == "paid"
    assert order["fulfilments"][0]["status"] == "waiting"
    assert len(order["fulfilments"][0]["pickup_code"]) == 8
    assert [step["new"] for step in order["timeline"]] == ["unpaid", "paid", "waiting"]
    assert [step["seq"] for step in order["timeline"]] == [1, 2, 3]


async def test_the_same_key_gives_the_same_order_and_another_wish_is_refused(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 10)
    phone = await shop.phone()
    quote = await phone.quote(store, {milk: 1})
    first = await phone.post("/v1/orders", {"quote_id": quote["id"]}, key="order-key-1")
    again = await phone.post("/v1/orders", {"quote_id": quote["id"]}, key="order-key-1")
    assert (first.status_code, first.content) == (201, again.content)
    other = await phone.post(
        "/v1/orders", {"quote_id": quote["id"], "remark": "别的"}, key="order-key-1"
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await stock_of(store, milk) == (10, 1)


async def test_a_quote_is_used_once_and_belongs_to_its_shopper(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 10)
    phone, stranger = await shop.phone(), await shop.phone()
    quote = await phone.quote(store, {milk: 1})
    foreign = await stranger.post("/v1/orders", {"quote_id": quote["id"]})
    assert foreign.status_code == 404
    assert (await phone.post("/v1/orders", {"quote_id": quote["id"]})).status_code == 201
    again = await phone.post("/v1/orders", {"quote_id": quote["id"]})
    assert (again.status_code, again.json()["code"]) == (409, "quote_used")


async def test_an_expired_quote_is_refused(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 10)
    phone = await shop.phone()
    quote = await phone.quote(store, {milk: 1})
    await db.execute(
        "update quote set created_at = created_at - interval '1 hour', expires_at = expires_at - interval '1 hour'"
    )
    late = await phone.post("/v1/orders", {"quote_id": quote["id"]})
    assert (late.status_code, late.json()["code"]) == (409, "quote_expired")


async def test_goods_sold_since_the_quote_are_refused_with_what_is_left(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 3)
    phone, faster = await shop.phone(), await shop.phone()
    quote = await phone.quote(store, {milk: 3})
    await faster.order(store, {milk: 2})
    refused = await phone.post("/v1/orders", {"quote_id": quote["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_stock")
    assert refused.json()["details"]["missing"] == [
        {"sku_id": str(milk), "wanted": 3, "available": 1}
    ]
    assert await stock_of(store, milk) == (3, 2)


async def test_the_cart_is_quoted_and_emptied_by_the_order(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 5)
    phone = await shop.phone()
    empty = await phone.post("/v1/quotes", {"store_id": str(store)})
    assert (empty.status_code, empty.json()["code"]) == (409, "empty_basket")
    await phone.put(f"/v1/cart/lines/{milk}", {"quantity": 2})
    quote = (await phone.post("/v1/quotes", {"store_id": str(store)})).json()
    assert quote["payable_fen"] == 2580
    await phone.post("/v1/orders", {"quote_id": quote["id"]})
    assert (await phone.get(f"/v1/cart?store_id={store}")).json()["lines"] == []


async def test_a_foreign_order_is_absent(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 5)
    owner, stranger = await shop.phone(), await shop.phone()
    no = await owner.order(store, {milk: 1})
    for number in (no, "261123000000000000"):
        assert (await stranger.get(f"/v1/orders/{number}")).status_code == 404
        assert (await stranger.post(f"/v1/orders/{number}/payment")).status_code == 404
        assert (await stranger.post(f"/v1/orders/{number}/cancellation")).status_code == 404
    assert (await stranger.get("/v1/orders")).json()["items"] == []


async def test_orders_are_listed_newest_first_page_by_page(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 9)
    phone = await shop.phone()
    numbers = [await phone.order(store, {milk: 1}) for _ in range(5)]
    first = (await phone.get("/v1/orders?limit=3")).json()
    rest = (
        await phone.get("/v1/orders", params={"limit": 3, "cursor": first["next_cursor"]})
    ).json()
    assert [o["no"] for o in first["items"] + rest["items"]] == numbers[::-1]
    assert rest["next_cursor"] is None


async def test_an_unpaid_order_is_cancelled_and_its_goods_are_free(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 5)
    phone = await shop.phone()
    no = await phone.order(store, {milk: 2})
    sheet = await phone.open_sheet(no)
    cancelled = await phone.post(f"/v1/orders/{no}/cancellation")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "closed")
    assert await stock_of(store, milk) == (5, 0)
    assert (await phone.confirm(sheet)).status_code == 409
    again = await phone.post(f"/v1/orders/{no}/cancellation")
    assert (again.status_code, again.json()["status"]) == (200, "closed")
    pay = await phone.post(f"/v1/orders/{no}/payment")
    assert (pay.status_code, pay.json()["code"]) == (409, "payment_window_over")


async def test_a_paid_order_is_cancelled_and_refunded_in_full(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 5)
    phone = await shop.phone()
    no = await phone.order(store, {milk: 2})
    await phone.pay(no)
    cancelled = (await phone.post(f"/v1/orders/{no}/cancellation")).json()
    assert (cancelled["status"], cancelled["close_reason"]) == ("closed", "cancelled_by_member")
    assert await stock_of(store, milk) == (5, 0)
    await shop.run_jobs()

    async def refunded() -> bool:
        await shop.run_jobs()
        order = (await phone.get(f"/v1/orders/{no}")).json()
        return [r["status"] for r in order["refunds"]] == ["succeeded"]

    await shop.until(refunded)
    trade = (await shop.sandbox.get(f"/sandbox/trades/{no}")).json()
    assert sum(r["amount"]["refund"] for r in trade["refunds"]) == 2580


async def test_an_unpaid_order_expires_at_its_deadline_and_not_before(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 5)
    phone = await shop.phone()
    no = await phone.order(store, {milk: 1})
    sheet = await phone.open_sheet(no)
    window = shop.settings.payment_window_seconds
    await shop.run_jobs(later=timedelta(seconds=window - 2))
    assert (await phone.get(f"/v1/orders/{no}")).json()["status"] == "unpaid"
    await shop.run_jobs(later=timedelta(seconds=window + 1))
    order = (await phone.get(f"/v1/orders/{no}")).json()
    assert (order["status"], order["close_reason"]) == ("closed", "expired")
    assert (await phone.confirm(sheet)).status_code == 409
    assert await stock_of(store, milk) == (5, 0)


async def test_one_member_holds_at_most_five_unpaid_orders(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 50)
    phone = await shop.phone()
    quotes = [await phone.quote(store, {milk: 1}) for _ in range(9)]
    answers = await asyncio.gather(
        *(phone.post("/v1/orders", {"quote_id": quote["id"]}) for quote in quotes)
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 4
    refused = next(a for a in answers if a.status_code == 409)
    assert refused.json()["code"] == "too_many_unpaid_orders"
    assert await stock_of(store, milk) == (50, 5)
    placed = next(a for a in answers if a.status_code == 201).json()["no"]
    await phone.post(f"/v1/orders/{placed}/cancellation")
    unused = next(q["id"] for q, a in zip(quotes, answers, strict=True) if a.status_code == 409)
    assert (await phone.post("/v1/orders", {"quote_id": unused})).status_code == 201


async def test_what_no_household_buys_is_refused(shop: Shop) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 900)
    phone = await shop.phone()
    lines = [{"sku_id": str(milk), "quantity": 301}]
    large = await phone.post("/v1/quotes", {"store_id": str(store), "lines": lines})
    assert (large.status_code, large.json()["code"]) == (409, "order_too_large")
    twice = [{"sku_id": str(milk), "quantity": 1}] * 2
    doubled = await phone.post("/v1/quotes", {"store_id": str(store), "lines": twice})
    assert (doubled.status_code, doubled.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize("remark", ["请打13812345678", "１３８ 1234 5678", "+86-138-1234-5678"])
async def test_a_phone_number_in_the_remark_is_refused(shop: Shop, remark: str) -> None:
    store, milk = await make_store(), await make_sku()
    await stock(store, milk, 5)
    phone = await shop.phone()
    quote = await phone.quote(store, {milk: 1})
    refused = await phone.post("/v1/orders", {"quote_id": quote["id"], "remark": remark})
    assert (refused.status_code, refused.json()["code"]) == (422, "phone_in_remark")
    fine = await phone.post("/v1/orders", {"quote_id": quote["id"], "remark": "门牌 1381234567"})
    assert fine.status_code == 201


async def test_a_forged_cursor_is_refused(shop: Shop) -> None:
    phone = await shop.phone()
    for position in (b"[9223372036854775808]", b"[-1]", b'["1"]', b"[]", b"nonsense"):
        cursor = base64.urlsafe_b64encode(position).rstrip(b"=").decode()
        answer = await phone.get("/v1/orders", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
