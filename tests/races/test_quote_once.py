"""One quote, many orders at once: it is spent in the write itself."""

import asyncio

from kit import db
from tests.factories import make_sku, make_store, stock, stock_of
from tests.shop import Shop

TRIES = 20


async def test_one_quote_becomes_one_order_however_many_try(shop: Shop) -> None:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 100)
    phone = await shop.phone()
    quote = await phone.quote(store, {sku: 1})
    answers = await asyncio.gather(
        *(phone.post("/v1/orders", {"quote_id": quote["id"]}) for _ in range(TRIES))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (TRIES - 1)
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"quote_used"}
    assert await stock_of(store, sku) == (100, 1)


async def test_one_key_sent_many_times_at_once_is_one_order(shop: Shop) -> None:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 100)
    phone = await shop.phone()
    quote = await phone.quote(store, {sku: 1})
    answers = await asyncio.gather(
        *(
            phone.post("/v1/orders", {"quote_id": quote["id"]}, key="double-tap")
            for _ in range(TRIES)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["no"] for answer in answers}) == 1


async def test_control_a_quote_that_is_read_before_it_is_spent_is_used_twice(
    open_house: Shop, database: str, redis_url: str
) -> None:
    """The way without the condition in the write: read, decide, write. Both readers see it unused."""
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 100)
    phone = await open_house.phone()
    await phone.quote(store, {sku: 1})
    both_have_read = asyncio.Barrier(2)

    async def spend_carelessly() -> bool:
        unused = await db.value("select used_at is null from quote")
        await both_have_read.wait()
        if unused:
            await db.execute("update quote set used_at = now()")
        return bool(unused)

    assert await asyncio.gather(spend_carelessly(), spend_carelessly()) == [True, True]
