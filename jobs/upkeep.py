"""What must not grow for ever, and what must always add up."""

from datetime import datetime, timedelta

import asyncpg

from commerce.alerts import raise_alert
from commerce.audit import audit
from kit import db

# Longer than any client repeats a request, and than WeChat repeats a notice (24 hours).
ANSWERS_KEPT = timedelta(days=3)
DELIVERED_KEPT = timedelta(days=7)
UNUSED_QUOTES_KEPT = timedelta(days=1)


async def purge(now: datetime) -> None:
    """Forget stored answers, delivered messages and quotes that nobody can use any more."""
    await db.execute("delete from idempotency_record where at < $1", now - ANSWERS_KEPT)
    await db.execute("delete from inbox_message where at < $1", now - DELIVERED_KEPT)
    await db.execute("delete from outbox_message where delivered_at < $1", now - DELIVERED_KEPT)
    await db.execute(
        "delete from quote where used_at is null and expires_at < $1", now - UNUSED_QUOTES_KEPT
    )


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
