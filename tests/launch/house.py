"""A copy of the checkout that can be started, watched from outside and killed."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg

from config.settings import CHECKOUT

STAND_IN = Path(__file__).with_name("stand_in_server.py")
SEED = '"""Seed."""\n\nimport click\n\ncommand = click.Command("seed", callback=lambda: print("seeded"))\n'

Process = tuple[int, str]


class House:
    """`tree` must not exist. With `is_real`, server.py and the seed are the checkout's own."""

    def __init__(self, tree: Path, *, is_real: bool = False) -> None:
        self.tree = tree
        self.environ = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        self.command = [sys.executable, "-m", "scripts.jishi"]
        self.account: int | None = None
        self.process: subprocess.Popen[bytes] | None = None
        _copy_checkout(tree)
        if not is_real:
            shutil.copy(STAND_IN, tree / "server.py")
            (tree / "scripts" / "commands" / "seed.py").write_text(SEED)
        self.port, self.sandbox_port = free_port(), free_port()

    def start(self, *command: str, **environ: str) -> None:
        """`jishi run`, or `command`, not waited for."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                list(command) or [*self.command, "run"],
                cwd=self.tree,
                env={
                    **self.environ,
                    "JISHI_PORT": str(self.port),
                    "JISHI_SANDBOX_PORT": str(self.sandbox_port),
                    "JISHI_WORKERS": "2",
                    **environ,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.account,
                group=self.account,
                extra_groups=None if self.account is None else [],
            )

    def await_ready(self, seconds: float = 90) -> None:
        await_true(self._is_ready, seconds, lambda: f"not ready:\n{self.output}")

    def is_over(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def end(self, number: int = signal.SIGTERM, seconds: float = 40) -> int:
        """Signal the launcher alone and wait: its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def kill_everything(self) -> None:
        """`kill -9` of every process of this house at once, and what is left afterwards buried."""
        for pid, _ in self.processes():
            _kill(pid)
        if self.process is not None:
            self.process.wait()
        await_true(lambda: not self.processes(), 20, lambda: f"left: {self.processes()}")

    def processes(self) -> set[Process]:
        """Whoever works in the tree or descends from the launcher, as (pid, start time)."""
        seen = {entry: _stat(entry) for entry in Path("/proc").glob("[0-9]*")}
        roots = {self.process.pid} if self.process is not None else set()
        found: set[Process] = set()
        while True:
            more = {
                (int(entry.name), stat[1])
                for entry, stat in seen.items()
                if stat and (stat[0] in roots or int(entry.name) in roots or self._is_here(entry))
            }
            if more <= found:
                return found
            found |= more
            roots |= {pid for pid, _ in more}

    def answer(self, path: str = "/") -> dict[str, str]:
        """What the stand-in tells about itself."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=20) as answer:
            return dict(json.load(answer))

    def status(self, path: str) -> int:
        return reach(f"{self.url}{path}")

    @property
    def url(self) -> str:
        return str(self.told("health")).removesuffix("/health/ready")

    def told(self, name: str, *, by: str = "run") -> str:
        """An address as the launcher, or the embedded server `by`, wrote it down."""
        return str(json.loads((self.data_dir / f"{by}.json").read_text())[name])

    @property
    def data_dir(self) -> Path:
        return self.tree / ".data"

    @property
    def log(self) -> Path:
        return self.tree.parent / f"{self.tree.name}.log"

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _is_ready(self) -> bool:
        if self.is_over():
            raise AssertionError(f"it ended:\n{self.output}")
        return "Jishi is ready." in self.output

    def _is_here(self, entry: Path) -> bool:
        try:
            return (entry / "cwd").readlink().is_relative_to(self.tree)
        except OSError:
            return False


def reach(url: str) -> int:
    """The status of GET `url`."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        return int(answer.status)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, query: str) -> Any:
    """One value from the database at `url`."""

    async def ask() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(ask())


def await_true(condition, seconds, explain) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(explain())
        time.sleep(0.02)


def _copy_checkout(tree: Path) -> None:
    skipped = {"tests", "docs", "clients"}
    tree.mkdir(parents=True)
    for part in CHECKOUT.iterdir():
        if part.name.startswith(".") or part.name in skipped:
            continue
        if part.is_dir():
            shutil.copytree(part, tree / part.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(part, tree / part.name)


def _stat(entry: Path) -> tuple[int, str] | None:
    """Parent and start time of a process that is not a zombie (proc(5): fields 3, 4 and 22)."""
    try:
        state, parent, *rest = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else (int(parent), rest[17])


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
