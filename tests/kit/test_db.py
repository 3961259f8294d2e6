"""SQL by hand: a stray cancel is nobody's fault and nobody's error."""

import asyncio

import asyncpg
import pytest

from kit import db


async def _cancel_whoever_sleeps(database: str) -> None:
    other = await asyncpg.connect(database)
    try:
        while not await other.fetchval(
            "select pg_cancel_backend(pid) from pg_stat_activity"
            " where state = 'active' and query like 'select pg_sleep%' limit 1"
        ):
            await asyncio.sleep(0.01)
    finally:
        await other.close()


async def test_a_statement_struck_by_anothers_cancel_is_run_again(database: str) -> None:
    answer, _ = await asyncio.gather(
        db.value("select pg_sleep(0.5)::text || 'done'"), _cancel_whoever_sleeps(database)
    )
    assert answer == "done"


async def test_inside_a_transaction_a_cancel_is_told(database: str) -> None:
    async def sleep() -> None:
        async with db.tx():
            await db.value("select pg_sleep(0.5)::text")

    with pytest.raises(asyncpg.QueryCanceledError):
        await asyncio.gather(sleep(), _cancel_whoever_sleeps(database))


async def test_a_statement_that_takes_too_long_is_not_run_again(database: str) -> None:
    with pytest.raises(asyncpg.QueryCanceledError, match="statement timeout"):
        await db.value("select pg_sleep(3)")
