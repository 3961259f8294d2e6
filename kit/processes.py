"""Child processes that are kept running, heard, and never left behind."""

import asyncio
import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 5.0
# A child that lived this long was well: its next death is a first one.
_HEALTHY_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.05
_CHUNK_BYTES: Final = 65536
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, with which environment, and which open files to hand over under their numbers."""

    command: Sequence[str]
    environ: Mapping[str, str]
    pass_fds: Collection[int] = ()


@dataclass(slots=True)
class _Child:
    name: str
    program: Program
    is_kept: bool
    process: subprocess.Popen[bytes] = field(init=False)
    started_at: float = field(init=False)
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    due_at: float | None = None
    unfinished: bytes = b""

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


class Children:
    """Starts processes in sessions of their own (Ctrl-C in a terminal reaches only us, who stop them in order).

    They get SIGTERM when we die, however suddenly. Linux ties that to the starting thread: use this from the main
    one, inside a running loop. `hear` takes a child's name and whole lines of its output, which goes where ours
    goes when `hear` is None; `say` is told what happens to children.
    """

    def __init__(
        self,
        *,
        cwd: Path,
        say: Callable[[str], None],
        hear: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self.deaths = 0
        self._cwd = cwd
        self._say = say
        self._hear = hear
        self._children: dict[str, _Child] = {}
        self._is_hurried = False

    @property
    def names(self) -> list[str]:
        """Who is kept, running or about to run again."""
        return list(self._children)

    @property
    def pids(self) -> dict[str, int]:
        """Who runs now, by name."""
        return {one.name: one.process.pid for one in self._children.values() if one.is_running}

    def keep(self, name: str, program: Program) -> None:
        """Start `program` and let `revive` start it again whenever it ends."""
        self._add(_Child(name, program, is_kept=True))

    async def once(self, name: str, program: Program) -> int:
        """Run `program` to its end: its exit code, negative for the signal that ended it."""
        child = self._add(_Child(name, program, is_kept=False))
        await self._until_ended([child])
        self._remove(child)
        return int(child.process.returncode)

    async def watch(self) -> None:
        """Call `revive` for ever."""
        while True:
            self.revive()
            await asyncio.sleep(_LOOK_SECONDS)

    def revive(self) -> None:
        """Start what died and has paused: 0.2 s at first, doubling to 5 s for one that keeps dying."""
        now = time.monotonic()
        for child in self._children.values():
            if not child.is_kept or child.is_running:
                continue
            if child.due_at is None:
                self._mourn(child, now)
            elif child.due_at <= now:
                self._start(child)

    async def stop(self, *names: str, seconds: float) -> None:
        """SIGTERM to `names` (to all when none is given) at once; SIGKILL to what is left after `seconds`."""
        chosen = [child for child in self._children.values() if not names or child.name in names]
        for child in chosen:
            child.is_kept = False
            _signal(child, signal.SIGTERM)
        await self._until_ended(chosen, seconds=seconds)
        for child in chosen:
            if child.is_running:
                self._say(f"{child.name} has not stopped: killed")
                _signal(child, signal.SIGKILL)
                child.process.wait()
            self._remove(child)

    def hurry(self) -> None:
        """Let no `stop`, begun or to come, wait for anybody."""
        self._is_hurried = True

    async def _until_ended(self, children: Sequence[_Child], seconds: float = math.inf) -> None:
        deadline = time.monotonic() + seconds
        while any(child.is_running for child in children):
            if self._is_hurried or time.monotonic() >= deadline:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _add(self, child: _Child) -> _Child:
        self._start(child)
        self._children[child.name] = child
        return child

    def _start(self, child: _Child) -> None:
        child.due_at, child.started_at = None, time.monotonic()
        child.process = process = subprocess.Popen(  # noqa: S603  (our own words)
            child.program.command,
            cwd=self._cwd,
            env=child.program.environ,
            pass_fds=child.program.pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if self._hear else None,
            stderr=subprocess.STDOUT if self._hear else None,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509  (it only makes system calls)
        )
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
            asyncio.get_running_loop().add_reader(process.stdout, self._listen, child, process)

    def _listen(self, child: _Child, process: subprocess.Popen[bytes]) -> bool:
        """Pass on what it said; whether there may be more."""
        assert process.stdout is not None
        assert self._hear is not None
        try:
            chunk = os.read(process.stdout.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return False
        lines, newline, child.unfinished = (child.unfinished + chunk).rpartition(b"\n")
        if not chunk or len(child.unfinished) > _CHUNK_BYTES:
            lines, newline, child.unfinished = lines + newline + child.unfinished, b"\n", b""
        if lines:
            self._hear(child.name, lines.removesuffix(b"\n") + b"\n")
        if not chunk:
            self._hang_up(process)
        return bool(chunk)

    def _mourn(self, child: _Child, now: float) -> None:
        self.deaths += 1
        self._drain(child)
        if now - child.started_at > _HEALTHY_SECONDS:
            child.pause_seconds = _FIRST_PAUSE_SECONDS
        child.due_at = now + child.pause_seconds
        self._say(
            f"{child.name} ended ({_ending(child.process.returncode)}); "
            f"back in {child.pause_seconds:g} s"
        )
        child.pause_seconds = min(child.pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _remove(self, child: _Child) -> None:
        self._drain(child)
        del self._children[child.name]

    def _drain(self, child: _Child) -> None:
        """Hear a dead child's last words and end what it left in its session."""
        _signal(child, signal.SIGKILL)
        pipe = child.process.stdout
        while pipe is not None and not pipe.closed and self._listen(child, child.process):
            pass
        self._hang_up(child.process)

    def _hang_up(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is not None and not process.stdout.closed:
            asyncio.get_running_loop().remove_reader(process.stdout)
            process.stdout.close()


def _signal(child: _Child, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, number)


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl: nobody would tell us
            os._exit(1)

    return tie
