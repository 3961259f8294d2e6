"""The store's desk: their own orders, step by step, the code redeemed once."""

import pytest

from kit import db
from models.enums import StaffRole
from tests.factories import LAT, LNG, make_sku, make_store, stock, stock_of
from tests.shop import Clerk, Phone, Shop

ADDRESS = {
    "receiver": "王小明",
    "phone": "13800138000",
    "region": ["上海市", "上海市", "徐汇区"],
    "detail": "漕溪北路88号",
    "lat": LAT + 0.005,
    "lng": LNG + 0.005,
    "is_default": True,
}


async def paid_order(shop: Shop) -> tuple[Phone, str, int, int]:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 5)
    phone = await shop.phone()
    no = await phone.order(store, {sku: 2})
    await phone.pay(no)
    return phone, no, store, sku


async def make_ready(clerk: Clerk, no: str) -> None:
    for step in ("preparation", "readiness"):
        answer = await clerk.post(f"/v1/staff/orders/{no}/{step}")
        assert answer.status_code == 200, answer.text


async def code_of(phone: Phone, no: str) -> str:
    return str((await phone.get(f"/v1/orders/{no}")).json()["fulfilments"][0]["pickup_code"])


async def test_a_paid_order_is_prepared_announced_and_redeemed_once(shop: Shop) -> None:
    phone, no, store, sku = await paid_order(shop)
    await phone.subscribe(shop.settings.template_order_ready)
    clerk = await shop.clerk(store)
    seen = (await clerk.get(f"/v1/staff/stores/{store}/orders?fulfilment=waiting")).json()["items"]
    assert [order["no"] for order in seen] == [no]
    await make_ready(clerk, no)
    await shop.run_jobs()
    code = await code_of(phone, no)
    assert code in str((await phone.messages())[-1]["data"])

    redeemed = await clerk.post(f"/v1/staff/stores/{store}/redemptions", {"code": code})
    assert (redeemed.status_code, redeemed.json()) == (200, {"order_no": no})
    assert await stock_of(store, sku) == (3, 0)
    order = (await phone.get(f"/v1/orders/{no}")).json()
    assert order["status"] == "completed"
    assert [s["new"] for s in order["timeline"]] == [
        "unpaid", "paid", "waiting", "preparing", "ready", "handed_over", "completed",
    ]  # fmt: skip
    assert order["fulfilments"][0]["pickup_code"] is None

    again = await clerk.post(f"/v1/staff/stores/{store}/redemptions", {"code": code})
    assert (again.status_code, again.json()["code"]) == (404, "pickup_code_wrong")


async def test_the_desk_never_shows_the_pickup_code(shop: Shop) -> None:
    phone, no, store, _ = await paid_order(shop)
    clerk = await shop.clerk(store)
    code = await code_of(phone, no)
    for path in (f"/v1/staff/orders/{no}", f"/v1/staff/stores/{store}/orders"):
        assert code not in (await clerk.get(path)).text


async def test_another_stores_staff_see_and_move_nothing(shop: Shop) -> None:
    phone, no, store, sku = await paid_order(shop)
    other_store = await make_store(name="集市·静安寺店")
    stranger = await shop.clerk(other_store)
    owner = await shop.clerk(store)
    await make_ready(owner, no)
    code = await code_of(phone, no)
    for step in ("preparation", "readiness", "departure", "arrival", "cancellation"):
        assert (await stranger.post(f"/v1/staff/orders/{no}/{step}")).status_code == 404
    assert (await stranger.get(f"/v1/staff/orders/{no}")).status_code == 404
    assert (await stranger.get(f"/v1/staff/stores/{store}/orders")).status_code == 404
    body = {"code": code}
    assert (await stranger.post(f"/v1/staff/stores/{store}/redemptions", body)).status_code == 404
    elsewhere = await stranger.post(f"/v1/staff/stores/{other_store}/redemptions", body)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "pickup_code_wrong")
    assert await stock_of(store, sku) == (5, 2)


@pytest.mark.parametrize(
    ("role", "step", "status"),
    [
        (StaffRole.GUIDE, "preparation", 403),
        (StaffRole.RIDER, "preparation", 403),
        (StaffRole.CLERK, "cancellation", 403),
        (StaffRole.CLERK, "preparation", 200),
        (StaffRole.STORE_MANAGER, "cancellation", 200),
    ],
)
async def test_a_role_decides_what_may_be_done(
    shop: Shop, role: StaffRole, step: str, status: int
) -> None:
    _, no, store, _ = await paid_order(shop)
    clerk = await shop.clerk(store, role=role)
    assert (await clerk.post(f"/v1/staff/orders/{no}/{step}")).status_code == status


