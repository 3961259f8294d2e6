"""Staff: what a role may do, what a change ends, and what nobody can rewrite."""

import asyncio
from datetime import UTC, datetime
from threading import Event

import argon2
import asyncpg
import pytest

from commerce.staff import actions, passwords
from commerce.staff.actions import Position, StaffRow, change_position, hire, load_staff, record
from commerce.staff.errors import AccountTaken, LoginRefused, OwnAccount, WeakPassword
from commerce.staff.passwords import hash_password, verify_password
from commerce.staff.queries import get_person, get_self, list_people, list_traces
from commerce.staff.rules import (
    RIGHTS,
    Right,
    StaffViewer,
    check_grants,
    check_password,
    check_right,
    check_store,
)
from commerce.staff.sessions import (
    PER_ACCOUNT,
    PER_ACCOUNT_HERE,
    PER_ADDRESS,
    close_session,
    find_session,
    log_in,
)
from kit import db
from kit.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    TemporarilyUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from kit.limits import spend
from models.enums import StaffRole
from tests.factories import PASSWORD, make_staff, make_store

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
SECOND_HEAD = Position(
    display_name="陈静", role=StaffRole.HEADQUARTERS, store_ids=frozenset(), is_active=True
)
DISMISSED_HEAD = Position(
    display_name="陈静", role=StaffRole.HEADQUARTERS, store_ids=frozenset(), is_active=False
)


def viewer_of(role: StaffRole, store_ids: frozenset[int] | None, staff_id: int = 1) -> StaffViewer:
    return StaffViewer(staff_id, role, store_ids, "谁")


CLERK = viewer_of(StaffRole.CLERK, frozenset({3}))


@pytest.fixture
async def stores(database) -> list[int]:
    return [await make_store(name="一号店"), await make_store(name="二号店")]


@pytest.fixture
async def head(database) -> StaffViewer:
    return viewer_of(
        StaffRole.HEADQUARTERS, None, await make_staff("admin", StaffRole.HEADQUARTERS)
    )


def clerk_in(*store_ids: int) -> Position:
    return Position(display_name="李明", role=StaffRole.CLERK, store_ids=frozenset(store_ids))


def test_every_role_has_its_row_and_headquarters_has_every_right():
    assert set(RIGHTS) == set(StaffRole)
    assert RIGHTS[StaffRole.HEADQUARTERS] == frozenset(Right)
    assert set().union(*(RIGHTS[role] for role in StaffRole)) == set(Right)


def test_only_headquarters_manages_people_and_reads_the_trail():
    for right in (Right.MANAGE_STAFF, Right.READ_AUDIT):
        assert [role for role in StaffRole if right in RIGHTS[role]] == [StaffRole.HEADQUARTERS]


def test_a_function_outside_the_role_is_forbidden():
    check_right(CLERK, Right.PREPARE)
    with pytest.raises(Forbidden):
        check_right(CLERK, Right.CANCEL_REFUND)


def test_a_store_that_is_not_granted_is_not_there():
    check_store(CLERK, 3)
    check_store(viewer_of(StaffRole.MERCHANDISER, None), 4)
    with pytest.raises(NotFound):
        check_store(CLERK, 4)


@pytest.mark.parametrize(
    ("role", "store_ids", "fits"),
    [
        (StaffRole.CLERK, {1}, True),
        (StaffRole.CLERK, set(), False),
        (StaffRole.HEADQUARTERS, set(), True),
        (StaffRole.MERCHANDISER, {1}, False),
    ],
)
def test_store_roles_need_stores_and_chain_roles_have_none(role, store_ids, fits):
    if fits:
        check_grants(role, store_ids)
    else:
        with pytest.raises(InvalidInput):
            check_grants(role, store_ids)


@pytest.mark.parametrize("password", ["sieben-br", "aaaaaaaaaabb", "xx-Li.Ming-2026"])
def test_short_monotonous_and_self_referring_passwords_are_weak(password):
    with pytest.raises(WeakPassword):
        check_password(password, "li.ming")


def test_a_long_password_needs_no_odd_characters():
    check_password("siebenbruecken", "li.ming")


