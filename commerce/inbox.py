"""What has been heard: a message is applied once per consumer, however often it arrives."""

from datetime import datetime

from kit import db


async def is_first(consumer: str, message_id: str, now: datetime) -> bool:
    """Whether `message_id` is new to `consumer`. Call inside the transaction that applies it:
    a concurrent repeat waits here until that transaction ends."""
    return bool(
        await db.execute(
            "insert into inbox_message (consumer, message_id, at) values ($1, $2, $3)"
            " on conflict (consumer, message_id) do nothing",
            consumer,
            message_id,
            now,
        )
    )
