"""The measured house: what `jishi run` starts, on servers of its own that keep their promises, thrown away after."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import asyncpg
import click
import msgspec

from benchmarks import costs
from benchmarks.load import Outcome, Plan
from commerce.audit import audit
from config.embedded import unprivileged
from config.embedded.scratch import Scratch
from config.embedded.server import free_port
from config.orm import close_orm, open_orm
from config.settings import CHECKOUT, Settings, local_url
from kit import clock
from kit.processes import Children
from kit.redis import Link
from scripts.launch import Launch

WORKERS: Final = 2
_LOAD: Final = (sys.executable, "-m", "benchmarks.load")
# A line of the load's output is its whole outcome.
_LONGEST_LINE: Final = 1 << 20
_LAST_WORDS: Final = 4000


class BooksDoNotBalance(Exception):
    """After a benchmark an invariant did not hold: a figure that was bought with goods or money is none."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load found, and the processor seconds that each part of the house spent meanwhile."""

    outcome: Outcome
    cpu: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class House:
    """A running house. Its tables are open in this process too; `link` is its Redis."""

    settings: Settings
    link: Link
    parts: Mapping[str, int]

    @property
    def shop_url(self) -> str:
        return local_url(self.settings.port)

    @property
    def sandbox_url(self) -> str:
        return self.settings.wechat_api_url

    async def measure(self, plan: Plan) -> Measured:
        """Let the load of `plan` run in a process of its own."""
        load = await asyncio.create_subprocess_exec(
            *_LOAD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=CHECKOUT,
            limit=_LONGEST_LINE,
        )
        assert load.stdin is not None
        assert load.stdout is not None
        load.stdin.write(msgspec.json.encode(plan))
        load.stdin.close()
        parts = {**self.parts, "client": load.pid}
        await _hear(load.stdout, b"begin")
        before = costs.cpu_seconds(parts)
        await _hear(load.stdout, b"end")
        after = costs.cpu_seconds(parts)
        outcome = msgspec.json.decode(await load.stdout.readline(), type=Outcome)
        await load.wait()
        return Measured(outcome, {name: after[name] - before[name] for name in after})

    async def check_books(self) -> None:
        """Raise `BooksDoNotBalance` unless every invariant holds."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            violations = await audit(connection, clock.now())
        finally:
            await connection.close()
        if violations:
            said = "\n".join(f"{v.id}: {v.count} rows\n  {v.rows}" for v in violations)
            raise BooksDoNotBalance(said)


@asynccontextmanager
async def open_house() -> AsyncIterator[House]:
    """An empty house with its web workers, jobs and sandbox as processes, on durable servers."""
    parent = Path(tempfile.gettempdir())
    scratch = Scratch(parent, "jishi-bench-", unprivileged.service_account(parent))
    launch = Launch(_settings(scratch.path))
    try:
        with (scratch.path / "house.log").open("wb", buffering=0) as log:
            launch.children = Children(cwd=CHECKOUT, say=_say, hear=_listener(log))
            _skip_demo_town(scratch.path)
            try:
                await _start(launch, Path(log.name))
                async with _open_tables(launch.settings) as link:
                    yield House(launch.settings, link, _parts(launch))
            finally:
                await launch.stop()
    finally:
        scratch.remove()


async def _start(launch: Launch, log: Path) -> None:
    try:
        await launch.start()
    except click.ClickException:
        _tell_end_of(log)
        raise


def _tell_end_of(log: Path) -> None:
    click.echo(log.read_text(errors="replace")[-_LAST_WORDS:])


def _settings(data_dir: Path) -> Settings:
    """As in production but for the secrets: JSON logs, two workers. No other setting of ours is taken over."""
    words = {
        "JISHI_DATA_DIR": str(data_dir),
        "JISHI_LOG_FORMAT": "json",
        "JISHI_WORKERS": str(WORKERS),
        "JISHI_PORT": str(free_port(0)),
        "JISHI_SANDBOX_PORT": str(free_port(0)),
    }
    return Settings.read(words)


def _skip_demo_town(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir()
    (data_dir / "postgres" / "seeded").touch()


def _listener(log: IO[bytes]) -> Callable[[str, bytes], None]:
    def hear(name: str, lines: bytes) -> None:  # noqa: ARG001  (the lines name their process)
        log.write(lines)

    return hear


def _say(text: str) -> None:
    click.echo(text)


@asynccontextmanager
async def _open_tables(settings: Settings) -> AsyncIterator[Link]:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    await open_orm(settings.database_url, pool_size=2)
    link = Link(settings.redis_url, timeout_seconds=10)
    await link.open()
    try:
        yield link
    finally:
        await link.close()
        await close_orm()


def _parts(launch: Launch) -> dict[str, int]:
    servers = costs.children_named(os.getpid(), "postgres", "valkey-server")
    return {**launch.children.pids, **servers}


async def _hear(stream: asyncio.StreamReader, word: bytes) -> None:
    said = (await stream.readline()).strip()
    if said != word:
        raise RuntimeError(f"The load failed; it said {said!r} instead of {word!r}.")
