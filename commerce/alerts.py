"""What a human must look at; raised once per cause."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import structlog

from kit import db

log = structlog.get_logger()


async def raise_alert(kind: str, cause: str, details: Mapping[str, Any], now: datetime) -> None:
    """Put `cause` before a human. Raising it again changes nothing while it is open, and opens it again
    when it was closed: what was mended has broken anew."""
    raised = await db.execute(
        "insert into alert (kind, cause, details, at, close_note) values ($1, $2, $3, $4, '')"
        " on conflict (kind, cause) do update set closed_at = null, details = excluded.details,"
        " at = excluded.at where alert.closed_at is not null",
        kind,
        cause,
        orjson.dumps(details).decode(),
        now,
    )
    if raised:
        log.error("alert.raised", kind=kind, cause=cause)
