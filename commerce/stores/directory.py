"""Every store in this process' memory: what a shopper looks for, counted in thousands a second.

PostgreSQL decides and is asked once a second, but only for what changed since the last look:
`store.changed_in` is the transaction that last touched a store or its dates (a trigger keeps it),
so no commit is missed however long it took. Nothing here is worth keeping: it is read again.
"""

import asyncio
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from operator import attrgetter
from time import monotonic
from typing import Final, NamedTuple

from commerce.stores import rules
from commerce.stores.store import COLUMNS, Store, read_store
from commerce.stores.tree import Ball, Spot, grow, in_space, outward
from kit import db
from kit.clock import SHANGHAI, shanghai
from kit.geo import Point
from kit.tasks import spawn

# A change must be seen everywhere within 2 seconds; half of that is left for a slow database.
FRESH_SECONDS: Final = 1.0

_BATCH: Final = 200  # stores read between two breaths of the event loop: about 20 ms

_NOTHING_SEEN: Final = "1:1:"  # the snapshot in which no transaction is visible yet

# $1 is the snapshot of the last reading: what it could not see is new, and nothing else is. A
# number from the future comes from a dump of another server and was read when all was read.
_CHANGES: Final = f"""
    with moment as (select pg_current_snapshot() as now), total as (select count(*) from store)
    select moment.now::text as seen, total.count as total, {COLUMNS}
    from moment cross join total left join store
        on store.changed_in >= pg_snapshot_xmin($1::text::pg_snapshot)
        and not pg_visible_in_snapshot(store.changed_in, $1::text::pg_snapshot)
        and (store.changed_in < pg_snapshot_xmax(moment.now) or $1 = '{_NOTHING_SEEN}')
"""  # noqa: S608 - constants only


class Today(NamedTuple):
    """A store's opening, in words too ("tomorrow" is another word after midnight), while it holds."""

    opening: rules.Opening
    reasons: tuple[rules.Reason]
    since: datetime
    until: datetime


class Entry:
    """A store and what is known of its opening: worked out once per change, then remembered."""

    __slots__ = ("_today", "store", "takes_orders")

    def __init__(self, store: Store) -> None:
        self.renew(store)

    def renew(self, store: Store) -> None:
        """Become `store`: lists and trees hold this very object."""
        self.store = store
        self.takes_orders = store.takes_orders
        self._today: Today | None = None

    def today(self, now: datetime) -> Today:
        """Open or closed at `now`."""
        today = self._today
        if today is None or not today.since <= now < today.until:
            today = self._today = self._work_out(now)
        return today

    def _work_out(self, now: datetime) -> Today:
        opening = rules.opening(self.store.hours, now)
        tomorrow = shanghai(now).date() + timedelta(days=1)
        midnight = datetime.combine(tomorrow, time(), SHANGHAI).astimezone(UTC)
        until = min(opening.changes_at or midnight, midnight)
        return Today(opening, (rules.opening_reason(opening, now),), now, until)


class Directory:
    """The stores of one process. Await `current()` before each use; the rest does not wait."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._seen = _NOTHING_SEEN
        self._began = self._needed = -FRESH_SECONDS
        self._reading: asyncio.Task[None] | None = None
        self._counts: dict[str, int] | None = None
        self._arrange()

    async def current(self) -> "Directory":
        """This directory, at most `FRESH_SECONDS` behind PostgreSQL.

        Callers share one reading, which outlives a caller who hangs up. Not inside a transaction.
        """
        wanted = max(self._needed, monotonic() - FRESH_SECONDS)
        while self._began < wanted:
            if self._reading is None or self._reading.done():
                self._reading = spawn(self._read_changes(), "stores.directory")
            await asyncio.shield(self._reading)
        return self

    def expire(self) -> None:
        """Look again at the next use: this process has just changed a store."""
        self._needed = monotonic()

    def find(self, store_id: int) -> Entry | None:
        """The store with this id, whether it takes orders or not."""
        return self._entries.get(store_id)

    def cities(self) -> dict[str, int]:
        """How many stores take orders in each city: most stores first, then by name."""
        if self._counts is None:
            entries = self._entries.values()
            counts = Counter(entry.store.city for entry in entries if entry.takes_orders)
            self._counts = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
        return self._counts

    def listed(self, city: str | None, *, after: int) -> Iterator[Entry]:
        """The stores that take orders, there or everywhere, by id, beyond the id `after`."""
        entries = self._lists.get(city, [])
        first = bisect_right(entries, after, key=attrgetter("store.id"))
        return (entry for entry in islice(entries, first, None) if entry.takes_orders)

    def outward(self, point: Point, city: str | None) -> Iterator[tuple[float, Entry]]:
        """Every store there or everywhere, nearest first, with its straight distance in metres."""
        tree = self._trees.get(city)
        if tree is None:
            entries = self._lists.get(city, [])
            tree = grow([Spot(in_space(e.store.point), e.store.id, e) for e in entries])
            if entries:  # a city without stores is not remembered: anybody may ask for any word
                self._trees[city] = tree
        return outward(tree, in_space(point))

    async def _read_changes(self) -> None:
        began = monotonic()
        rows = await db.rows(_CHANGES, self._seen)
        stores = []
        for number, row in enumerate(rows):
            if row["id"] is not None:
                stores.append(read_store(row))
            if number % _BATCH == _BATCH - 1:
                await asyncio.sleep(0)
        self._take(stores)
        if len(self._entries) != rows[0]["total"]:
            # Stores are not deleted in daily life, but a database may be emptied under us.
            ids = {row["id"] for row in await db.rows("select id from store")}
            self._entries = {one: self._entries[one] for one in ids & self._entries.keys()}
            self._arrange()
        self._seen, self._began = rows[0]["seen"], began

    def _take(self, stores: Sequence[Store]) -> None:
        has_moved = False
        for store in stores:
            entry = self._entries.get(store.id)
            if entry is None:
                self._entries[store.id] = Entry(store)
                has_moved = True
                continue
            was = entry.store
            has_moved = has_moved or (was.point, was.city) != (store.point, store.city)
            entry.renew(store)
        self._counts = None
        if has_moved:
            self._arrange()

    def _arrange(self) -> None:
        """Lists by city (None: everywhere) by id. Trees grow when they are first asked for."""
        self._lists: dict[str | None, list[Entry]] = defaultdict(list)
        for _, entry in sorted(self._entries.items()):
            self._lists[entry.store.city].append(entry)
            self._lists[None].append(entry)
        self._lists.default_factory = None
        self._trees: dict[str | None, Ball[Entry]] = {}
        self._counts = None


# One per process: what it holds is PostgreSQL's, and every use looks there first.
directory: Final = Directory()
