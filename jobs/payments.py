"""What the clock does for money: expire on the second, ask after lost notices."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime

import asyncpg
import structlog

from commerce.orders.actions import SYSTEM
from commerce.payments.actions import ask_trade
from commerce.payments.closing import close_unpaid
from commerce.payments.queries import (
    claim_due_orders,
    claim_refund_queries,
    claim_trade_queries,
)
from commerce.payments.refunds import ask_refund_state
from commerce.ports import OutsideRefused, OutsideUnknown
from jobs.context import Work
from kit.db import TRANSIENT
from models.enums import CloseReason

log = structlog.get_logger()

BATCH = 50


async def expire_orders(work: Work, now: datetime) -> int:
    """Close the unpaid orders whose time is over, at WeChat first; how many were taken on."""
    due = await claim_due_orders(now, BATCH)
    return await _each(
        [
            close_unpaid(
                order_id,
                CloseReason.EXPIRED,
                SYSTEM,
                till=work.till,
                now=now,
            )
            for order_id in due
        ]
    )


async def ask_trades(work: Work, now: datetime) -> int:
    """Ask WeChat about trades whose notice is overdue; how many were asked about."""
    numbers = await claim_trade_queries(now, BATCH)
    await _each(
        [
            ask_trade(number, gateway=work.ports.payments, account=work.account, now=now)
            for number in numbers
        ]
    )
    return len(numbers)


async def ask_refunds(work: Work, now: datetime) -> int:
    """Ask WeChat about refunds that have not settled; how many were asked about."""
    numbers = await claim_refund_queries(now, BATCH)
    await _each(
        [ask_refund_state(number, gateway=work.ports.payments, now=now) for number in numbers]
    )
    return len(numbers)


async def _each(calls: Sequence[Awaitable[object]]) -> int:
    """Run all, and say how many went through; what WeChat or PostgreSQL cannot do now comes round
    again with the next tick."""
    failed = 0
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, (OutsideUnknown, OutsideRefused, asyncpg.PostgresError, *TRANSIENT)):
            log.warning("job.again", error=repr(outcome))
            failed += 1
        elif isinstance(outcome, BaseException):
            raise outcome
    return len(calls) - failed
