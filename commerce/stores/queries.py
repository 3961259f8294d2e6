"""Stores to look at: one as PostgreSQL has it now, and all as this process remembers them."""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from commerce.stores import rules
from commerce.stores.directory import Entry, directory
from commerce.stores.store import COLUMNS, Store, read_store
from kit import db
from kit.errors import NotFound


async def get_store(store_id: int) -> Store:
    """The store now, paused or closed down included; `NotFound` when there is none."""
    row = await db.row(f"select {COLUMNS} from store where id = $1", store_id)  # noqa: S608
    if row is None:
        raise NotFound
    return read_store(row)


async def recall_store(store_id: int) -> Store:
    """The store, up to a second old, paused or closed down included; `NotFound` when there is none."""
    entry = (await directory.current()).find(store_id)
    return entry.store if entry is not None else await get_store(store_id)


class StoreState(NamedTuple):
    """A store as it stands; `reasons` says in words why it takes orders now, or why not."""

    store: Store
    opening: rules.Opening
    reasons: tuple[rules.Reason, ...]


async def describe_store(store_id: int, now: datetime) -> StoreState:
    """The store, up to a second old; `NotFound` unless it is in business. Paused ones are shown."""
    entry = (await directory.current()).find(store_id)
    if entry is None or not entry.store.is_active:
        raise NotFound
    return _state(entry, now)


async def list_stores(
    city: str | None, *, after: int, limit: int, now: datetime
) -> list[StoreState]:
    """Up to `limit` stores that take orders, by id, beyond the id `after`; up to a second old."""
    listed = (await directory.current()).listed(city, after=after)
    return [_state(entry, now) for entry in islice(listed, limit)]


async def list_cities() -> Mapping[str, int]:
    """How many stores take orders in each city: most stores first, then by name."""
    return (await directory.current()).cities()


def _state(entry: Entry, now: datetime) -> StoreState:
    opening, reasons, _, _ = entry.today(now)
    return StoreState(entry.store, opening, (rules.PAUSED,) if entry.store.is_paused else reasons)
