"""What must not grow for ever."""

from datetime import datetime, timedelta

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
