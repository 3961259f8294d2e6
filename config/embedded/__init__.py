"""Real PostgreSQL and a real Redis server (Valkey) out of wheels, for a shop without servers of its own.

The wheels' own starters are not used: as root one creates a system user and opens the permissions of all parent
directories, the other stops its server with SIGKILL.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded import unprivileged
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.redis import EmbeddedRedis
from config.embedded.scratch import Scratch
from config.embedded.server import EmbeddedInUse, EmbeddedServer, EmbeddedUnavailable

__all__ = [
    "EmbeddedInUse",
    "EmbeddedPostgres",
    "EmbeddedRedis",
    "EmbeddedServer",
    "EmbeddedUnavailable",
    "throwaway_postgres",
    "throwaway_redis",
]


@contextmanager
def throwaway_postgres() -> Iterator[tuple[str, Callable[[], None]]]:
    """A PostgreSQL for one run of the tests: its URL, and a way to end it early. Nothing survives it."""
    with _throwaway(EmbeddedPostgres) as run:
        yield run


@contextmanager
def throwaway_redis() -> Iterator[tuple[str, Callable[[], None]]]:
    """A Redis server for one run of the tests: its URL, and a way to end it early. Nothing survives it."""
    with _throwaway(EmbeddedRedis) as run:
        yield run


@contextmanager
def _throwaway(kind: type[EmbeddedServer]) -> Iterator[tuple[str, Callable[[], None]]]:
    parent = Path(tempfile.gettempdir())
    scratch = Scratch(parent, "jishi-test-", unprivileged.service_account(parent))
    server = kind(scratch.path, throwaway=True)
    try:
        yield server.start(), server.stop
    finally:
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)
        scratch.remove()