async def test_a_password_is_kept_as_argon2id_and_verified():
    kept = await hash_password(PASSWORD)
    assert kept.startswith("$argon2id$")
    assert await verify_password(kept, PASSWORD)
    assert not await verify_password(kept, PASSWORD + "x")


async def test_an_unknown_account_costs_the_same_work_as_a_wrong_password():
    assert not await verify_password(None, PASSWORD)
    nobody = argon2.extract_parameters(passwords._NOBODY)
    assert nobody == argon2.extract_parameters(await hash_password(PASSWORD))


async def test_a_crowd_is_told_to_come_back_rather_than_queued_for_ever():
    threads, go = passwords._Threads(threads=2, longest_queue=4), Event()
    waiting = [asyncio.ensure_future(threads.run(go.wait)) for _ in range(6)]
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0)
        assert [type(each.exception()) for each in done] == [TemporarilyUnavailable] * 2
    finally:
        go.set()
    assert (await asyncio.gather(*waiting, return_exceptions=True)).count(True) == 4


async def test_requests_that_were_cancelled_leave_no_more_threads_than_allowed():
    threads, go, running = passwords._Threads(threads=2, longest_queue=4), Event(), []

    def work() -> None:
        running.append(1)
        go.wait()

    for _ in range(5):
        request = asyncio.ensure_future(threads.run(work))
        await asyncio.sleep(0.01)
        request.cancel()
    try:
        assert len(running) == 2
    finally:
        go.set()


async def test_hiring_opens_the_account_with_its_stores_and_leaves_a_trace(head, stores):
    made = await hire(head, "li.ming", PASSWORD, clerk_in(*stores), now=NOW)
    person = await get_person(head, made)
    assert (person.account, person.role, person.is_active) == ("li.ming", StaffRole.CLERK, True)
    assert person.stores is not None
    assert [(store.id, store.name) for store in person.stores] == [
        (stores[0], "一号店"),
        (stores[1], "二号店"),
    ]
    [trace] = await list_traces(head, before=None, limit=10)
    assert (trace.action, trace.subject, trace.staff_id) == (
        "staff.hired",
        f"staff:{made}",
        head.staff_id,
    )
    assert PASSWORD not in str(trace)


async def test_one_account_is_hired_once(head, stores):
    outcomes = await asyncio.gather(
        *(hire(head, "li.ming", PASSWORD, clerk_in(stores[0]), now=NOW) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, int) for each in outcomes) == 1
    assert sum(isinstance(each, AccountTaken) for each in outcomes) == 3
    assert await db.value("select count(*) from audit_entry") == 1


async def test_an_unknown_store_is_refused_and_nothing_remains(head, stores):
    with pytest.raises(InvalidInput):
        await hire(head, "li.ming", PASSWORD, clerk_in(stores[0], 999_999), now=NOW)
    assert await db.value("select count(*) from staff where account = 'li.ming'") == 0
    assert await db.value("select count(*) from audit_entry") == 0


async def test_others_than_headquarters_manage_nobody(head, stores):
    manager = viewer_of(StaffRole.STORE_MANAGER, frozenset(stores))
    with pytest.raises(Forbidden):
        await hire(manager, "li.ming", PASSWORD, clerk_in(stores[0]), now=NOW)
    with pytest.raises(Forbidden):
        await change_position(manager, head.staff_id, DISMISSED_HEAD, password=None, now=NOW)
    for reading in (get_person(manager, 1), list_people(manager, after=None, limit=1)):
        with pytest.raises(Forbidden):
            await reading
    with pytest.raises(Forbidden):
        await list_traces(manager, before=None, limit=1)


@pytest.mark.parametrize(
    ("change", "ends"),
    [
        ("name", False),
        ("role", True),
        ("stores", True),
        ("dismissal", True),
        ("password", True),
    ],
)
async def test_what_a_change_of_position_ends(head, stores, link, change, ends):
    made = await make_staff("li.ming", StaffRole.CLERK, stores[0])
    token = (await log_in(link, "li.ming", PASSWORD, address="::1", now=NOW)).token
    role = StaffRole.GUIDE if change == "role" else StaffRole.CLERK
    place = stores[1] if change == "stores" else stores[0]
    position = Position(
        display_name="李小明",
        role=role,
        store_ids=frozenset({place}),
        is_active=change != "dismissal",
    )
    password = "acht-bruecken" if change == "password" else None
    await change_position(head, made, position, password=password, now=NOW)
    assert (await find_session(link, token) is None) is ends


