"""What is dead goes, however much there is and whatever else fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from structlog.testing import capture_logs

from jobs.upkeep import purge
from kit import clock, db
from tests.factories import make_store

# More than one batch, and not a whole number of them.
MANY = 2_501


async def _dead_quotes(now: datetime, count: int, age: timedelta = timedelta(days=2)) -> None:
    member = await db.value(
        "insert into member (nickname, created_at) values ('', $1) returning id", now
    )
    await db.execute(
        "insert into quote (id, member_id, store_id, method, lines, steps, goods_fen, discount_fen,"
        " freight_fen, payable_fen, created_at, expires_at)"
        " select gen_random_uuid(), $1, $2, 'pickup', '[]', '[]', 1, 0, 0, 1,"
        " $3::timestamptz - interval '10 minutes', $3 from generate_series(1, $4)",
        member,
        await make_store(),
        now - age,
        count,
    )


async def _dead_messages(now: datetime, count: int) -> None:
    await db.execute(
        "insert into inbox_message (consumer, message_id, at)"
        " select 't', n::text, $1 from generate_series(1, $2::int) n",
        now - timedelta(days=30),
        count,
    )


@asynccontextmanager
async def _trigger(table: str, when: str, body: str) -> AsyncIterator[None]:
    """A trigger of the test's own on `table`."""
    await db.execute(
        f"create function of_test() returns trigger language plpgsql as $$ begin {body} end $$"
    )
    await db.execute(f"create trigger of_test {when} execute function of_test()")
    try:
        yield
    finally:
        await db.execute(f"drop trigger of_test on {table}; drop function of_test()")


async def test_a_purge_that_is_far_behind_goes_in_small_steps(database: str) -> None:
    now = clock.now()
    await _dead_quotes(now, MANY)
    refuse_large = (
        "if (select count(*) from dead) > 1000 then raise 'too much for one statement'; end if;"
        " return null;"
    )
    when = "after delete on quote referencing old table as dead for each statement"
    async with _trigger("quote", when, refuse_large):
        await purge(now)
    assert await db.value("select count(*) from quote") == 0


async def test_a_table_that_cannot_be_purged_does_not_keep_the_others(database: str) -> None:
    now = clock.now()
    await _dead_messages(now, 3)
    await _dead_quotes(now, 3)
    when = "before delete on inbox_message for each row"
    async with _trigger("inbox_message", when, "raise 'out of order';"):
        with capture_logs() as lines:
            await purge(now)
    assert await db.value("select count(*) from inbox_message") == 3
    assert await db.value("select count(*) from quote") == 0
    assert [line["table"] for line in lines if line["event"] == "purge.failed"] == ["inbox_message"]


async def test_what_is_used_or_young_stays(database: str) -> None:
    now = clock.now()
    await _dead_quotes(now, 1)
    await db.execute("update quote set used_at = created_at")
    await _dead_quotes(now, 1)
    await _dead_quotes(now, 1, age=timedelta(hours=23))
    await purge(now)
    left = await db.rows("select used_at is null as unused from quote order by expires_at")
    assert [row["unused"] for row in left] == [False, True]
