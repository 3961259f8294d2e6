"""A database with the demo town in it, loaded by the real command in a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import asyncpg
import pytest

from config.settings import CHECKOUT
from scripts.town.build import build_town
from scripts.town.town import Town
from tests.conftest import TEMPLATE, database_of

SEED = 7
DAY = date(2025, 6, 2)  # a Monday: the story ends with a Sunday evening

# What is drawn anew each time: nonces of seals, the salt of a hash, numbers of transactions.
RANDOM = {
    "address": ["content_sealed"],
    "member": ["phone_sealed"],
    "quote": ["address_sealed"],
    "shop_order": ["address_sealed"],
    "staff": ["password_hash"],
    "store": ["changed_in"],
}


@dataclass
class Place:
    """A migrated database and a data directory for one `jishi seed`."""

    url: str
    data_dir: Path

    def environ(self, **more: str) -> dict[str, str]:
        known = {
            "DATABASE_URL": self.url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "JISHI_DATA_DIR": str(self.data_dir),
            "JISHI_SANDBOX_PORT": "1",
        }
        return os.environ | known | more

    async def start(self, *words: str, **more: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "scripts.jishi", *words),
            env=self.environ(**more),
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def jishi(self, *words: str, **more: str) -> tuple[int, str]:
        """Exit code and output of one command."""
        process = await self.start(*words, **more)
        output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode()

    async def seed(self) -> tuple[int, str]:
        return await self.jishi("seed", "--seed", str(SEED), "--day", f"{DAY}")

    async def dump(self, *, is_whole: bool = True) -> dict[str, bytes]:
        """The text of every table by its name; without what is random unless `is_whole`."""
        connection = await asyncpg.connect(self.url)
        try:
            columns = await connection.fetch(
                "select table_name, array_agg(column_name::text order by ordinal_position) as names"
                " from information_schema.columns where table_schema = 'public' group by 1"
            )
            return {
                table: await _copy(
                    connection,
                    table,
                    [n for n in names if is_whole or n not in RANDOM.get(table, [])],
                )
                for table, names in columns
                if "tortoise" not in table
            }
        finally:
            await connection.close()


async def _copy(connection: asyncpg.Connection, table: str, names: list[str]) -> bytes:
    file = BytesIO()
    columns = ", ".join(names)
    await connection.copy_from_query(f"select {columns} from {table} order by id", output=file)
    return file.getvalue()


async def make_place(postgres_url: str, data_dir: Path, name: str) -> Place:
    admin = await asyncpg.connect(postgres_url)
    try:
        # A template being copied admits one reader.
        await admin.execute("select pg_advisory_lock(1)")
        await admin.execute(f"create database {name} template {TEMPLATE}")
    finally:
        await admin.close()
    return Place(database_of(postgres_url, name), data_dir)


@pytest.fixture(scope="session")
def town() -> Town:
    return build_town(SEED, DAY)


@pytest.fixture(scope="session")
async def seeded(
    postgres_url: str, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Place:
    """The town, loaded; tests leave it as it is."""
    place = await make_place(postgres_url, tmp_path_factory.mktemp("town"), f"town_{worker_id}")
    code, output = await place.seed()
    assert code == 0, output
    return place


@pytest.fixture
async def books(seeded: Place) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the loaded town; whatever a test writes is rolled back."""
    connection = await asyncpg.connect(seeded.url)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()
