"""The relay: takes due messages, hands each to its consumer, records what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import asyncpg
import structlog

from commerce import outbox
from commerce.outbox import Message
from commerce.payments.refunds import send_refund
from commerce.ports import OutsideRefused
from jobs import messages
from jobs.context import Work
from kit import clock

log = structlog.get_logger()

BATCH = 50

# Notifications can be missed (a lost connection): look again after this long anyway.
POLL_SECONDS = 1.0

# To begin to listen; a connection that takes longer is dropped and tried anew.
_LISTEN_SECONDS = 5.0

Consumer = Callable[[Message, Work, datetime], Awaitable[None]]


async def _send_refund(message: Message, work: Work, now: datetime) -> None:
    await send_refund(message.payload["refund_no"], gateway=work.ports.payments, now=now)


CONSUMERS: Mapping[str, Consumer] = {
    "order.paid": messages.tell_paid,
    "fulfilment.ready": messages.tell_ready,
    "refund.requested": _send_refund,
    "refund.succeeded": messages.tell_refunded,
}


async def relay_once(work: Work, now: datetime) -> int:
    """Deliver one batch of due messages; how many there were."""
    batch = await outbox.claim(BATCH, now)
    await asyncio.gather(*(_deliver(message, work, now) for message in batch))
    return len(batch)


async def _deliver(message: Message, work: Work, now: datetime) -> None:
    try:
        await CONSUMERS[message.topic](message, work, now)
    except OutsideRefused as refusal:
        log.warning("outbox.refused", topic=message.topic, reason=str(refusal))
        await outbox.failed(message, str(refusal), now)
    except Exception as error:
        # One poisoned message must not stop the others.
        log.warning("outbox.failed", topic=message.topic, exc_info=error)
        await outbox.failed(message, repr(error), now)
    else:
        await outbox.delivered(message, now)


async def run_relay(work: Work, database_url: str) -> None:
    """Deliver for ever: at once when notified, every second in any case."""
    wake = asyncio.Event()
    listener = await _listen(database_url, wake)
    try:
        while True:
            if listener.is_closed():
                listener = await _listen(database_url, wake)
            wake.clear()
            if await relay_once(work, clock.now()) == BATCH:
                continue
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await wake.wait()
            except TimeoutError:
                continue
    finally:
        # Not close(): that waits for PostgreSQL's goodbye, for ever on a line that went silent.
        listener.terminate()


async def _listen(database_url: str, wake: asyncio.Event) -> asyncpg.Connection:
    connection = await asyncpg.connect(database_url, timeout=_LISTEN_SECONDS)
    try:
        async with asyncio.timeout(_LISTEN_SECONDS):
            await connection.add_listener(outbox.CHANNEL, lambda *_: wake.set())
    except BaseException:
        connection.terminate()
        raise
    return connection
