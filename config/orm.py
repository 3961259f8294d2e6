"""Tortoise: where the tables are, how a pool is made, how migrations run alone."""

from typing import Any

import asyncpg
from tortoise import Tortoise, connections
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.migrations.api.migrate import migrate as run_migrations

MODELS = [
    "models.members",
    "models.stores",
    "models.staff",
    "models.catalog",
    "models.stock",
    "models.carts",
    "models.orders",
    "models.payments",
    "models.mail",
]

# Any constant, shared by every process that migrates.
_MIGRATION_LOCK = 728_301_455


async def _keep_session(_: asyncpg.Connection) -> None:
    """Skip asyncpg's reset on release: only `set local` is used here, and it costs a round trip."""


def orm_config(database_url: str, *, pool_size: int = 10) -> dict[str, Any]:
    """The Tortoise configuration of `database_url` (postgresql://user@host:port/name)."""
    connection = expand_db_url(database_url)
    connection["credentials"] |= {
        "minsize": 1,
        "maxsize": pool_size,
        "command_timeout": 10,
        "reset": _keep_session,
        # Shop requests are short: one that waits longer than this is better refused and repeated.
        "server_settings": {
            "statement_timeout": "2000",
            "lock_timeout": "1000",
            "idle_in_transaction_session_timeout": "15000",
            "timezone": "UTC",
            "application_name": "jishi",
            "jit": "off",
        },
    }
    return {
        "connections": {"default": connection},
        "apps": {
            "models": {
                "models": MODELS,
                "default_connection": "default",
                "migrations": "models.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


async def open_orm(database_url: str, *, pool_size: int = 10) -> None:
    """Connect this process' tables; call once before the first query."""
    await Tortoise.init(
        config=orm_config(database_url, pool_size=pool_size), _enable_global_fallback=True
    )


async def close_orm() -> None:
    """Give every connection back."""
    await connections.close_all()


async def migrate(database_url: str, *, target: str | None = None) -> None:
    """Bring the schema to `target` (the newest by default), one process at a time.

    Tortoise takes no lock of its own; two starting hosts would both create tables.
    """
    config = orm_config(database_url, pool_size=2)
    config["connections"]["default"]["credentials"]["command_timeout"] = 600
    config["connections"]["default"]["credentials"]["server_settings"]["statement_timeout"] = "0"
    guard = await asyncpg.connect(database_url)
    try:
        await guard.execute("select pg_advisory_lock($1)", _MIGRATION_LOCK)
        await run_migrations(config=config, target=target)
    finally:
        await connections.close_all()
        await guard.close()
