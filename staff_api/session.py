"""Staff log in and out, and how every other endpoint knows who works."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from sanic import Request

from commerce.staff import queries, sessions
from commerce.staff.errors import LoginRefused
from commerce.staff.rules import Right, StaffViewer, check_right
from kit.errors import TemporarilyUnavailable, TooManyRequests, Unauthenticated
from kit.web import Api, Call, Id, Struct
from models.enums import StaffRole

_BEARER: Final = re.compile(r"(?i:bearer) ([A-Za-z0-9_-]{43})")


async def authenticate(request: Request) -> StaffViewer:
    """Who works under the request's bearer token, with his rights of this moment.

    `Unauthenticated` without a session, and from the moment on in which the role, the stores, the
    password or the employment changed.
    """
    bearer = _BEARER.fullmatch(request.headers.get("authorization", ""))
    viewer = await sessions.find_session(request.app.ctx.link, bearer[1]) if bearer else None
    if viewer is None:
        raise Unauthenticated
    return viewer


def needs(right: Right) -> Callable[[StaffViewer], None]:
    """A guard for an endpoint whose whole function is `right`."""

    def guard(viewer: StaffViewer) -> None:
        check_right(viewer, right)

    return guard


staff_login: Api[Any] = Api("staff session", "/v1/staff")
staff_session: Api[StaffViewer] = Api("staff session", "/v1/staff", authenticate=authenticate)


class StaffLogin(Struct, frozen=True):
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Worker(Struct, frozen=True):
    """`store_ids` null is every store."""

    id: Id
    display_name: str
    role: StaffRole
    store_ids: list[Id] | None


class StaffLoggedIn(Struct, frozen=True):
    """Send `token` as `Authorization: Bearer …`. It ends after eight hours."""

    token: str
    expires_at: datetime
    staff: Worker


class WorkStore(Struct, frozen=True):
    id: Id
    name: str


class StaffMe(Struct, frozen=True):
    """`stores` null is every store."""

    id: Id
    account: str
    display_name: str
    role: StaffRole
    stores: list[WorkStore] | None


@staff_login.post(
    "/session", status=201, refuses=(LoginRefused, TooManyRequests, TemporarilyUnavailable)
)
async def staff_log_in(call: Call[None], body: StaffLogin) -> StaffLoggedIn:
    """Start a shift of eight hours.

    After ten wrong passwords from one network within a quarter of an hour the account must rest
    there, and after a hundred from anywhere, everywhere.
    """
    opened = await sessions.log_in(
        call.ctx.link,
        body.account,
        body.password,
        address=call.request.remote_addr or call.request.ip,
        now=call.now,
    )
    viewer = opened.viewer
    stores = viewer.store_ids
    return StaffLoggedIn(
        token=opened.token,
        expires_at=opened.expires_at,
        staff=Worker(
            id=str(viewer.staff_id),
            display_name=viewer.display_name,
            role=viewer.role,
            store_ids=None if stores is None else [str(store) for store in sorted(stores)],
        ),
    )


@staff_session.delete("/session", status=204, refuses=(Unauthenticated, TemporarilyUnavailable))
async def staff_log_out(call: Call[StaffViewer]) -> None:
    """End this session."""
    token = call.request.headers["authorization"].partition(" ")[2]
    await sessions.close_session(call.ctx.link, token)


@staff_session.get("/me", refuses=(Unauthenticated, TemporarilyUnavailable))
async def show_staff_me(call: Call[StaffViewer]) -> StaffMe:
    """Who I am in the shop, and where."""
    me = await queries.get_self(call.viewer)
    stores = None if me.stores is None else [WorkStore(str(s.id), s.name) for s in me.stores]
    return StaffMe(str(me.id), me.account, me.display_name, me.role, stores)
