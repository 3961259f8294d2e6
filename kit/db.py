"""PostgreSQL by hand: transactions that survive cancellation, and SQL in one round trip."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from tortoise.backends.base.client import TransactionalDBClient, TransactionContextPooled
from tortoise.connection import get_connection, get_connections
from tortoise.transactions import in_transaction

# Longer than any healthy wait for a pooled connection; a caller is better told to come back.
ACQUIRE_SECONDS = 2.0

# What a repeat of the same request may well not meet again (serialization, deadlock, lock or
# statement timeout, shutdown, lost or refused connection, full pool).
TRANSIENT: tuple[type[BaseException], ...] = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    # A backend killed in mid-answer leaves asyncpg's connection in this state (seen under load).
    asyncpg.InternalClientError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    ConnectionError,
    TimeoutError,
)


@asynccontextmanager
async def tx() -> AsyncIterator[None]:
    """One transaction around the body; nested, a savepoint.

    Tortoise's own `in_transaction` keeps the connection for ever when it is cancelled at the wrong
    moment, and waits for one without limit (facts/stack.md); this gives it back always.
    """
    context: Any = in_transaction()
    try:
        async with asyncio.timeout(ACQUIRE_SECONDS):
            await context.__aenter__()
    except BaseException:
        if isinstance(context, TransactionContextPooled):
            await _give_back(context)
        raise
    try:
        yield
    except BaseException as error:
        await context.__aexit__(type(error), error, error.__traceback__)
        raise
    else:
        await context.__aexit__(None, None, None)


async def _give_back(context: Any) -> None:
    """Release what a cancelled `__aenter__` had taken; a savepoint shares its parent's connection."""
    raw, pool = context.client._connection, context.client._parent._pool
    if raw is not None and pool is not None:
        await asyncio.shield(pool.release(raw))
    if hasattr(context, "token"):
        get_connections().reset(context.token)


async def rows(query: str, *args: object) -> list[asyncpg.Record]:
    """The rows of `query`, in the current transaction if there is one."""
    result: list[asyncpg.Record] = await _run("fetch", query, *args)
    return result


async def row(query: str, *args: object) -> asyncpg.Record | None:
    """The first row of `query`, or None."""
    found: asyncpg.Record | None = await _run("fetchrow", query, *args)
    return found


async def one(query: str, *args: object) -> asyncpg.Record:
    """The row of `query` that must be there; LookupError when the books contradict themselves."""
    found = await row(query, *args)
    if found is None:
        raise LookupError(query)
    return found


async def value(query: str, *args: object) -> Any:
    """The first column of the first row, or None."""
    return await _run("fetchval", query, *args)


async def execute(query: str, *args: object) -> int:
    """Run a write; how many rows it touched."""
    tag: str = await _run("execute", query, *args)
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


async def execute_many(query: str, arguments: list[tuple[object, ...]]) -> None:
    """Run a write for each tuple of arguments, pipelined."""
    async with _connection() as connection:
        await connection.executemany(query, arguments)


async def copy_rows(table: str, columns: list[str], records: list[tuple[object, ...]]) -> None:
    """Load `records` by COPY, the fastest door into a table. Triggers and constraints apply."""
    async with _connection() as connection:
        await connection.copy_records_to_table(table, columns=columns, records=records)


def broken_rule(error: BaseException) -> str | None:
    """The name of the constraint that refused, from an asyncpg or Tortoise error."""
    cause = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None


async def _run(method: str, query: str, *args: object) -> Any:
    """Run one statement; outside a transaction once more when another caller's cancel struck it.

    A shopper who hangs up makes asyncpg cancel his query at the server, and the signal may arrive
    when the next statement already runs on that connection. A cancelled statement has done nothing.
    """
    try:
        async with _connection() as connection:
            return await getattr(connection, method)(query, *args)
    except asyncpg.QueryCanceledError as error:
        if "user request" not in str(error) or _in_transaction():
            raise
    async with _connection() as connection:
        return await getattr(connection, method)(query, *args)


def _in_transaction() -> bool:
    return isinstance(get_connection("default"), TransactionalDBClient)


@asynccontextmanager
async def _connection() -> AsyncIterator[Any]:
    """The current transaction's connection, else one of the pool; the wait for it is bounded."""
    client: Any = get_connection("default")
    if _in_transaction() or client._pool is None:
        async with client.acquire_connection() as connection:
            yield connection
        return
    async with asyncio.timeout(ACQUIRE_SECONDS):
        connection = await client._pool.acquire()
    try:
        yield connection
    except (asyncio.CancelledError, TimeoutError):
        # asyncpg may have been between Parse and Bind, with no Sync sent: the server's timer for
        # that statement still runs and would strike whoever uses the connection next.
        connection.terminate()
        raise
    finally:
        await client._pool.release(connection)
