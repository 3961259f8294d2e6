"""The shoppers of the demo town on the sandbox' phone, and the trades that are still open to a refund."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

import aiohttp
import asyncpg

from scripts.seed.accounts import DemoShopper

MESSAGES: Final = 20  # that the shop may send to each shopper from each template
_OPEN_TRADES: Final = """
select p.out_trade_no, p.transaction_id, p.openid, p.amount_fen, extract(epoch from p.paid_at)::float as paid_at,
    (select title from order_line where order_id = o.id order by id limit 1) as description
from payment p join shop_order o on o.id = p.order_id
where o.status = 'paid' and p.status = 'succeeded'
"""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


async def announce_shoppers(sandbox_url: str, shoppers: Iterable[DemoShopper]) -> None:
    """Make `shoppers` known to the sandbox, with leave to send them messages of every template.

    Repeating it makes nobody twice; the leave grows. Raises aiohttp.ClientError when the sandbox
    does not answer or refuses.
    """
    async with aiohttp.ClientSession(
        sandbox_url, timeout=_TIMEOUT, raise_for_status=True
    ) as session:
        async with session.get("/sandbox/templates") as answer:
            templates = [template["id"] for template in (await answer.json())["items"]]
        await asyncio.gather(*(_announce(session, one, templates) for one in shoppers))


async def announce_trades(sandbox_url: str, database_url: str) -> int:
    """Tell the sandbox of the paid trades behind open orders, so that cancelling one refunds it; how many.

    Repeating it changes nothing. Raises aiohttp.ClientError as above.
    """
    connection = await asyncpg.connect(database_url)
    try:
        trades = await connection.fetch(_OPEN_TRADES)
    finally:
        await connection.close()
    async with aiohttp.ClientSession(
        sandbox_url, timeout=_TIMEOUT, raise_for_status=True
    ) as session:
        for trade in trades:
            await _post(session, "/sandbox/trades", dict(trade))
    return len(trades)


async def _announce(
    session: aiohttp.ClientSession, shopper: DemoShopper, templates: list[str]
) -> None:
    known = {"openid": shopper.openid, "nickname": shopper.nickname}
    await _post(session, "/sandbox/shoppers", known)
    for template in templates:
        leave = {"template_id": template, "accept": True, "count": MESSAGES}
        await _post(session, f"/sandbox/shoppers/{shopper.openid}/subscriptions", leave)


async def _post(session: aiohttp.ClientSession, path: str, body: Mapping[str, object]) -> None:
    async with session.post(path, json=body):
        pass