async def test_the_new_password_opens_and_the_old_one_no_more(head, stores, link):
    made = await make_staff("li.ming", StaffRole.CLERK, stores[0])
    await change_position(head, made, clerk_in(stores[0]), password="acht-bruecken", now=NOW)
    await log_in(link, "li.ming", "acht-bruecken", address="::1", now=NOW)
    with pytest.raises(LoginRefused):
        await log_in(link, "li.ming", PASSWORD, address="::1", now=NOW)


async def test_nobody_dismisses_or_demotes_himself(head, stores):
    for position in (DISMISSED_HEAD, clerk_in(stores[0])):
        with pytest.raises(OwnAccount):
            await change_position(head, head.staff_id, position, password=None, now=NOW)
    await change_position(head, head.staff_id, SECOND_HEAD, password=None, now=NOW)
    assert (await get_self(head)).display_name == "陈静"


async def mutual_dismissal(head: StaffViewer) -> list[object]:
    other = await make_staff("chen.jing", StaffRole.HEADQUARTERS)
    second = viewer_of(StaffRole.HEADQUARTERS, None, other)
    return await asyncio.gather(
        change_position(head, other, DISMISSED_HEAD, password=None, now=NOW),
        change_position(second, head.staff_id, DISMISSED_HEAD, password=None, now=NOW),
        return_exceptions=True,
    )


async def test_two_who_dismiss_each_other_do_not_both_succeed(head):
    outcomes = await mutual_dismissal(head)
    assert outcomes.count(None) == 1
    assert sum(isinstance(each, Unauthenticated) for each in outcomes) == 1
    assert await db.value("select count(*) from staff where is_active") == 1


async def test_control_without_the_common_lock_nobody_is_left(head, monkeypatch):
    both_read = asyncio.Barrier(2)

    async def read_only(_: StaffViewer, staff_id: int) -> asyncpg.Record:
        row = await db.one(
            "select role, is_active, '{}'::bigint[] as store_ids from staff where id = $1", staff_id
        )
        await both_read.wait()
        return row

    monkeypatch.setattr(actions, "_lock", read_only)
    assert await mutual_dismissal(head) == [None, None]
    assert await db.value("select count(*) from staff where is_active") == 0


async def test_a_login_opens_what_a_log_out_closes(head, link):
    opened = await log_in(link, "admin", PASSWORD, address="203.0.113.9", now=NOW)
    assert await find_session(link, opened.token) == opened.viewer
    assert opened.viewer.store_ids is None
    await close_session(link, opened.token)
    assert await find_session(link, opened.token) is None


async def test_the_stores_are_those_of_this_moment(head, stores, link):
    made = await make_staff("li.ming", StaffRole.CLERK, stores[0])
    token = (await log_in(link, "li.ming", PASSWORD, address="::1", now=NOW)).token
    await db.execute(
        "insert into staff_store (staff_id, store_id) values ($1, $2)", made, stores[1]
    )
    viewer = await find_session(link, token)
    assert viewer is not None
    assert viewer.store_ids == frozenset(stores)


async def test_a_network_that_guesses_rests_and_the_owner_elsewhere_does_not(head, link):
    for _ in range(PER_ACCOUNT_HERE.tries):
        with pytest.raises(LoginRefused):
            await log_in(link, "admin", "wrong-password", address="203.0.113.9", now=NOW)
    for _ in range(PER_ADDRESS.tries - PER_ACCOUNT_HERE.tries):
        with pytest.raises(TooManyRequests) as refusal:
            await log_in(link, "admin", PASSWORD, address="203.0.113.9", now=NOW)
    assert 0 < refusal.value.details["retry_after_seconds"] <= 900
    await log_in(link, "admin", PASSWORD, address="198.51.100.7", now=NOW)


