"""Writing the catalogue: a whole sheet at once, or nothing of it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from commerce.catalog import loading, stored
from commerce.catalog.errors import CatalogueBusy, CatalogueRefused
from commerce.catalog.loading import LoadReport
from commerce.catalog.rules.faults import Fault
from commerce.catalog.rules.goods import Goods, clashes, gather
from commerce.catalog.rules.rows import CatalogueRow
from kit import db
from kit.ids import uuid7

# Any constant; held until the transaction ends.
_LOAD_LOCK = 728_301_459


async def load_catalogue(
    rows: Sequence[CatalogueRow],
    now: datetime,
    *,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> LoadReport:
    """Bring the catalogue to what `rows` say, in one transaction; twice the same changes nothing.

    New products are listed at once; what a row does not name (other SKUs, other stores, empty
    cells) stays as it is. Stock is an absolute count, written as the journal's difference under
    the lock of its balance. `on_progress(done, total)` is called as records are written.
    Raises `CatalogueRefused` with every bad row (then nothing was written) and `CatalogueBusy`.
    """
    async with db.tx():
        await loading.prepare()
        if not await db.value("select pg_try_advisory_xact_lock($1)", _LOAD_LOCK):
            raise CatalogueBusy
        goods, stores, faults = await _check(rows)
        if faults:
            raise CatalogueRefused(faults)
        writer = loading.Writer(goods, stores, now=now, on_progress=on_progress)
        report, short = await writer.write(run=uuid7().hex)
        if short:
            raise CatalogueRefused(short)
        return report


async def find_faults(rows: Sequence[CatalogueRow]) -> list[Fault]:
    """What `load_catalogue` would refuse of `rows` before it writes; nothing is written here."""
    async with db.tx():
        await loading.take_time()
        _, _, faults = await _check(rows)
        return faults


async def _check(
    rows: Sequence[CatalogueRow],
) -> tuple[list[Goods], dict[str, int], list[Fault]]:
    """The rows against each other and against what is stored: goods, store ids by code, faults."""
    stores, unknown = await stored.find_stores(rows)
    goods, faults = gather(rows, await stored.find_stored({row.product_code for row in rows}))
    faults += clashes(goods, *await stored.find_owners(goods))
    return goods, stores, [*unknown, *faults]
