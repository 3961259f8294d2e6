"""`jishi run`: everything a shop needs, started side by side, watched, and stopped in order."""

import asyncio
import json
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import click

from config.claims import Claim, Claimed
from config.embedded import EmbeddedPostgres, EmbeddedRedis, EmbeddedServer
from config.sandbox import sandbox_config
from config.settings import CHECKOUT, Settings, local_url
from kit.processes import Children, Program
from scripts import announcement, listening, schema

_READY_SECONDS = 60.0
_LOOK_SECONDS = 0.05
# So many deaths before the first answer mean a cause that time does not heal.
_HOPELESS_DEATHS = 4
# A payment notice being answered when we are told to stop is worth this long.
_DRAIN_SECONDS = 15.0
_JOBS_SECONDS = 10.0
_SANDBOX_SECONDS = 3.0
# make, a shell and a terminal each pass one Ctrl-C on: what follows at once is the same wish.
_ECHO_SECONDS = 1.0


async def run(settings: Settings) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP; a second one stops waiting for anybody.

    Raises ClickException or `EmbeddedUnavailable`, with everything stopped again, when the start fails or a server
    that died does not come back.
    """
    claim = Claim(settings.data_dir, "run")
    try:
        claim.take()
    except Claimed as claimed:
        raise click.ClickException(announcement.already_runs(claimed.address)) from None
    claim.tell()
    launch = Launch(settings)
    try:
        with _until_told(launch):
            await launch.start()
            claim.tell(**announcement.addresses(launch.settings))
            announcement.welcome(launch.settings)
            await launch.watch()
    finally:
        await launch.stop()
        claim.release()


class Launch:
    """The parts of one running shop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.is_stopping = False
        hear = announcement.hear if settings.log_format == "console" else None
        self.children = Children(cwd=CHECKOUT, say=announcement.say, hear=hear)
        self._listener: socket.socket | None = None
        self._servers: list[EmbeddedServer] = []

    async def start(self) -> None:
        """Everything, up to the first good answer of the web workers; side by side where it can be."""
        self._take_ports()
        self._clear_metrics()
        if self.settings.uses_sandbox:
            self._start_sandbox()
        await self._start_servers()
        await self._prepare_database()
        # One worker answers for all; importing the others beside it would make the first answer later.
        self._start_workers(1)
        await self._await_health()
        self._start_workers(self.settings.workers)
        self.children.keep("jobs", self._python("-m", "server", "jobs"))

    async def watch(self) -> None:
        """Bring back whatever dies, all at once: a worker does not wait for PostgreSQL's recovery."""
        returning: set[EmbeddedServer] = set()
        while True:
            self.children.revive()
            for server in self._servers:
                if server in returning:
                    if server.is_ready():
                        announcement.say(f"{server.name} is back")
                        returning.remove(server)
                elif not server.is_alive():
                    announcement.say(f"{server.name} died and is started again")
                    server.revive()
                    returning.add(server)
            await asyncio.sleep(_LOOK_SECONDS)

    async def stop(self) -> None:
        """Nobody new, then nobody at all: web workers, jobs, sandbox, and last the servers they all use."""
        if self._listener is not None:
            self._listener.close()
        if web := self._web:
            announcement.say("stopping: letting open requests finish")
            await self.children.stop(*web, seconds=_DRAIN_SECONDS)
        await self.children.stop("jobs", seconds=_JOBS_SECONDS)
        await self.children.stop(seconds=_SANDBOX_SECONDS)
        for server in reversed(self._servers):
            server.stop()
        if self.is_stopping:
            announcement.say("stopped")

    def _take_ports(self) -> None:
        wanted = self.settings
        self._listener = listening.listen(
            wanted.host,
            wanted.port,
            # Behind a load balancer a server on another port is a server down.
            may_move=not wanted.is_production,
            avoid={wanted.sandbox_port} if wanted.uses_sandbox else (),
        )
        port, sandbox_port = listening.port_of(self._listener), wanted.sandbox_port
        if wanted.uses_sandbox:
            sandbox_port = listening.free_port("127.0.0.1", sandbox_port, avoid={port})
        self.settings = wanted.listening(port=port, sandbox_port=sandbox_port)
        for old, new in ((wanted.port, port), (wanted.sandbox_port, sandbox_port)):
            if old != new:
                announcement.say(f"port {old} is taken: using {new}")

    def _clear_metrics(self) -> None:
        shutil.rmtree(self._metrics, ignore_errors=True)
        self._metrics.mkdir(parents=True)

    def _start_sandbox(self) -> None:
        state, config = self.settings.data_dir / "sandbox", self.settings.data_dir / "sandbox.json"
        state.mkdir(exist_ok=True)
        config.unlink(missing_ok=True)
        config.touch(mode=0o600)
        config.write_text(json.dumps(sandbox_config(self.settings, state_dir=state)))
        words = ("-m", "wechat.sandbox", "--config", str(config), "--host", "127.0.0.1")
        port = str(self.settings.sandbox_port)
        self.children.keep("sandbox", self._python(*words, "--port", port))

    async def _start_servers(self) -> None:
        postgres = EmbeddedPostgres(self.settings.data_dir, say=announcement.say)
        redis = EmbeddedRedis(self.settings.data_dir, say=announcement.say)
        given = {postgres: self.settings.database_url, redis: self.settings.redis_url}
        self._servers = [server for server, url in given.items() if url is None]
        for server in reversed(self._servers):  # Redis answers while PostgreSQL makes its cluster
            server.launch()
        for server in self._servers:
            await _until_ready(server)
            if server.home != self.settings.data_dir / server.name:
                announcement.say(
                    f"{server.name} may not enter this directory: it is in {server.home}"
                )
        self.settings = replace(
            self.settings,
            database_url=given[postgres] or postgres.url,
            redis_url=given[redis] or redis.url,
        )

    async def _prepare_database(self) -> None:
        """Migrate always; fill an embedded database with the demo town once, and nobody's own database ever."""
        assert self.settings.database_url is not None
        try:
            is_current = await schema.is_current(self.settings.database_url)
        except (OSError, asyncpg.PostgresError) as error:
            raise click.ClickException(f"DATABASE_URL cannot be used: {error}") from None
        if not is_current:
            await self._command("migrate")
        seeded = self.settings.data_dir / "postgres" / "seeded"
        is_ours = any(server.name == "postgres" for server in self._servers)
        if is_ours and not self.settings.is_production and not seeded.exists():
            await self._await_sandbox()  # the seed makes its shoppers known there
            await self._command("seed")
            seeded.touch()

    async def _command(self, name: str) -> None:
        announcement.say(f"{name}: running")
        if await self.children.once(name, self._python("-m", "scripts.jishi", name)) != 0:
            raise click.ClickException(f"jishi {name} failed; its own words are above.")

    def _start_workers(self, count: int) -> None:
        """Up to `count` of them, those that run already included."""
        assert self._listener is not None
        listener = self._listener.fileno()
        program = self._python("-m", "server", "worker", "--fd", str(listener))
        for number in range(len(self._web), count):
            self.children.keep(f"web-{number + 1}", replace(program, pass_fds=[listener]))

    async def _await_health(self) -> None:
        host = urlsplit(local_url(self.settings.port, self.settings.host)).hostname or ""
        await self._await_answer("web workers", host, self.settings.port, "/health/ready")
        await self._await_sandbox()

    async def _await_sandbox(self) -> None:
        if self.settings.uses_sandbox:
            port = self.settings.sandbox_port
            await self._await_answer("WeChat sandbox", "127.0.0.1", port, "/health/live")

    async def _await_answer(self, who: str, host: str, port: int, path: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not await listening.answers(host, port, path):
            self.children.revive()
            if self.children.deaths >= _HOPELESS_DEATHS or time.monotonic() > deadline:
                raise click.ClickException(f"No answer from the {who}; see the lines above.")
            await asyncio.sleep(_LOOK_SECONDS)

    def _python(self, *words: str) -> Program:
        environ = self.settings.child_environment() | {
            "PYTHONUNBUFFERED": "1",
            "PROMETHEUS_MULTIPROC_DIR": str(self._metrics),
        }
        return Program([sys.executable, *words], environ)

    @property
    def _web(self) -> list[str]:
        return [name for name in self.children.names if name.startswith("web-")]

    @property
    def _metrics(self) -> Path:
        return self.settings.data_dir / "metrics"


async def _until_ready(server: EmbeddedServer) -> None:
    while True:
        if server.is_ready():
            return
        await asyncio.sleep(_LOOK_SECONDS / 5)


@contextmanager
def _until_told(launch: Launch) -> Iterator[None]:
    """Leave the block when a signal asks us to stop; the next one makes `launch.stop` hurry."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    first_at = 0.0

    def told() -> None:
        nonlocal first_at
        if not launch.is_stopping:
            launch.is_stopping, first_at = True, loop.time()
            task.cancel()
        elif loop.time() - first_at > _ECHO_SECONDS:
            launch.children.hurry()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told)
    try:
        yield
    except asyncio.CancelledError:
        if not launch.is_stopping:
            raise
        task.uncancel()
