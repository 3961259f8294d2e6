"""What headquarters does with alerts: look, mend, close with a reason, send parked messages again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from commerce import outbox
from commerce.staff.actions import record
from commerce.staff.rules import Right, StaffViewer, check_right
from kit import db
from kit.errors import NotFound


@dataclass(frozen=True, slots=True)
class AlertView:
    """`cause` names what it is about; `closed_at` is null while somebody must look."""

    id: str
    kind: str
    cause: str
    details: dict[str, Any]
    at: datetime
    closed_at: datetime | None
    close_note: str


async def list_alerts(
    viewer: StaffViewer, *, is_open: bool, before_id: int | None, limit: int
) -> list[AlertView]:
    """Open (or closed) alerts, newest first. `Forbidden` without the right."""
    check_right(viewer, Right.HANDLE_ALERTS)
    found = await db.rows(
        "select id, kind, cause, details, at, closed_at, close_note from alert"
        " where (closed_at is null) = $1 and ($2::bigint is null or id < $2) order by id desc limit $3",
        is_open,
        before_id,
        limit,
    )
    return [
        AlertView(
            id=str(row["id"]),
            kind=row["kind"],
            cause=row["cause"],
            details=orjson.loads(row["details"]),
            at=row["at"],
            closed_at=row["closed_at"],
            close_note=row["close_note"],
        )
        for row in found
    ]


async def close_alert(viewer: StaffViewer, alert_id: int, note: str, now: datetime) -> None:
    """A human has dealt with it, and says how. `NotFound` when it is absent or closed already.

    A parked message is sent again when its alert is closed: whatever stopped it has been mended.
    """
    check_right(viewer, Right.HANDLE_ALERTS)
    async with db.tx():
        closed = await db.row(
            "update alert set closed_at = $2, closed_by_id = $3, close_note = $4"
            " where id = $1 and closed_at is null returning kind, cause",
            alert_id,
            now,
            viewer.staff_id,
            note,
        )
        if closed is None:
            raise NotFound
        if closed["kind"] == outbox.PARKED:
            await outbox.unpark(UUID(closed["cause"]), now)
        await record(viewer, "alert.closed", f"alert:{alert_id}", {"note": note}, now)
