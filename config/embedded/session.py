"""Servers for one command: those of the settings, those already running here, or our own for as long as it takes."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from config.embedded.postgres import EmbeddedPostgres
from config.embedded.redis import EmbeddedRedis
from config.embedded.server import EmbeddedInUse, EmbeddedServer
from config.settings import Settings


@contextmanager
def connected(settings: Settings) -> Iterator[Settings]:
    """`settings` with both URLs known. Uses the embedded servers of a running `jishi run`, else starts them and
    stops them afterwards. Raises `EmbeddedUnavailable`."""
    with ExitStack() as stack:
        if settings.database_url is None:
            url = _url(EmbeddedPostgres(settings.data_dir, say=_say), stack)
            settings = replace(settings, database_url=url)
        if settings.redis_url is None:
            url = _url(EmbeddedRedis(settings.data_dir, say=_say), stack)
            settings = replace(settings, redis_url=url)
        yield settings


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _url(server: EmbeddedServer, stack: ExitStack) -> str:
    try:
        url = server.start()
    except EmbeddedInUse as in_use:
        if "url" not in in_use.address:
            raise
        return str(in_use.address["url"])
    stack.callback(server.stop)
    return url