async def test_steps_come_in_order(shop: Shop) -> None:
    phone, no, store, _ = await paid_order(shop)
    clerk = await shop.clerk(store)
    early = await clerk.post(f"/v1/staff/orders/{no}/readiness")
    assert (early.status_code, early.json()["code"]) == (409, "illegal_transition")
    unready = await clerk.post(
        f"/v1/staff/stores/{store}/redemptions", {"code": await code_of(phone, no)}
    )
    assert (unready.status_code, unready.json()["code"]) == (409, "illegal_transition")
    await make_ready(clerk, no)
    door = await clerk.post(f"/v1/staff/orders/{no}/arrival")
    assert (door.status_code, door.json()["code"]) == (409, "illegal_transition")


async def test_the_same_key_steps_once_and_answers_twice(shop: Shop) -> None:
    _, no, store, _ = await paid_order(shop)
    clerk = await shop.clerk(store)
    first = await clerk.post(f"/v1/staff/orders/{no}/preparation", key="prepare-once")
    again = await clerk.post(f"/v1/staff/orders/{no}/preparation", key="prepare-once")
    assert (first.status_code, first.content) == (200, again.content)
    other = await clerk.post(f"/v1/staff/orders/{no}/readiness", key="prepare-once")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_staff_cancel_before_hand_over_refunds_and_after_it_does_not(shop: Shop) -> None:
    phone, no, store, sku = await paid_order(shop)
    clerk = await shop.clerk(store)
    await make_ready(clerk, no)
    cancelled = await clerk.post(f"/v1/staff/orders/{no}/cancellation")
    assert (cancelled.status_code, cancelled.json()["close_reason"]) == (200, "cancelled_by_staff")
    assert await stock_of(store, sku) == (5, 0)

    async def refunded() -> bool:
        await shop.run_jobs()
        return await db.value("select status = 'succeeded' from refund")

    await shop.until(refunded)

    second = await phone.order(store, {sku: 1})
    await phone.pay(second)
    await make_ready(clerk, second)
    body = {"code": await code_of(phone, second)}
    assert (await clerk.post(f"/v1/staff/stores/{store}/redemptions", body)).status_code == 200
    late = await clerk.post(f"/v1/staff/orders/{second}/cancellation")
    assert (late.status_code, late.json()["code"]) == (409, "illegal_transition")
    too_late = await phone.post(f"/v1/orders/{second}/cancellation")
    assert (too_late.status_code, too_late.json()["code"]) == (409, "illegal_transition")


async def test_a_delivery_goes_to_the_door_and_each_look_at_the_address_is_recorded(
    shop: Shop,
) -> None:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 5)
    phone = await shop.phone()
    address = (await phone.post("/v1/addresses", ADDRESS)).json()
    quote = await phone.quote(store, {sku: 1}, address_id=address["id"])
    assert (quote["freight_fen"], quote["payable_fen"]) == (600, 1890)
    assert quote["steps"][-1]["label"] == "配送费（0.7 公里）"
    no = (await phone.post("/v1/orders", {"quote_id": quote["id"]})).json()["no"]
    await phone.pay(no)
    clerk, rider = await shop.clerk(store), await shop.clerk(store, role=StaffRole.RIDER)
    await make_ready(clerk, no)
    shown = (await rider.get(f"/v1/staff/orders/{no}/address")).json()
    assert (shown["receiver"], shown["detail"]) == ("王小明", "漕溪北路88号")
    assert await db.value("select count(*) from audit_entry where action = 'address.read'") == 1
    for step in ("departure", "arrival"):
        assert (await rider.post(f"/v1/staff/orders/{no}/{step}")).status_code == 200
    assert (await phone.get(f"/v1/orders/{no}")).json()["status"] == "completed"
    assert await stock_of(store, sku) == (4, 0)


async def test_a_delivery_outside_the_fence_or_below_the_minimum_is_refused(shop: Shop) -> None:
    store, sku = await make_store(minimum_order_fen=5000), await make_sku()
    await stock(store, sku, 5)
    phone = await shop.phone()
    near = (await phone.post("/v1/addresses", ADDRESS)).json()["id"]
    far = (await phone.post("/v1/addresses", ADDRESS | {"lat": LAT + 0.5})).json()["id"]
    lines = [{"sku_id": str(sku), "quantity": 1}]
    for address, code in ((near, "below_minimum"), (far, "outside_delivery_area")):
        body = {"store_id": str(store), "lines": lines, "address_id": address}
        refused = await phone.post("/v1/quotes", body)
        assert (refused.status_code, refused.json()["code"]) == (409, code)


async def test_a_closed_store_sells_nothing(shop: Shop) -> None:
    store, sku = await make_store(hours=[[] for _ in range(7)]), await make_sku()
    await stock(store, sku, 5)
    phone = await shop.phone()
    lines = [{"sku_id": str(sku), "quantity": 1}]
    refused = await phone.post("/v1/quotes", {"store_id": str(store), "lines": lines})
    assert (refused.status_code, refused.json()["code"]) == (409, "store_closed")
