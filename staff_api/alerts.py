"""Headquarters: what a human must look at."""

from typing import Annotated

import msgspec

from commerce.staff.alerts import AlertView, close_alert, list_alerts
from commerce.staff.rules import Right, StaffViewer
from kit.errors import Forbidden, NotFound
from kit.web import Api, Call, Id, Key, Page, PageQuery, Struct, next_cursor, read_cursor
from staff_api.session import authenticate, needs

alerts: Api[StaffViewer] = Api("alerts", "/v1/staff", authenticate=authenticate)


class AlertPath(Struct, frozen=True):
    id: Id


class AlertsQuery(PageQuery, frozen=True):
    is_open: bool = True


class Closing(Struct, frozen=True):
    """What was found and done."""

    note: Annotated[
        str, msgspec.Meta(min_length=1, max_length=200, pattern="^[^\\x00-\\x1f\\x7f]+$")
    ]


@alerts.get("/alerts", guard=needs(Right.HANDLE_ALERTS), refuses=(Forbidden,))
async def show_alerts(call: Call[StaffViewer], query: AlertsQuery) -> Page[AlertView]:
    """Open alerts, newest first; closed ones with `is_open=false`."""
    position = read_cursor(query.cursor, tuple[int])
    found = await list_alerts(
        call.viewer,
        is_open=query.is_open,
        before_id=position[0] if position else None,
        limit=query.limit,
    )
    last = next_cursor(int(found[-1].id)) if len(found) == query.limit else None
    return Page(found, last)


@alerts.post(
    "/alerts/{id}/closure",
    status=204,
    key=Key.ONCE,
    guard=needs(Right.HANDLE_ALERTS),
    refuses=(Forbidden, NotFound),
)
async def close(call: Call[StaffViewer], path: AlertPath, body: Closing) -> None:
    """Close an alert with what was done. A parked message is sent again."""
    await close_alert(call.viewer, int(path.id), body.note, call.now)
