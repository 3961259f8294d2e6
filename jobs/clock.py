"""Clock jobs: run in one process of all, by an advisory lock that dies with its connection (J1)."""

import asyncio

import asyncpg
import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from jobs.upkeep import audit_books, purge
from kit import clock

log = structlog.get_logger()

_LEADER_LOCK = 728_301_457
_LOOK_SECONDS = 1.0

# A database that is silent for longer may have given our lock to another: nobody may run two schedules.
_SILENCE_SECONDS = 5.0

# So that PostgreSQL, too, drops a leader it cannot reach any more: by itself it would wait two hours.
_KEEPALIVE = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
}


async def run_clock(database_url: str) -> None:
    """Wait to become the one, then run the schedule until the lock's connection dies or falls silent.

    Raises TimeoutError after 5 s of silence, and asyncpg's errors."""
    connection = await asyncpg.connect(
        database_url, timeout=_SILENCE_SECONDS, server_settings=_KEEPALIVE
    )
    try:
        await _become_leader(connection)
        scheduler = _schedule(database_url)
        scheduler.start()
        try:
            while True:
                await connection.execute("select 1", timeout=_SILENCE_SECONDS)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            scheduler.shutdown(wait=False)
    finally:
        # Not close(): that waits for PostgreSQL's goodbye, and the lock ends as soon either way.
        connection.terminate()


async def _become_leader(connection: asyncpg.Connection) -> None:
    # Asked again and again, not waited for: a silent connection would look like a long wait.
    query = "select pg_try_advisory_lock($1)"
    while True:
        if await connection.fetchval(query, _LEADER_LOCK, timeout=_SILENCE_SECONDS):
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _schedule(database_url: str) -> AsyncIOScheduler:
    scheduler = AsyncIOScheduler(
        timezone=clock.SHANGHAI,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 30},
    )
    scheduler.add_job(_purge, "interval", minutes=10, id="purge")
    scheduler.add_job(_audit, "interval", minutes=5, id="audit", args=[database_url])
    scheduler.add_listener(
        lambda event: log.error("clock.missed", job=event.job_id, kind=event.code),
        EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES,
    )
    return scheduler


async def _purge() -> None:
    await purge(clock.now())


async def _audit(database_url: str) -> None:
    await audit_books(database_url, clock.now())
