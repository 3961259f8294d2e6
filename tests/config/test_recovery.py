"""PostgreSQL mending a crash is waited for, however long; one that is merely silent is not."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest

from config.embedded import EmbeddedPostgres, EmbeddedUnavailable, server
from tests.launch.house import await_true

HOURS = 10_000.0


@pytest.fixture
def postgres(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """One that says what it tells its user in `told`."""
    told: list[str] = []
    postgres = EmbeddedPostgres(data_dir, say=told.append)
    postgres.told = told
    yield postgres
    _continue(postgres)
    postgres.stop()


async def _write_a_lot(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create table kept as select n, repeat('x', 200) as filling from generate_series(1, 500000) n"
    )
    await connection.close()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _named(postgres: EmbeddedPostgres, title: bytes) -> int | None:
    for child in _children(postgres._process.pid):
        if title in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    return None


def _freeze_in_recovery(postgres: EmbeddedPostgres) -> None:
    """Stop its startup process once it has said that it mends a crash."""
    await_true(lambda: _named(postgres, b"startup"), 30, postgres.log.read_text)
    await_true(postgres._recovers, 30, postgres.log.read_text)
    os.kill(_named(postgres, b"startup"), signal.SIGSTOP)


def _continue(postgres: EmbeddedPostgres) -> None:
    if postgres.is_alive():
        for pid in (*_children(postgres._process.pid), postgres._process.pid):
            os.kill(pid, signal.SIGCONT)


def _let_time_pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(
        server,
        "time",
        SimpleNamespace(monotonic=lambda: time.monotonic() + seconds, sleep=time.sleep),
    )


async def test_a_recovery_longer_than_any_deadline_is_waited_for_and_told(postgres, monkeypatch):
    url = postgres.start()
    await _write_a_lot(url)
    postgres._process.kill()
    postgres._process.wait()
    postgres.revive()
    await_true(
        lambda: not postgres.is_ready() and postgres.is_alive(), 30, lambda: "no new process"
    )
    _freeze_in_recovery(postgres)
    for turn in range(1, 4):
        _let_time_pass(monkeypatch, turn * HOURS)
        assert not postgres.is_ready()
        assert not postgres.is_ready()
        assert len(postgres.told) == turn
    assert "postgres recovers from a crash" in postgres.told[0]
    assert postgres.is_alive()
    _continue(postgres)
    assert postgres.wait_ready() == url
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("select count(*) from kept") == 500000
    await connection.close()


async def test_a_silent_server_that_mends_nothing_is_given_up(postgres, monkeypatch):
    postgres.start()
    postgres.stop()
    monkeypatch.setattr(server, "_STOP_SECONDS", 0.1)
    postgres.launch()
    postgres._process.send_signal(signal.SIGSTOP)
    _let_time_pass(monkeypatch, HOURS)
    with pytest.raises(EmbeddedUnavailable, match="does not answer"):
        postgres.is_ready()
    assert postgres.told == []
    assert not postgres.is_alive()


async def test_a_crash_leaves_little_to_replay(postgres):
    connection = await asyncpg.connect(postgres.start())
    assert await connection.fetchval("show max_wal_size") == "512MB"
    assert await connection.fetchval("show checkpoint_timeout") == "5min"
    await connection.close()
