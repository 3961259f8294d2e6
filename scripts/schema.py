"""Whether a database has its newest shape: much cheaper to ask than to migrate."""

from pathlib import Path

import asyncpg

from config.settings import CHECKOUT

_CONNECT_SECONDS = 10


async def is_current(database_url: str) -> bool:
    """Whether every migration of this checkout is applied there. Raises OSError or asyncpg's errors."""
    connection = await asyncpg.connect(database_url, timeout=_CONNECT_SECONDS)
    try:
        rows = await connection.fetch("select name from tortoise_migrations")
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close()
    return _known() <= {row["name"] for row in rows}


def _known() -> set[str]:
    return {path.stem for path in Path(CHECKOUT, "models", "migrations").glob("[0-9]*.py")}
