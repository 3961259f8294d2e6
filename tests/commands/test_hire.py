"""`jishi hire` opens accounts: the first of headquarters, and any other."""

import asyncio
import os
import pty
import sys

import click
import pytest

from commerce.staff.passwords import verify_password
from commerce.staff.sessions import log_in
from kit import clock, db
from kit.redis import Link
from models.enums import StaffRole
from scripts.commands.hire import check_words
from tests.commands.program import Desk, Ran
from tests.factories import PASSWORD, make_staff, make_store

WORD = "市集 opens at dawn"


async def hire(desk: Desk, account: str, *options: str, password: str = WORD) -> Ran:
    typed = f"{password}\nignored\n".encode()
    return await desk.run("hire", account, *options, "--password-stdin", typed=typed)


async def people() -> list[tuple[object, ...]]:
    return [tuple(row) for row in await db.rows("select account, role from staff order by id")]


async def test_the_first_of_headquarters_can_log_in_and_the_trail_says_the_system_did_it(
    desk: Desk, link: Link
) -> None:
    ran = await hire(desk, "boss", "--name", "陈静", "--role", "headquarters")
    assert (ran.code, ran.err) == (0, "")
    assert (
        ran.out == "账号已开通 Account open: boss, 陈静, 总部 headquarters, 所有门店 every store\n"
    )
    opened = await log_in(link, "boss", WORD, address="10.0.0.1", now=clock.now())
    viewer = opened.viewer
    assert (viewer.role.value, viewer.store_ids) == ("headquarters", None)
    trace = await db.one("select staff_id, action, subject, details ->> 'account' from audit_entry")
    assert tuple(trace) == (None, "staff.hired", f"staff:{viewer.staff_id}", "boss")


async def test_a_manager_gets_exactly_the_stores_named(desk: Desk) -> None:
    stores = [await make_store() for _ in range(3)]
    codes = [await db.value("select code from store where id = $1", store) for store in stores[:2]]
    granted = ("--store", codes[0], "--store", codes[1])
    ran = await hire(desk, "wang", "--name", "王店长", "--role", "store_manager", *granted)
    assert ran.code == 0, ran.err
    rows = await db.rows("select store_id from staff_store")
    assert sorted(row["store_id"] for row in rows) == stores[:2]


async def test_an_account_that_is_there_is_left_alone(desk: Desk) -> None:
    await make_staff("boss", "clerk", await make_store())
    ran = await hire(desk, "boss", "--name", "别人", "--role", "headquarters")
    assert (ran.code, ran.out) == (1, "")
    assert "该账号已存在。 / This account already exists." in ran.err
    assert await people() == [("boss", "clerk")]
    stored = await db.value("select password_hash from staff")
    assert await verify_password(stored, PASSWORD)
    assert await db.value("select count(*) from audit_entry") == 0


@pytest.mark.parametrize(
    ("account", "name", "password", "told"),
    [
        ("boss", "陈静", "short", "The password must be 10 to 128 characters."),
        ("boss", "陈静", "long" * 40, "The password must be 10 to 128 characters."),
        ("Boss", "陈静", WORD, "账号须为 3 至 32 位小写字母"),
        ("boss", "", WORD, "The name must be 1 to 32 characters"),
        ("boss", "陈静", "\udcb3\udcc2" * 9, "输入不是 UTF-8。"),
    ],
    ids=["short", "long", "account", "name", "gbk"],
)
def test_words_the_endpoint_would_refuse_are_refused_here(
    account: str, name: str, password: str, told: str
) -> None:
    check_words("boss", "陈静", StaffRole.HEADQUARTERS, WORD)
    with pytest.raises(click.ClickException, match=told):
        check_words(account, name, StaffRole.HEADQUARTERS, password)


async def test_a_weak_password_or_one_of_another_encoding_opens_nothing(desk: Desk) -> None:
    options = ("--name", "陈静", "--role", "headquarters")
    ran = await hire(desk, "boss", *options, password="boss is the boss")
    assert ran.code == 1
    assert "密码过于简单" in ran.err
    gbk = "开门大吉开门大吉".encode("gbk")
    ran = await desk.run("hire", "boss", *options, "--password-stdin", typed=gbk)
    assert ran.code == 1
    assert "输入不是 UTF-8。" in ran.err
    assert await people() == []


async def test_a_role_and_its_stores_must_fit(desk: Desk) -> None:
    ran = await hire(desk, "li", "--name", "李", "--role", "clerk")
    assert ran.code == 2
    assert "需要至少一个 --store" in ran.err
    ran = await hire(desk, "li", "--name", "李", "--role", "merchandiser", "--store", "SH1")
    assert ran.code == 2
    assert "可见所有门店" in ran.err
    ran = await hire(desk, "li", "--name", "李", "--role", "clerk", "--store", "NO1")
    assert ran.code == 1
    assert "没有编码为 NO1 的门店。 / There is no store NO1." in ran.err
    assert await people() == []


async def test_a_password_typed_at_a_terminal_is_asked_for_until_it_agrees_and_never_shown(
    desk: Desk,
) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.jishi", "hire", "boss"),
        *("--name", "陈静", "--role", "headquarters"),
        cwd=desk.checkout,
        env=desk.environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    try:
        for asked, answer in (
            ("密码 Password: ", WORD),
            ("再输一次 Once more: ", "something else"),
            ("密码 Password: ", WORD),
            ("再输一次 Once more: ", WORD),
        ):
            seen += await read_until(ours, asked.encode())
            os.write(ours, f"{answer}\n".encode())
        seen += await read_until(ours, b"every store")
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        os.close(ours)
    assert WORD not in seen.decode()
    assert "something else" not in seen.decode()
    assert await people() == [("boss", "headquarters")]


async def read_until(terminal: int, awaited: bytes) -> bytes:
    seen = b""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(terminal, readable.set)
    try:
        async with asyncio.timeout(60):
            while awaited not in seen:
                await readable.wait()
                readable.clear()
                seen += os.read(terminal, 1024)
    finally:
        loop.remove_reader(terminal)
    return seen
