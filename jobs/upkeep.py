"""What must not grow for ever, and what must always add up."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import structlog

from commerce.alerts import raise_alert
from commerce.audit import audit
from kit import db

log = structlog.get_logger()

# Longer than any client repeats a request, and than WeChat repeats a notice (24 hours).
ANSWERS_KEPT = timedelta(days=3)
DELIVERED_KEPT = timedelta(days=7)
UNUSED_QUOTES_KEPT = timedelta(days=1)

# A table, what is dead in it, and how long it is kept beyond that.
_DEAD: Final[Mapping[str, tuple[str, timedelta]]] = {
    "idempotency_record": ("at < $1", ANSWERS_KEPT),
    "inbox_message": ("at < $1", DELIVERED_KEPT),
    "outbox_message": ("delivered_at < $1", DELIVERED_KEPT),
    "quote": ("used_at is null and expires_at < $1", UNUSED_QUOTES_KEPT),
}
# Far below the statement timeout: 5000 quotes took up to 0.4 s on two cores that had four times
# their work to do, and 400,000 of them 14 s in all.
_BATCH: Final = 1000


async def purge(now: datetime) -> None:
    """Forget stored answers, delivered messages and quotes that nobody can use any more.

    However many there are: each batch is a transaction of its own, so a run that is cut short has
    still brought the end nearer. A table that cannot be purged is logged and does not stop the others.
    """
    for table, (dead, kept) in _DEAD.items():
        try:
            await _purge_table(table, dead, now - kept)
        except Exception as error:
            log.error("purge.failed", table=table, exc_info=error)


async def _purge_table(table: str, dead: str, before: datetime) -> None:
    # The condition twice: a row may have come to life between being found and being deleted.
    query = (
        f"delete from {table} where {dead} and ctid = any(array("  # noqa: S608
        f"select ctid from {table} where {dead} limit {_BATCH}))"
    )
    while await db.execute(query, before):
        pass


async def audit_books(database_url: str, now: datetime) -> None:
    """Check every invariant; each violated one goes before a human, once an hour."""
    connection = await asyncpg.connect(database_url)
    try:
        violations = await audit(connection, now)
    finally:
        await connection.close()
    for violation in violations:
        cause = f"{violation.id}:{now:%Y-%m-%dT%H}"
        details = {"count": violation.count, "rows": violation.rows}
        await raise_alert("invariant_violated", cause, details, now)
