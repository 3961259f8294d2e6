"""Real PostgreSQL and a real Redis server for the whole run; one database per worker; nothing left behind."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis.asyncio
import structlog
import uvloop

from commerce.stores.directory import directory
from config.embedded import throwaway_postgres, throwaway_redis
from config.orm import close_orm, migrate, open_orm
from kit import db
from kit.redis import Link
from kit.sealing import Sealer
from tests.shop import Shop, open_shop

TEMPLATE = "jishi_template"

_servers = ExitStack()


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """The loop the server runs on."""
    return {"uvloop": uvloop.new_event_loop}


# The default renderer draws a traceback with every local variable: half a second of a blocked loop
# for each error that a control provokes.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_configure(config: pytest.Config) -> None:
    """The controlling process starts the servers; xdist's workers are told where they are."""
    if hasattr(config, "workerinput"):
        config.jishi_servers = config.workerinput["jishi_servers"]
        return
    if config.option.collectonly:
        config.jishi_servers = {}
        return
    postgres, _ = _servers.enter_context(throwaway_postgres())
    cache, _ = _servers.enter_context(throwaway_redis())
    asyncio.run(_make_template(postgres))
    config.jishi_servers = {"postgres": postgres, "redis": cache}


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _servers.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["jishi_servers"] = node.config.jishi_servers


async def _make_template(postgres: str) -> None:
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"create database {TEMPLATE}")
    await admin.close()
    await migrate(database_of(postgres, TEMPLATE))


def database_of(postgres: str, name: str) -> str:
    """The address of database `name` on the server at `postgres`."""
    return urlsplit(postgres)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> str:
    """The test run's PostgreSQL server; tests may create databases of their own there."""
    return str(pytestconfig.jishi_servers["postgres"])


@pytest.fixture(scope="session")
def database_url(postgres_url: str, worker_id: str) -> str:
    """This worker's own migrated database."""
    name = f"jishi_{worker_id}"
    asyncio.run(_clone(postgres_url, name))
    return database_of(postgres_url, name)


async def _clone(postgres: str, name: str) -> None:
    admin = await asyncpg.connect(postgres)
    # Two workers may ask for a copy at once, and a template being copied admits one reader.
    await admin.execute("select pg_advisory_lock(1)")
    await admin.execute(f"create database {name} template {TEMPLATE}")
    await admin.close()


@pytest.fixture(scope="session")
async def open_database(database_url: str) -> AsyncIterator[str]:
    await open_orm(database_url)
    yield database_url
    await close_orm()


@pytest.fixture
async def database(open_database: str) -> str:
    """A migrated database, empty at the start of each test."""
    await _empty()
    directory.expire()
    return open_database


async def _empty() -> None:
    tables = await db.rows(
        "select tablename from pg_tables where schemaname = 'public' and tablename not like 'tortoise%'"
        " and tablename <> 'migrations'"
    )
    deletes = "; ".join(f'delete from "{table["tablename"]}"' for table in tables)
    # Replica role: no triggers, no foreign keys, so any order of tables will do.
    await db.execute(
        f"set session_replication_role = replica; {deletes}; set session_replication_role = origin"
    )


@pytest.fixture(scope="session")
def redis_base_url(pytestconfig: pytest.Config, worker_id: str) -> str:
    number = int(worker_id.removeprefix("gw")) + 1 if worker_id.startswith("gw") else 0
    server = urlsplit(str(pytestconfig.jishi_servers["redis"]))
    if server.scheme == "unix":
        return server._replace(query=f"db={number}").geturl()
    return server._replace(path=f"/{number}").geturl()


@pytest.fixture
async def redis_url(redis_base_url: str) -> str:
    """This worker's own database of a real Redis server, empty at the start of each test."""
    client = redis.asyncio.Redis.from_url(redis_base_url)
    await client.flushdb()
    await client.aclose()
    return redis_base_url


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[Link]:
    opened = Link(redis_url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def sealer() -> Sealer:
    return Sealer({"t1": b"s" * 32}, base64.b64decode("aW5kZXg=") * 6 + b"xx")


@pytest.fixture(scope="session")
def checkout_dir() -> Path:
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
async def open_house(
    open_database: str, redis_base_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    async with open_shop(open_database, redis_base_url, tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
async def shop(open_house: Shop, database: str, redis_url: str) -> AsyncIterator[Shop]:
    """The running shop with nothing in it; whatever a test does, the books must add up after it."""
    await open_house.sandbox.delete("/sandbox/faults")
    yield open_house
    violations = await open_house.audit()
    assert violations == []
