"""What PostgreSQL does by itself: journals that only grow, balances that follow, a chain that holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from commerce.audit import INVARIANTS
from kit import db
from tests.schema.ground import RULES, copy, lay, undone

JOURNALS = ("stock_entry", "order_step", "audit_entry")


@pytest.fixture
async def ground(database: str) -> str:
    await lay()
    return database


async def rule_of(query: str, *args: object) -> str | None:
    """The name of the rule that refuses `query`; None when it runs. Nothing stays."""
    try:
        async with undone():
            await db.execute(query, *args)
    except asyncpg.IntegrityConstraintViolationError as error:
        return str(error.constraint_name)
    return None


@pytest.mark.parametrize("journal", JOURNALS)
async def test_a_journal_is_neither_changed_nor_shortened(ground: str, journal: str) -> None:
    assert await rule_of(f"update {journal} set at = at") == f"{journal}_append_only"
    assert await rule_of(f"delete from {journal}") == f"{journal}_append_only"
    assert await rule_of(f"truncate {journal} cascade") == f"{journal}_append_only"


async def test_a_balance_moves_with_its_journal_and_by_nothing_else(ground: str) -> None:
    level = "select on_hand, reserved from stock_level where sku_id = 900001"
    await copy("stock_entry", {"cause": "sheet:2", "d_on_hand": 2, "d_reserved": 3})
    assert tuple(await db.one(level)) == (7, 3)
    for change in ("on_hand = 9", "reserved = 0", "on_hand = on_hand", "sku_id = 900003"):
        assert await rule_of(f"update stock_level set {change}") == "stock_level_journaled"
    assert await rule_of("delete from stock_level") == "stock_level_journaled"
    assert tuple(await db.one(level)) == (7, 3)


async def test_a_balance_that_vanished_is_missed_by_the_audit(ground: str) -> None:
    async with db.tx():
        await db.execute("set local session_replication_role = replica")
        await db.execute("delete from stock_level where sku_id = 900001")
    assert [row["sku_id"] for row in await db.rows(INVARIANTS["S2"])] == [900001]


async def test_an_order_of_refunds_never_exceeds_the_payment(ground: str) -> None:
    assert await rule_of("update refund set amount_fen = 1501") == "refund_within_payment"
    assert await rule_of("update refund set amount_fen = 1500") is None
    await db.execute("update refund set status = 'closed'")
    # A closed refund has given nothing back: the whole may be asked for again.
    await copy("refund", {"no": "1-again", "amount_fen": 1500, "status": "requested"})
    await db.execute("update payment set status = 'created' where id = 900001")
    another = {"no": "1-unpaid", "amount_fen": 1, "status": "requested"}
    with pytest.raises(asyncpg.CheckViolationError, match="refunds exceed the payment"):
        await copy("refund", another)


ASK = (
    "insert into refund (payment_id, no, cause, status, amount_fen, reason, requested_at)"
    " values (900001, $1, 'cancelled', 'requested', 900, '', now())"
)


async def ask_at_once(url: str) -> list[str | None]:
    """Two ask for 900 of the 1000 fen that are left, the second before the first commits."""
    first, second = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        opened = first.transaction()
        await opened.start()
        await first.execute(ASK, "1-first")
        waiting = asyncio.ensure_future(second.execute(ASK, "1-second"))
        # Either it waits for the first, or nothing holds it back.
        await asyncio.wait([waiting], timeout=0.3)
        await opened.commit()
        try:
            await waiting
        except asyncpg.CheckViolationError as error:
            return [None, error.constraint_name]
        return [None, None]
    finally:
        await first.close()
        await second.close()


async def test_of_two_refunds_at_once_that_exceed_together_one_is_refused(ground: str) -> None:
    assert await ask_at_once(ground) == [None, "refund_within_payment"]
    assert await db.value("select sum(amount_fen) from refund") == 1400


@asynccontextmanager
async def unlocked_refunds() -> AsyncIterator[None]:
    """The protection off: the trigger reads the payment without taking it."""
    define, _, _ = RULES.REFUNDS.partition("create trigger")
    anew = define.replace("create function", "create or replace function")
    await db.execute(anew.replace(" for update;", ";"))
    try:
        yield
    finally:
        await db.execute(anew)


async def test_without_the_lock_both_refunds_go_in(ground: str) -> None:
    async with unlocked_refunds():
        assert await ask_at_once(ground) == [None, None]
    assert await db.value("select sum(amount_fen) from refund") == 2300
    assert [row["sum"] for row in await db.rows(INVARIANTS["P4"])] == [2300]


async def written(count: int) -> None:
    for number in range(count):
        await db.execute(
            "insert into audit_entry (at, staff_id, action, subject, details, hash, previous_hash)"
            " values (now(), null, 'test.written', $1, '{}', '\\xff', '\\xff')",
            f"test:{number}",
        )


async def test_each_audit_row_carries_the_hash_of_the_one_before(ground: str) -> None:
    await written(3)
    rows = await db.rows("select hash, previous_hash from audit_entry order by id")
    hashes = [row["hash"] for row in rows]
    # Whatever the writer claimed: the database counts for itself.
    assert [row["previous_hash"] for row in rows] == [None, *hashes[:-1]]
    assert len(set(hashes)) == 4
    assert b"\xff" not in hashes
    assert await db.rows(INVARIANTS["A2"]) == []


@pytest.mark.parametrize(
    "tampering",
    [
        'update audit_entry set details = \'{"role": "clerk"}\' where id = $1',
        "update audit_entry set staff_id = 900001 where id = $1",
        "update audit_entry set at = at + interval '1 microsecond' where id = $1",
        (
            "update audit_entry set subject = 'test:9', hash = audit_hash(previous_hash,"
            " (id, at, action, 'test:9', details, previous_hash, hash, staff_id)::audit_entry) where id = $1"
        ),
        "delete from audit_entry where id = $1",
    ],
)
async def test_tampering_past_the_triggers_breaks_the_chain(ground: str, tampering: str) -> None:
    await written(3)
    middle = await db.value("select id from audit_entry order by id offset 1 limit 1")
    async with db.tx():
        await db.execute("set local session_replication_role = replica")
        assert await db.execute(tampering, middle) == 1
    assert await db.rows(INVARIANTS["A2"]) != []


async def test_audit_rows_written_at_once_make_one_chain(ground: str) -> None:
    await asyncio.gather(*(written(4) for _ in range(5)))
    assert await db.value("select count(*) from audit_entry") == 21
    assert await db.rows(INVARIANTS["A2"]) == []


async def test_a_cart_takes_a_hundred_kinds_and_not_one_more(ground: str) -> None:
    await db.execute(
        "insert into sku (id, code, product_id, specs, list_price_fen, weight_grams, is_active)"
        " select 910000 + n, 'X' || n, 900001, '{}', 1, 1, true from generate_series(1, 100) n"
    )
    await db.execute(
        "insert into cart_line (member_id, sku_id, quantity, added_at)"
        " select 900001, 910000 + n, 1, now() from generate_series(1, 99) n"
    )
    one_more = (
        "insert into cart_line (member_id, sku_id, quantity, added_at) values ($1, $2, 2, now())"
        " on conflict (member_id, sku_id) do update set quantity = excluded.quantity"
    )
    assert await rule_of(one_more, 900001, 910100) == "cart_line_limit"
    assert await rule_of(one_more, 900001, 910001) is None
    assert await rule_of(one_more, 900002, 910100) is None


async def test_a_store_is_stamped_when_it_or_one_of_its_days_changes(ground: str) -> None:
    stamp = "select changed_in::text from store where id = $1"
    untouched = await db.value(stamp, 900002)
    seen = {await db.value(stamp, 900001)}
    for change in (
        "update store set is_paused = true where id = 900001",
        "insert into store_day (store_id, on_date, intervals, note) values (900001, '2026-11-20', '[]', '')",
        "update store_day set note = '盘点' where on_date = '2026-11-20'",
        "delete from store_day where on_date = '2026-11-20'",
    ):
        await db.execute(change)
        seen.add(await db.value(stamp, 900001))
    assert len(seen) == 5
    assert await db.value(stamp, 900002) == untouched


async def test_a_product_is_found_by_any_piece_of_its_keys(ground: str) -> None:
    await db.execute("update product set search_keys = '鲜牛奶 XNN 900'")
    for piece in ("牛", "牛奶", "鲜牛", "xn", "90", "0"):
        found = "select count(*) from product where search_grams @> array[$1]::text[]"
        assert await db.value(found, piece) == 1, piece
    assert await db.value("select count(*) from product where search_grams @> array['羊']") == 0
