"""Fifty buyers, one unit: over HTTP, with the books audited after it, and the same race without the guard."""

import asyncio
from contextlib import asynccontextmanager

import httpx

from kit import db
from tests.factories import make_sku, make_store, stock, stock_of
from tests.shop import Phone, Shop

BUYERS = 50


async def _rush(shop: Shop, store: int, sku: int) -> list[httpx.Response]:
    """Every buyer holds a quote for one piece; all order at the same moment."""
    phones: list[Phone] = await asyncio.gather(*(shop.phone() for _ in range(BUYERS)))
    quotes = await asyncio.gather(*(phone.quote(store, {sku: 1}) for phone in phones))
    start = asyncio.Event()

    async def buy(phone: Phone, quote_id: str) -> httpx.Response:
        await start.wait()
        return await phone.post("/v1/orders", {"quote_id": quote_id})

    buying = [asyncio.ensure_future(buy(p, q["id"])) for p, q in zip(phones, quotes, strict=True)]
    await asyncio.sleep(0)
    start.set()
    return await asyncio.gather(*buying)


async def test_the_last_unit_is_sold_once_to_fifty_buyers(shop: Shop) -> None:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 1)
    answers = await _rush(shop, store, sku)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (BUYERS - 1)
    refused = [answer.json()["code"] for answer in answers if answer.status_code == 409]
    assert set(refused) == {"out_of_stock"}
    assert await stock_of(store, sku) == (1, 1)


async def test_twenty_units_go_to_exactly_twenty_of_fifty(shop: Shop) -> None:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 20)
    answers = await _rush(shop, store, sku)
    assert sum(answer.status_code == 201 for answer in answers) == 20
    assert await stock_of(store, sku) == (20, 20)


@asynccontextmanager
async def _unguarded_stock():
    """The race with its protection off: the check that refuses an oversold balance is gone."""
    rule = "alter table stock_level add constraint stock_reserved_within_on_hand check (reserved <= on_hand)"
    await db.execute("alter table stock_level drop constraint stock_reserved_within_on_hand")
    try:
        yield
    finally:
        await db.execute("set session_replication_role = replica")
        await db.execute("delete from stock_level")
        await db.execute("set session_replication_role = origin")
        await db.execute(rule)


async def test_control_without_the_check_the_last_unit_is_oversold(
    open_house: Shop, database: str, redis_url: str
) -> None:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 1)
    async with _unguarded_stock():
        answers = await _rush(open_house, store, sku)
        sold = sum(answer.status_code == 201 for answer in answers)
        violated = {violation.id for violation in await open_house.audit()}
    assert sold > 1
    assert "S1" in violated


async def test_two_baskets_in_opposite_order_never_deadlock(shop: Shop) -> None:
    store = await make_store()
    one, two = await make_sku(), await make_sku(title="吐司")
    await stock(store, one, 1000)
    await stock(store, two, 1000)
    phones = await asyncio.gather(*(shop.phone() for _ in range(20)))
    baskets = [{one: 1, two: 1}, {two: 1, one: 1}]
    quotes = await asyncio.gather(
        *(phone.quote(store, baskets[i % 2]) for i, phone in enumerate(phones))
    )
    answers = await asyncio.gather(
        *(
            phone.post("/v1/orders", {"quote_id": quote["id"]})
            for phone, quote in zip(phones, quotes, strict=True)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert await stock_of(store, one) == (1000, 20)
