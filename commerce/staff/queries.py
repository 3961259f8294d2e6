"""What one reads of the people of the shop, and of what they did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from commerce.staff.rules import CHAIN_ROLES, Right, StaffViewer, check_right
from kit import db
from kit.errors import NotFound
from models.enums import StaffRole


@dataclass(frozen=True, slots=True)
class GrantedStore:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """`stores` None is every store."""

    id: int
    account: str
    display_name: str
    role: StaffRole
    is_active: bool
    stores: list[GrantedStore] | None


@dataclass(frozen=True, slots=True)
class Trace:
    """An audit row; `staff_name` None is the system itself."""

    id: int
    at: datetime
    staff_id: int | None
    staff_name: str | None
    action: str
    subject: str
    details: dict[str, Any]
    hash: bytes


_PERSON = """
select staff.id, account, display_name, role, staff.is_active,
    (select coalesce(json_agg(json_build_array(store.id, store.name) order by store.id), '[]')
        from staff_store join store on store.id = staff_store.store_id
        where staff_store.staff_id = staff.id) as stores
from staff
"""


async def get_self(viewer: StaffViewer) -> Person:
    """The viewer himself."""
    return await _get(viewer.staff_id)


async def get_person(viewer: StaffViewer, staff_id: int) -> Person:
    """Needs `MANAGE_STAFF`; raises `NotFound`."""
    check_right(viewer, Right.MANAGE_STAFF)
    return await _get(staff_id)


async def list_people(viewer: StaffViewer, *, after: int | None, limit: int) -> list[Person]:
    """Everybody, dismissed ones too, by id, from the one behind `after`. Needs `MANAGE_STAFF`."""
    check_right(viewer, Right.MANAGE_STAFF)
    rows = await db.rows(
        _PERSON + "where staff.id > $1 order by staff.id limit $2", after or 0, limit
    )
    return [_person(row) for row in rows]


async def list_traces(viewer: StaffViewer, *, before: int | None, limit: int) -> list[Trace]:
    """The audit trail, newest first, from the one before `before`. Needs `READ_AUDIT`."""
    check_right(viewer, Right.READ_AUDIT)
    rows = await db.rows(
        "select entry.id, at, staff_id, display_name as staff_name, action, subject, details, hash"
        " from audit_entry entry left join staff on staff.id = entry.staff_id"
        " where $1::bigint is null or entry.id < $1 order by entry.id desc limit $2",
        before,
        limit,
    )
    return [Trace(**(dict(row) | {"details": orjson.loads(row["details"])})) for row in rows]


async def _get(staff_id: int) -> Person:
    row = await db.row(_PERSON + "where staff.id = $1", staff_id)
    if row is None:
        raise NotFound
    return _person(row)


def _person(row: asyncpg.Record) -> Person:
    role = StaffRole(row["role"])
    stores = [GrantedStore(*store) for store in orjson.loads(row["stores"])]
    return Person(
        id=row["id"],
        account=row["account"],
        display_name=row["display_name"],
        role=role,
        is_active=row["is_active"],
        stores=None if role in CHAIN_ROLES else stores,
    )
