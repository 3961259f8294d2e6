"""What must happen outside: written with its cause, delivered at least once, or parked for a human."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from commerce import alerts
from kit import db
from kit.ids import uuid7

CHANNEL = "outbox"

# The kind of the alert that a parked message raises; its cause is the message's id.
PARKED = "outbox_parked"

# A claimed message comes back after this long if its worker died; longer than any consumer takes.
LEASE = timedelta(seconds=30)

# 1, 2, 4 … seconds, then five minutes apart: about an hour and a half until a human is called.
MAX_ATTEMPTS = 25
LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Message:
    id: UUID
    topic: str
    payload: Mapping[str, Any]
    attempts: int


async def emit(topic: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Write an event. Call inside the transaction of its cause, so that both happen or neither."""
    await db.execute(
        "with written as (insert into outbox_message (id, topic, payload, created_at, due_at, attempts)"
        " values ($1, $2, $3, $4, $4, 0) returning 1)"
        " select pg_notify('outbox', '') from written",
        uuid7(),
        topic,
        orjson.dumps(payload).decode(),
        now,
    )


async def claim(limit: int, now: datetime) -> list[Message]:
    """Take up to `limit` due messages; no other worker gets them until the lease ends."""
    claimed = await db.rows(
        "update outbox_message set attempts = attempts + 1, due_at = $1"
        " where id in (select id from outbox_message"
        "   where delivered_at is null and parked_at is null and due_at <= $2"
        "   order by due_at, id limit $3 for update skip locked)"
        " returning id, topic, payload, attempts",
        now + LEASE,
        now,
        limit,
    )
    return [
        Message(row["id"], row["topic"], orjson.loads(row["payload"]), row["attempts"])
        for row in sorted(claimed, key=lambda row: row["id"])
    ]


async def delivered(message: Message, now: datetime) -> None:
    """The consumer is done with it."""
    await db.execute(
        "update outbox_message set delivered_at = $2, last_error = null where id = $1",
        message.id,
        now,
    )


async def failed(message: Message, error: str, now: datetime) -> None:
    """Try again after a growing pause; after `MAX_ATTEMPTS` park it with its reason and raise an alert."""
    if message.attempts >= MAX_ATTEMPTS:
        await park(message, error, now)
        return
    pause = min(timedelta(seconds=2 ** min(message.attempts - 1, 10)), LONGEST_PAUSE)
    await db.execute(
        "update outbox_message set due_at = $2, last_error = $3 where id = $1",
        message.id,
        now + pause,
        error,
    )


async def park(message: Message, reason: str, now: datetime) -> None:
    """No further try will help: keep it, say why, call a human."""
    async with db.tx():
        await db.execute(
            "update outbox_message set parked_at = $2, last_error = $3 where id = $1",
            message.id,
            now,
            reason,
        )
        await alerts.raise_alert(
            PARKED,
            str(message.id),
            {"topic": message.topic, "payload": message.payload, "reason": reason},
            now,
        )


async def unpark(message_id: UUID, now: datetime) -> None:
    """Let a parked message be tried again from the start. Inside the transaction that mends its cause."""
    await db.execute(
        "update outbox_message set parked_at = null, attempts = 0, due_at = $2 where id = $1"
        " and parked_at is not null",
        message_id,
        now,
    )
