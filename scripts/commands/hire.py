"""Open an account for somebody who works in the shop."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import click

from models.enums import StaffRole

if TYPE_CHECKING:
    from config.settings import Settings

_LABELS: Final = {
    StaffRole.HEADQUARTERS: "总部",
    StaffRole.MERCHANDISER: "商品运营",
    StaffRole.STORE_MANAGER: "店长",
    StaffRole.CLERK: "店员",
    StaffRole.GUIDE: "导购",
    StaffRole.RIDER: "骑手",
}

# Where the endpoint that hires finds a fault, and what to say about it here.
_FAULTS: Final = {
    "$.account": "账号须为 3 至 32 位小写字母、数字、“_”、“.”或“-”，以字母开头。"
    " / The account must be 3 to 32 lower-case letters, digits, _ . or -, a letter first.",
    "$.display_name": "姓名须为 1 至 32 个字，不能以空格开头或含有控制字符。"
    " / The name must be 1 to 32 characters, no blank in front, no control characters.",
    "$.password": "密码须为 10 至 128 个字符。 / The password must be 10 to 128 characters.",
}


@click.command()
@click.argument("account")
@click.option("--name", required=True, help="The name others see.")
@click.option("--role", required=True, type=click.Choice([role.value for role in StaffRole]))
@click.option(
    "--store",
    "codes",
    multiple=True,
    metavar="CODE",
    help="A store to work in, by its code; may be repeated.",
)
@click.option(
    "--password-stdin", is_flag=True, help="Take the first line of the input as the password."
)
def command(
    account: str, *, name: str, role: str, codes: tuple[str, ...], password_stdin: bool
) -> None:
    """Open ACCOUNT for a member of staff: the first of headquarters, or any other.

    Headquarters and merchandisers see every store; the others need at least one --store. The
    password is asked for twice and not shown. An account that is there already is left alone.

    Exit code 0: the account is open; 1: refused; 2: the command was not understood.
    """
    from commerce.staff.rules import CHAIN_ROLES  # noqa: PLC0415  (slow to import)
    from config.embedded.session import connected  # noqa: PLC0415
    from config.settings import Settings  # noqa: PLC0415
    from kit.errors import Refusal  # noqa: PLC0415

    position = StaffRole(role)
    _check_text("".join((account, name, *codes)))
    if position in CHAIN_ROLES and codes:
        raise click.UsageError(f"{role} 可见所有门店，不用 --store。 / It sees every store.")
    if position not in CHAIN_ROLES and not codes:
        raise click.UsageError(f"{role} 需要至少一个 --store。 / It needs a --store.")
    ask = _piped if password_stdin else _typed
    try:
        with connected(Settings.read()) as settings:
            asyncio.run(_hire(settings, account, name, position, codes=codes, ask=ask))
    except Refusal as refusal:
        words = f"{refusal.sentence('zh')} / {refusal.sentence('en')}"
        raise click.ClickException(words) from None
    where = "、".join(codes) or "所有门店 every store"
    click.echo(f"账号已开通 Account open: {account}, {name}, {_LABELS[position]} {role}, {where}")


async def _hire(
    settings: "Settings",
    account: str,
    name: str,
    role: StaffRole,
    *,
    codes: Sequence[str],
    ask: Callable[[], str],
) -> None:
    from commerce.staff.actions import Position, hire  # noqa: PLC0415  (slow to import)
    from commerce.staff.errors import AccountTaken  # noqa: PLC0415
    from config.orm import close_orm, open_orm  # noqa: PLC0415
    from kit import clock, db  # noqa: PLC0415

    assert settings.database_url is not None
    await open_orm(settings.database_url, pool_size=1)
    try:
        # Told before the password is typed; `hire` has the last word.
        if await db.value("select true from staff where account = $1", account):
            raise AccountTaken
        position = Position(display_name=name, role=role, store_ids=await _store_ids(codes))
        password = ask()
        check_words(account, name, role, password)
        await hire(None, account, password, position, now=clock.now())
    finally:
        await close_orm()


async def _store_ids(codes: Sequence[str]) -> frozenset[int]:
    from kit import db  # noqa: PLC0415  (slow to import)

    rows = await db.rows("select id, code from store where code = any($1::text[])", list(codes))
    missing = "、".join(sorted(set(codes) - {row["code"] for row in rows}))
    if missing:
        raise click.ClickException(f"没有编码为 {missing} 的门店。 / There is no store {missing}.")
    return frozenset(row["id"] for row in rows)


def _typed() -> str:
    return str(
        click.prompt("密码 Password", hide_input=True, confirmation_prompt="再输一次 Once more")
    )


def _piped() -> str:
    return sys.stdin.buffer.readline().decode(errors="surrogateescape").rstrip("\r\n")


def check_words(account: str, name: str, role: StaffRole, password: str) -> None:
    """Raises `ClickException` unless the endpoint that hires would take these words."""
    import msgspec  # noqa: PLC0415  (slow to import)

    from staff_api.people import NewPerson  # noqa: PLC0415

    _check_text(password)
    words = {"account": account, "display_name": name, "password": password}
    try:
        msgspec.convert(words | {"role": role.value, "store_ids": []}, NewPerson)
    except msgspec.ValidationError as error:
        raise click.ClickException(_FAULTS[str(error).split("`")[-2]]) from None


def _check_text(text: str) -> None:
    # A terminal of another encoding hands over bytes that are not UTF-8, and Python lets them in.
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise click.ClickException("输入不是 UTF-8。 / What was typed is not UTF-8.")
