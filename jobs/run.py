"""The jobs process: loops that may run anywhere, and clock jobs that run in one place."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from jobs.clock import run_clock
from jobs.context import Work
from jobs.outbox import run_relay
from jobs.payments import ask_refunds, ask_trades, expire_orders
from kit import clock
from kit.db import TRANSIENT
from kit.tasks import drain, spawn

log = structlog.get_logger()

# Orders expire to the second.
TICK_SECONDS = 0.5


async def run_jobs(work: Work, database_url: str, stop: asyncio.Event) -> None:
    """Run everything until `stop`; a loop that fails is begun again."""
    loops: dict[str, Callable[[], Awaitable[None]]] = {
        "relay": lambda: run_relay(work, database_url),
        "expiry": lambda: tick(work, expire_orders),
        "trades": lambda: tick(work, ask_trades),
        "refunds": lambda: tick(work, ask_refunds),
        "clock": lambda: run_clock(database_url),
    }
    for name, loop in loops.items():
        spawn(keep(name, loop), name=f"jobs.{name}")
    log.info("jobs.running", loops=sorted(loops))
    await stop.wait()
    await drain(10)


async def tick(work: Work, act: Callable[[Work, datetime], Awaitable[int]]) -> None:
    """Call `act` for ever, one call at a time: at once while it finds work, else every half second."""
    while True:
        if not await act(work, clock.now()):
            await asyncio.sleep(TICK_SECONDS)


async def keep(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    """Begin `loop` again whenever it ends; an outage of PostgreSQL is weather, not death."""
    while True:
        try:
            await loop()
        except TRANSIENT as error:
            log.warning("jobs.again", loop=name, error=repr(error))
        except Exception as error:
            # One broken loop must not stop the others.
            log.error("jobs.broken", loop=name, exc_info=error)
        await asyncio.sleep(1)
