"""One pick-up code shown at several tills at once."""

import asyncio

import httpx

from kit import db
from tests.api.test_desk import code_of, make_ready, paid_order
from tests.factories import stock_of
from tests.races.careless import careless
from tests.shop import Clerk, Shop

TILLS = 20


async def _redeem_everywhere(clerk: Clerk, store: int, code: str) -> list[httpx.Response]:
    path = f"/v1/staff/stores/{store}/redemptions"
    return await asyncio.gather(*(clerk.post(path, {"code": code}) for _ in range(TILLS)))


async def test_one_code_at_twenty_tills_hands_over_once(shop: Shop) -> None:
    phone, no, store, sku = await paid_order(shop)
    clerk = await shop.clerk(store)
    await make_ready(clerk, no)
    answers = await _redeem_everywhere(clerk, store, await code_of(phone, no))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * (TILLS - 1)
    assert await stock_of(store, sku) == (3, 0)
    assert await db.value("select count(*) from order_step where new = 'handed_over'") == 1


async def test_control_without_locks_the_losers_crash_on_the_last_guard(
    open_house: Shop, database: str, redis_url: str
) -> None:
    await open_house.sandbox.delete("/sandbox/faults")
    phone, no, store, _ = await paid_order(open_house)
    clerk = await open_house.clerk(store)
    await make_ready(clerk, no)
    with careless():
        answers = await _redeem_everywhere(clerk, store, await code_of(phone, no))
    # Only the journal's unique key is left, and it does not tell the till what happened.
    assert 500 in {answer.status_code for answer in answers}
