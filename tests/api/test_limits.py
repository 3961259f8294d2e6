"""Who guesses or floods must rest, and nobody else."""

import asyncio

from structlog.testing import capture_logs

from kit import db
from models.enums import StaffRole
from staff_api.orders import WRONG_CODES_OF_STAFF, WRONG_CODES_OF_STORE
from tests.factories import make_sku, make_store, stock
from tests.shop import Clerk, Shop


async def _live_code(shop: Shop, store: int, clerk: Clerk) -> str:
    """The pick-up code of an order that is ready in `store`."""
    sku = await make_sku()
    await stock(store, sku, 5)
    phone = await shop.phone()
    no = await phone.order(store, {sku: 1})
    await phone.pay(no)
    for step in ("preparation", "readiness"):
        assert (await clerk.post(f"/v1/staff/orders/{no}/{step}")).status_code == 200
    return str((await phone.get(f"/v1/orders/{no}")).json()["fulfilments"][0]["pickup_code"])


async def _redeem(clerk: Clerk, store: int, code: str) -> int:
    answer = await clerk.post(f"/v1/staff/stores/{store}/redemptions", {"code": code})
    if answer.status_code == 429:
        assert answer.json()["code"] == "too_many_requests"
        assert 0 < int(answer.headers["retry-after"]) <= 900
    return answer.status_code


async def _guess(clerk: Clerk, store: int, right: str, count: int) -> list[int]:
    wrong = [f"{(int(right) + n) % 10**8:08}" for n in range(1, count + 1)]
    statuses: list[int] = []
    # Some at the same moment, but no more than find a connection to the database each.
    for n in range(0, count, 5):
        answers = (_redeem(clerk, store, code) for code in wrong[n : n + 5])
        statuses += await asyncio.gather(*answers)
    return statuses


async def test_who_guesses_pickup_codes_must_rest_and_his_colleague_goes_on(shop: Shop) -> None:
    store = await make_store()
    guesser = await shop.clerk(store, role=StaffRole.CLERK)
    colleague = await shop.clerk(store)
    code = await _live_code(shop, store, colleague)
    with capture_logs() as lines:
        statuses = await _guess(guesser, store, code, 40)
    assert statuses.count(404) == WRONG_CODES_OF_STAFF.tries
    assert statuses.count(429) == 40 - WRONG_CODES_OF_STAFF.tries
    traces = [line for line in lines if line["event"] == "limit.try_failed"]
    assert len(traces) == WRONG_CODES_OF_STAFF.tries
    assert {line["wrong_codes_of_store"] for line in traces} == {f"store:{store}"}
    assert await _redeem(guesser, store, code) == 429
    assert await _redeem(colleague, store, code) == 200


async def test_several_accounts_together_use_up_the_guesses_at_a_store(shop: Shop) -> None:
    store, elsewhere = await make_store(), await make_store()
    manager = await shop.clerk(store, elsewhere)
    code = await _live_code(shop, store, manager)
    guessers = [await shop.clerk(store) for _ in range(3)]
    for guesser in guessers:
        await _guess(guesser, store, code, WRONG_CODES_OF_STORE.tries // 3)
    assert await _redeem(manager, store, code) == 429
    assert await _redeem(manager, elsewhere, code) == 404


async def test_honest_redemptions_are_not_counted(shop: Shop) -> None:
    store = await make_store()
    clerk = await shop.clerk(store)
    code = await _live_code(shop, store, clerk)
    await _guess(clerk, store, code, WRONG_CODES_OF_STAFF.tries - 1)
    assert await _redeem(clerk, store, code) == 200
    # The right one gave back its own try and no other.
    assert await _redeem(clerk, store, code) == 404
    assert await _redeem(clerk, store, code) == 429
    assert await db.value("select count(*) from fulfilment where status = 'handed_over'") == 1
