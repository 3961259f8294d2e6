"""Headquarters hires, changes and dismisses, and reads who did what."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from commerce.staff import actions, queries
from commerce.staff.actions import Position
from commerce.staff.errors import AccountTaken, OwnAccount, WeakPassword
from commerce.staff.queries import Person, Trace
from commerce.staff.rules import Right, StaffViewer
from kit.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    TemporarilyUnavailable,
    Unauthenticated,
)
from kit.web import Api, Call, Id, Page, PageQuery, Struct, next_cursor, read_cursor
from models.enums import StaffRole
from staff_api.session import WorkStore, authenticate, needs

people: Api[StaffViewer] = Api("staff people", "/v1/staff", authenticate=authenticate)

_COMMON: Final = (Unauthenticated, Forbidden, TemporarilyUnavailable)

# No control characters, line separators or marks that turn the direction of writing, and no blank
# in front; `$` alone would let a last \n through.
_ODD: Final = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
_Name = Annotated[
    str, msgspec.Meta(pattern=rf"^[^{_ODD}\s][^{_ODD}]*(?!\n)$", min_length=1, max_length=32)
]
_StoreIds = Annotated[list[Id], msgspec.Meta(max_length=1000)]
_Password = Annotated[str, msgspec.Meta(min_length=10, max_length=128)]


class PersonPath(Struct, frozen=True):
    id: Id


class NewPerson(Struct, frozen=True):
    """`store_ids` is empty for headquarters and merchandisers, who see every store."""

    account: Annotated[
        str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.-]{2,31}(?!\n)$", min_length=3, max_length=32)
    ]
    password: _Password
    display_name: _Name
    role: StaffRole
    store_ids: _StoreIds


class ChangedPerson(Struct, frozen=True):
    """Everything anew, except that `password` null keeps the old one."""

    display_name: _Name
    role: StaffRole
    store_ids: _StoreIds
    is_active: bool
    password: _Password | None = None


class PersonMade(Struct, frozen=True):
    id: Id


class PersonAnswer(Struct, frozen=True):
    """`stores` null is every store."""

    id: Id
    account: str
    display_name: str
    role: StaffRole
    is_active: bool
    stores: list[WorkStore] | None


class TraceAnswer(Struct, frozen=True):
    """`staff_id` null is the system itself. `hash` covers the row and the hash before it."""

    id: Id
    at: datetime
    staff_id: Id | None
    staff_name: str | None
    action: str
    subject: str
    details: dict[str, Any]
    hash: str


@people.post(
    "/people",
    status=201,
    guard=needs(Right.MANAGE_STAFF),
    refuses=(*_COMMON, AccountTaken, WeakPassword, InvalidInput),
)
async def hire_person(call: Call[StaffViewer], body: NewPerson) -> PersonMade:
    """Open an account. It is made once: a repeated request is told that the account exists."""
    position = Position(
        display_name=body.display_name, role=body.role, store_ids=_numbers(body.store_ids)
    )
    made = await actions.hire(call.viewer, body.account, body.password, position, now=call.now)
    return PersonMade(id=str(made))


@people.get("/people", guard=needs(Right.MANAGE_STAFF), refuses=(*_COMMON, InvalidInput))
async def list_people(call: Call[StaffViewer], query: PageQuery) -> Page[PersonAnswer]:
    """Everybody who works or worked here, in order of hiring."""
    position = read_cursor(query.cursor, tuple[int])
    found = await queries.list_people(
        call.viewer, after=position[0] if position else None, limit=query.limit
    )
    is_last = len(found) < query.limit
    return Page(
        items=[_person(person) for person in found],
        next_cursor=None if is_last else next_cursor(found[-1].id),
    )


@people.get("/people/{id}", guard=needs(Right.MANAGE_STAFF), refuses=(*_COMMON, NotFound))
async def show_person(call: Call[StaffViewer], path: PersonPath) -> PersonAnswer:
    """One of the staff."""
    return _person(await queries.get_person(call.viewer, int(path.id)))


@people.put(
    "/people/{id}",
    status=204,
    guard=needs(Right.MANAGE_STAFF),
    refuses=(*_COMMON, NotFound, OwnAccount, WeakPassword, InvalidInput),
)
async def change_person(call: Call[StaffViewer], path: PersonPath, body: ChangedPerson) -> None:
    """Change role, stores, name or password, dismiss or take back.

    Everything but the name ends all sessions of this person at once.
    """
    position = Position(
        display_name=body.display_name,
        role=body.role,
        store_ids=_numbers(body.store_ids),
        is_active=body.is_active,
    )
    await actions.change_position(
        call.viewer, int(path.id), position, password=body.password, now=call.now
    )


@people.get("/audit", guard=needs(Right.READ_AUDIT), refuses=(*_COMMON, InvalidInput))
async def list_audit(call: Call[StaffViewer], query: PageQuery) -> Page[TraceAnswer]:
    """Every administrative write, newest first."""
    position = read_cursor(query.cursor, tuple[int])
    found = await queries.list_traces(
        call.viewer, before=position[0] if position else None, limit=query.limit
    )
    is_last = len(found) < query.limit
    return Page(
        items=[_trace(trace) for trace in found],
        next_cursor=None if is_last else next_cursor(found[-1].id),
    )


def _numbers(ids: list[str]) -> frozenset[int]:
    return frozenset(int(each) for each in ids)


def _person(person: Person) -> PersonAnswer:
    stores = person.stores
    return PersonAnswer(
        id=str(person.id),
        account=person.account,
        display_name=person.display_name,
        role=person.role,
        is_active=person.is_active,
        stores=None if stores is None else [WorkStore(str(s.id), s.name) for s in stores],
    )


def _trace(trace: Trace) -> TraceAnswer:
    return TraceAnswer(
        id=str(trace.id),
        at=trace.at,
        staff_id=None if trace.staff_id is None else str(trace.staff_id),
        staff_name=trace.staff_name,
        action=trace.action,
        subject=trace.subject,
        details=trace.details,
        hash=trace.hash.hex(),
    )
