"""The migrations make what they declare, and unmake it: down to nothing and up again is the same schema."""

import json
import re
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from kit import db
from tests.conftest import TEMPLATE, database_of
from tests.schema.ground import RULES

SCRATCH = "jishi_up_and_down"

# Each line says one thing of the schema; names, types, defaults, rules, functions' whole text.
CATALOG = """
select 'column ' || table_name || '.' || column_name || ' ' || data_type || ' '
    || coalesce(character_maximum_length::text, '') || ' ' || is_nullable || ' '
    || coalesce(column_default, '') || ' ' || coalesce(generation_expression, '')
from information_schema.columns where table_schema = 'public'
union all
select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
from pg_constraint where connamespace = 'public'::regnamespace
union all
select 'index ' || indexdef from pg_indexes where schemaname = 'public'
union all
select 'trigger ' || pg_get_triggerdef(t.oid) from pg_trigger t
join pg_class c on c.oid = t.tgrelid where not t.tgisinternal and c.relnamespace = 'public'::regnamespace
union all
select 'function ' || pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
union all
select 'relation ' || relkind::text || ' ' || relname from pg_class
where relnamespace = 'public'::regnamespace
"""

# Tortoise's own book of migrations stays behind.
ITS_OWN = ("tortoise_migrations", "uid_tortoise_mi")

# In a process of its own: migrating opens and closes all of Tortoise.
WALK = """
import asyncio, json, sys
import asyncpg
from config.orm import migrate
url, catalog, *targets = sys.argv[1:]

async def look():
    connection = await asyncpg.connect(url)
    found = [row[0] for row in await connection.fetch(catalog)]
    await connection.close()
    return found

async def walk():
    seen = []
    for target in targets:
        await migrate(url, target=target or None)
        seen.append(await look())
    return seen

print(json.dumps(asyncio.run(walk())))
"""

NOTHING, TABLES, NEWEST = "models.__first__", "models.0001_initial", ""


@pytest.fixture
async def scratch(postgres_url: str) -> AsyncIterator[str]:
    """A migrated database beside the tests' own."""
    admin = await asyncpg.connect(postgres_url)
    # The lock of tests/conftest.py: a template being copied admits one reader.
    await admin.execute("select pg_advisory_lock(1)")
    await admin.execute(f"create database {SCRATCH} template {TEMPLATE}")
    await admin.execute("select pg_advisory_unlock(1)")
    yield database_of(postgres_url, SCRATCH)
    await admin.execute(f"drop database {SCRATCH}")
    await admin.close()


async def walk(url: str, checkout: Path, *targets: str) -> list[list[str]]:
    """Migrate to each target in turn; the schema found at each."""
    process = await create_subprocess_exec(
        sys.executable, "-c", WALK, url, CATALOG, *targets, cwd=checkout, stdout=PIPE, stderr=PIPE
    )
    said, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return [_ours(found) for found in json.loads(said)]


def _ours(lines: list[str]) -> list[str]:
    return sorted(line for line in lines if not any(name in line for name in ITS_OWN))


async def test_down_to_nothing_and_up_again_is_the_same_schema(
    scratch: str, database: str, checkout_dir: Path
) -> None:
    newest = _ours([row[0] for row in await db.rows(CATALOG)])
    tables, nothing, tables_again, newest_again = await walk(
        scratch, checkout_dir, TABLES, NOTHING, TABLES, NEWEST
    )
    assert len(newest) > len(tables) > 300
    assert nothing == []
    assert tables_again == tables
    assert newest_again == newest


async def test_every_declared_check_is_there_and_no_other(database: str) -> None:
    found = await db.rows(
        "select conrelid::regclass::text as place, conname::text as name, convalidated from pg_constraint"
        " where contype = 'c' and connamespace = 'public'::regnamespace"
    )
    declared = {(table, rule) for table, rules in RULES.CHECKS.items() for rule in rules}
    assert {(row["place"], row["name"]) for row in found} == declared
    assert all(row["convalidated"] for row in found)


async def test_every_declared_index_is_there(database: str) -> None:
    found = await db.rows(
        "select i.relname::text as name, t.relname::text as place, x.indisunique, x.indisvalid,"
        " x.indpred is not null as is_partial from pg_index x"
        " join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid"
    )
    shapes = {row["name"]: (row["place"], row["indisunique"], row["is_partial"]) for row in found}
    declared = {
        name: (
            re.search(r" on (\w+)", what)[1],  # type: ignore[index]
            what.startswith("unique"),
            " where " in what,
        )
        for name, what in RULES.INDEXES.items()
    }
    assert {name: shapes.get(name) for name in declared} == declared
    assert all(row["indisvalid"] for row in found)


def declared_in_sql(pattern: str) -> set[tuple[str, ...]]:
    scripts = [
        text for name, text in vars(RULES).items() if name.isupper() and isinstance(text, str)
    ]
    return {match for script in scripts for match in re.findall(pattern, script)}


async def test_every_declared_trigger_and_function_is_there_and_on(database: str) -> None:
    found = await db.rows(
        "select tgname::text as name, tgrelid::regclass::text as place, tgenabled::text as enabled"
        " from pg_trigger where not tgisinternal"
    )
    declared = declared_in_sql(r"create trigger (\w+)\s[^;]*?\son (\w+)")
    assert {(row["name"], row["place"]) for row in found} == declared
    # O: fires for every session but a replica's.
    assert {row["enabled"] for row in found} == {"O"}
    functions = await db.rows(
        "select proname::text as name from pg_proc where pronamespace = 'public'::regnamespace"
    )
    declared_functions = {name for name, _ in declared_in_sql(r"create function (\w+)()")}
    assert {row["name"] for row in functions} == declared_functions


# No index leads with these: categories are a few dozen, and SKUs that have moved are never deleted.
UNINDEXED = {"category.parent_id", "stock_entry.sku_id"}


async def test_every_reference_has_an_index_that_leads_with_it(database: str) -> None:
    found = await db.rows(
        "select c.conrelid::regclass || '.' || a.attname as reference from pg_constraint c"
        " join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]"
        " where c.contype = 'f' and c.connamespace = 'public'::regnamespace and not exists ("
        "   select 1 from pg_index x where x.indrelid = c.conrelid and x.indkey[0] = c.conkey[1])"
    )
    assert {row["reference"] for row in found} == UNINDEXED
