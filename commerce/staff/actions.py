"""Hiring, changing and dismissing people, and the trail of every administrative write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
import orjson

from commerce.staff.errors import AccountTaken, OwnAccount
from commerce.staff.passwords import hash_password
from commerce.staff.rules import (
    Right,
    StaffViewer,
    check_grants,
    check_password,
    check_right,
)
from kit import db
from kit.errors import InvalidInput, NotFound, Unauthenticated
from models.enums import StaffRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What somebody is in the shop. `store_ids` is empty for roles that see every store."""

    display_name: str
    role: StaffRole
    store_ids: frozenset[int]
    is_active: bool = True


_INSERT: Final = """
insert into staff (account, display_name, password_hash, role, is_active, session_epoch, created_at)
values ($1, $2, $3, $4, true, 1, $5)
on conflict (account) do nothing
returning id
"""


async def record(
    viewer: StaffViewer | None,
    action: str,
    subject: str,
    details: Mapping[str, object],
    now: datetime,
) -> None:
    """Write the audit row of an administrative write (A2). Call inside its transaction, last:
    writers of the chain wait for each other until they commit.

    `action` is "noun.verbed", `subject` "noun:id", `details` JSON without personal data;
    `viewer` None is the system itself.
    """
    await db.execute(
        "insert into audit_entry (at, staff_id, action, subject, details)"
        " values ($1, $2, $3, $4, $5::jsonb)",
        now,
        viewer.staff_id if viewer else None,
        action,
        subject,
        orjson.dumps(details).decode(),
    )


async def hire(
    viewer: StaffViewer | None, account: str, password: str, position: Position, *, now: datetime
) -> int:
    """A new account; its id. Needs `MANAGE_STAFF`; `viewer` None is the system itself, for whoever
    runs it: somebody has to open the first account.

    Raises `AccountTaken`, `WeakPassword`, or `InvalidInput` for unknown or ill-fitting stores.
    A repeated request is told `AccountTaken`: the account is its key, and no answer that knows
    the password is kept.
    """
    if viewer is not None:
        check_right(viewer, Right.MANAGE_STAFF)
    check_grants(position.role, position.store_ids)
    check_password(password, account)
    password_hash = await hash_password(password)
    async with db.tx():
        staff_id: int | None = await db.value(
            _INSERT,
            account,
            position.display_name,
            password_hash,
            position.role,
            now,
        )
        if staff_id is None:
            raise AccountTaken
        await _grant(staff_id, position.store_ids)
        await record(
            viewer, "staff.hired", f"staff:{staff_id}", _trail(position) | {"account": account}, now
        )
    return staff_id


async def change_position(
    viewer: StaffViewer,
    staff_id: int,
    position: Position,
    *,
    password: str | None,
    now: datetime,
) -> None:
    """Replace what somebody is, and the password unless None. Needs `MANAGE_STAFF`.

    A new role, other stores, dismissal or a new password end all his sessions at once. Raises
    `NotFound`, `OwnAccount` when one dismisses or demotes oneself, `WeakPassword`, `InvalidInput`.
    """
    check_right(viewer, Right.MANAGE_STAFF)
    check_grants(position.role, position.store_ids)
    known = await db.row("select account from staff where id = $1", staff_id)
    if known is None:
        raise NotFound
    if password is not None:
        check_password(password, known["account"])
    password_hash = None if password is None else await hash_password(password)
    async with db.tx():
        old = await _lock(viewer, staff_id)
        if viewer.staff_id == staff_id and (
            not position.is_active or position.role is not StaffRole(old["role"])
        ):
            raise OwnAccount
        is_new = password_hash is not None or _differs(old, position)
        await db.execute(
            "update staff set display_name = $2, role = $3, is_active = $4,"
            " password_hash = coalesce($5, password_hash),"
            " session_epoch = session_epoch + $6::int where id = $1",
            staff_id,
            position.display_name,
            position.role,
            position.is_active,
            password_hash,
            int(is_new),
        )
        await _grant(staff_id, position.store_ids)
        details = _trail(position) | {"password_changed": password_hash is not None}
        await record(viewer, "staff.changed", f"staff:{staff_id}", details, now)


async def _lock(viewer: StaffViewer, staff_id: int) -> asyncpg.Record:
    """The row of `staff_id`, locked with the viewer's, so that two who dismiss each other at the
    same moment do not both succeed and leave the shop without headquarters.
    """
    rows = await db.rows(
        "select id, role, is_active,"
        " array(select store_id from staff_store where staff_id = staff.id) as store_ids"
        " from staff where id = any($1::bigint[]) order by id for no key update",
        [viewer.staff_id, staff_id],
    )
    people = {row["id"]: row for row in rows}
    actor = people[viewer.staff_id]
    if not actor["is_active"] or actor["role"] != viewer.role:
        raise Unauthenticated
    return people[staff_id]


def _differs(old: asyncpg.Record, position: Position) -> bool:
    return (
        old["role"] != position.role
        or old["is_active"] != position.is_active
        or frozenset(old["store_ids"]) != position.store_ids
    )


async def _grant(staff_id: int, store_ids: frozenset[int]) -> None:
    """Make the grants exactly these; `InvalidInput` when a store does not exist."""
    wanted = sorted(store_ids)
    await db.execute(
        "delete from staff_store where staff_id = $1 and store_id <> all($2::bigint[])",
        staff_id,
        wanted,
    )
    await db.execute(
        "insert into staff_store (staff_id, store_id)"
        " select $1, id from store where id = any($2::bigint[]) on conflict do nothing",
        staff_id,
        wanted,
    )
    granted = await db.value("select count(*) from staff_store where staff_id = $1", staff_id)
    if granted != len(wanted):
        raise InvalidInput(fields={"store_ids": "no such store"})


def _trail(position: Position) -> dict[str, object]:
    return {
        "role": position.role,
        "store_ids": sorted(position.store_ids),
        "is_active": position.is_active,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffRow:
    """Somebody to load, with the codes of his stores."""

    account: str
    password: str
    display_name: str
    role: StaffRole
    store_codes: tuple[str, ...] = ()


async def load_staff(rows: Sequence[StaffRow], now: datetime) -> None:
    """Open the accounts that are not there yet. Repeating it changes nothing, also no password.

    The stores must be there. One password is hashed once: a demo gives everybody the same.
    """
    known = await db.rows(
        "select account from staff where account = any($1::text[])", [row.account for row in rows]
    )
    taken = {row["account"] for row in known}
    missing = [row for row in rows if row.account not in taken]
    hashes = {word: await hash_password(word) for word in {row.password for row in missing}}
    async with db.tx():
        for row in missing:
            await _load(row, hashes[row.password], now)


async def _load(row: StaffRow, password_hash: str, now: datetime) -> None:
    staff_id = await db.value(_INSERT, row.account, row.display_name, password_hash, row.role, now)
    if staff_id is None:
        return
    stores = await db.rows(
        "select id from store where code = any($1::text[])", list(row.store_codes)
    )
    await _grant(staff_id, frozenset(store["id"] for store in stores))
