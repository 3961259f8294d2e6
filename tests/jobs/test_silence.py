"""A line to PostgreSQL that goes silent without closing: nobody may wait for it, and nobody may lead over it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from jobs import clock as clock_jobs
from jobs import outbox as relay
from kit import db
from tests.shop import Shop


class Line:
    """A TCP address in front of PostgreSQL's socket; once `is_silent`, nothing passes and nothing is closed."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        query = parse_qs(parts.query)
        self._socket = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
        self._database = parts.path
        self._pumps: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.is_silent = False
        self.url = ""

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgres://postgres@127.0.0.1:{port}{self._database}"

    async def close(self) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._socket)
        self._writers += [writer, far_writer]
        for one, other in ((reader, far_writer), (far_reader, writer)):
            self._pumps.add(asyncio.ensure_future(self._pump(one, other)))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                if self.is_silent:
                    await asyncio.Event().wait()
                writer.write(chunk)
        writer.close()


@pytest.fixture
async def line(database: str) -> AsyncIterator[Line]:
    line = Line(database)
    await line.open()
    yield line
    await line.close()


async def _await_leader() -> None:
    held = "select count(*) from pg_locks where locktype = 'advisory' and granted and objid = $1"
    async with asyncio.timeout(10):
        while not await db.value(held, clock_jobs._LEADER_LOCK):
            await asyncio.sleep(0.02)


def _watch_schedules(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []
    schedule = clock_jobs._schedule

    def keep(database_url: str) -> Any:
        made.append(schedule(database_url))
        return made[-1]

    monkeypatch.setattr(clock_jobs, "_schedule", keep)
    monkeypatch.setattr(clock_jobs, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(clock_jobs, "_SILENCE_SECONDS", 0.5)
    return made


async def test_a_leader_who_hears_nothing_stops_its_schedule(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _watch_schedules(monkeypatch)
    running = asyncio.ensure_future(clock_jobs.run_clock(line.url))
    await _await_leader()
    await asyncio.sleep(1)
    assert made[0].running
    assert not running.done()
    line.is_silent = True
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            await asyncio.shield(running)
    assert not made[0].running


async def test_who_waits_to_lead_does_not_wait_on_a_silent_line(
    line: Line, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _watch_schedules(monkeypatch)
    leader = asyncio.ensure_future(clock_jobs.run_clock(database))
    await _await_leader()
    waiting = asyncio.ensure_future(clock_jobs.run_clock(line.url))
    try:
        await asyncio.sleep(1)
        assert not waiting.done()
        line.is_silent = True
        async with asyncio.timeout(10):
            with pytest.raises(TimeoutError):
                await asyncio.shield(waiting)
        assert len(made) == 1
        assert not leader.done()
    finally:
        leader.cancel()
        await asyncio.gather(leader, return_exceptions=True)


async def test_the_relay_stops_at_once_although_its_line_is_silent(shop: Shop, line: Line) -> None:
    listening = "select count(*) from pg_stat_activity where query ilike 'listen %'"
    before = await db.value(listening)
    running = asyncio.ensure_future(relay.run_relay(shop.work, line.url))
    async with asyncio.timeout(10):
        while await db.value(listening) == before:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    line.is_silent = True
    running.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()


async def test_the_relay_does_not_wait_for_a_line_that_was_never_heard(
    shop: Shop, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "_LISTEN_SECONDS", 0.3)
    line.is_silent = True
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            await relay.run_relay(shop.work, line.url)