async def test_an_account_guessed_at_from_many_networks_rests_everywhere(head, link):
    for _ in range(PER_ACCOUNT.tries - 1):
        await spend(link, PER_ACCOUNT, "admin")
    with pytest.raises(LoginRefused):
        await log_in(link, "admin", "wrong-password", address="203.0.113.9", now=NOW)
    with pytest.raises(TooManyRequests):
        await log_in(link, "admin", PASSWORD, address="198.51.100.7", now=NOW)


async def test_an_account_that_does_not_exist_rests_like_one_that_does(database, link):
    for _ in range(PER_ACCOUNT_HERE.tries - 1):
        await spend(link, PER_ACCOUNT_HERE, "nobody@203.0.113.9")
    with pytest.raises(LoginRefused):
        await log_in(link, "nobody", PASSWORD, address="203.0.113.9", now=NOW)
    with pytest.raises(TooManyRequests):
        await log_in(link, "nobody", PASSWORD, address="203.0.113.9", now=NOW)


async def test_an_address_that_tries_one_password_on_all_accounts_must_rest(head, link):
    for _ in range(PER_ADDRESS.tries):
        await spend(link, PER_ADDRESS, "203.0.113.9")
    with pytest.raises(TooManyRequests):
        await log_in(link, "admin", PASSWORD, address="203.0.113.9", now=NOW)
    await log_in(link, "admin", PASSWORD, address="198.51.100.7", now=NOW)


async def test_a_right_password_gives_the_tries_back(head, link):
    for _ in range(2):
        for _ in range(PER_ACCOUNT_HERE.tries - 1):
            with pytest.raises(LoginRefused):
                await log_in(link, "admin", "wrong-password", address="::1", now=NOW)
        await log_in(link, "admin", PASSWORD, address="::1", now=NOW)


async def test_every_trace_carries_the_hash_of_the_one_before(head):
    await asyncio.gather(
        *(record(head, "store.paused", f"store:{n}", {"n": n}, NOW) for n in range(8))
    )
    broken = await db.value(
        "select count(*) from (select entry, previous_hash, hash,"
        " lag(hash) over (order by id) as before from audit_entry entry) chain"
        " where previous_hash is distinct from before"
        " or hash is distinct from audit_hash(previous_hash, entry)"
    )
    assert broken == 0
    assert await db.value("select count(distinct hash) from audit_entry") == 8


@pytest.mark.parametrize(
    "tampering",
    ["update audit_entry set action = 'nothing.happened'", "delete from audit_entry"],
)
async def test_the_database_refuses_to_rewrite_the_trail(head, tampering):
    await record(head, "store.paused", "store:1", {}, NOW)
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await db.execute(tampering)
    assert db.broken_rule(refusal.value) == "audit_entry_append_only"


async def test_a_trace_goes_with_the_write_it_tells_of(head):
    async def write_that_fails() -> None:
        async with db.tx():
            await record(head, "store.paused", "store:1", {}, NOW)
            raise RuntimeError("the write fails")

    with pytest.raises(RuntimeError, match="the write fails"):
        await write_that_fails()
    assert await list_traces(head, before=None, limit=9) == []


async def test_the_trail_is_read_page_by_page_newest_first(head):
    for n in range(3):
        await record(None, "catalogue.imported", f"file:{n}", {}, NOW)
    first = await list_traces(head, before=None, limit=2)
    rest = await list_traces(head, before=first[-1].id, limit=2)
    assert [trace.subject for trace in (*first, *rest)] == ["file:2", "file:1", "file:0"]
    assert {trace.staff_name for trace in first} == {None}


async def test_loading_staff_twice_changes_nothing(stores):
    codes = [row["code"] for row in await db.rows("select code from store")]
    rows = [
        StaffRow(
            account="clerk-1",
            password=PASSWORD,
            display_name="李明",
            role=StaffRole.CLERK,
            store_codes=tuple(codes),
        )
    ]
    await load_staff(rows, NOW)
    before = await db.value("select staff::text from staff")
    await load_staff(rows, NOW)
    assert await db.value("select staff::text from staff") == before
    assert await db.value("select count(*) from staff_store") == 2
