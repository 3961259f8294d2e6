"""One scheduler of all, and the next takes over when it dies (J1)."""

import asyncio

import asyncpg
import pytest

from jobs import clock as clock_jobs
from jobs.upkeep import audit_books, purge
from kit import clock, db
from tests.factories import make_sku, make_store, stock


async def _leaders(database_url: str) -> int:
    return await db.value(
        "select count(*) from pg_locks where locktype = 'advisory' and granted"
        " and objid = $1 and database = (select oid from pg_database where datname = current_database())",
        clock_jobs._LEADER_LOCK,
    )


async def test_one_of_two_schedulers_runs_and_the_other_takes_over(database: str) -> None:
    both = [asyncio.ensure_future(clock_jobs.run_clock(database)) for _ in range(2)]
    try:
        await asyncio.sleep(0.5)
        assert await _leaders(database) == 1
        leader = await db.value(
            "select pid from pg_locks where locktype = 'advisory' and granted and objid = $1",
            clock_jobs._LEADER_LOCK,
        )
        admin = await asyncpg.connect(database)
        await admin.execute("select pg_terminate_backend($1)", leader)
        await admin.close()
        await asyncio.sleep(2)
        assert await _leaders(database) == 1
        assert sum(task.done() for task in both) == 1
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def test_what_nobody_can_use_any_more_is_forgotten(database: str) -> None:
    now = clock.now()
    for age in (1, 30):
        await db.execute(
            "insert into inbox_message (consumer, message_id, at) values ('t', $1::text, $2::timestamptz - $3 * interval '1 day')",
            f"m{age}",
            now,
            age,
        )
    await purge(now)
    assert await db.value("select array_agg(message_id) from inbox_message") == ["m1"]


async def test_a_violated_invariant_calls_a_human_once_an_hour(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 5)
    # One session for all three: the role must not leak into the pool.
    breaker = await asyncpg.connect(database)
    await breaker.execute("set session_replication_role = replica")
    await breaker.execute("update stock_level set on_hand = 99")
    await breaker.close()
    now = clock.now()
    await audit_books(database, now)
    await audit_books(database, now)
    alerts = await db.rows("select cause from alert where kind = 'invariant_violated'")
    assert [alert["cause"].partition(":")[0] for alert in alerts] == ["S2"]
