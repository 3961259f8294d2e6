"""The steps of a catalogue load. Every function here runs inside `load_catalogue`'s transaction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from commerce.catalog.rules.faults import Fault, fault
from commerce.catalog.rules.goods import Goods
from commerce.catalog.stored import READ_CHUNK, category_paths, chunks
from kit import db
from models.enums import ProductStatus, StockKind

# Products of one statement take a second on a busy machine; the client gives each 10 s.
CHUNK: Final = 1_000


@dataclass(slots=True)
class Tally:
    """How many were made, altered, or found as the sheet has them."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0

    def add(self, created: int, changed: int, of: int) -> None:
        self.created += created
        self.changed += changed
        self.unchanged += of - created - changed


@dataclass(slots=True)
class LoadReport:
    """What a load did to products, SKUs, the stores' own prices and stock."""

    products: Tally = field(default_factory=Tally)
    skus: Tally = field(default_factory=Tally)
    prices: Tally = field(default_factory=Tally)
    stock: Tally = field(default_factory=Tally)


async def take_time() -> None:
    """Let this transaction take longer than a shopper's."""
    await db.execute("set local statement_timeout = '60s'")
    await db.execute("set local idle_in_transaction_session_timeout = '10min'")


async def prepare() -> None:
    """Take time, and make room for the sheet."""
    await take_time()
    for table, columns in _STAGES.items():
        typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        await db.execute(f"create temp table {table} (n int, {typed}) on commit drop")


_STAGES: Final[Mapping[str, Mapping[str, str]]] = {
    "sheet_product": {
        "code": "text", "title": "text", "category_id": "bigint", "brand": "text", "unit": "text",
        "description": "text", "specs": "jsonb", "attributes": "jsonb", "pictures": "jsonb",
        "search_keys": "text",
    },
    "sheet_sku": {
        "product_code": "text", "code": "text", "specs": "jsonb", "barcode": "text",
        "list_price_fen": "bigint", "weight_grams": "int",
    },
    "sheet_price": {"store_id": "bigint", "sku_id": "bigint", "price_fen": "bigint"},
    "sheet_stock": {
        "store_id": "bigint", "sku_id": "bigint", "counted": "int", "sheet_row": "int",
        "store_code": "text", "is_new": "boolean",
    },
}  # fmt: skip


async def _ensure_categories(wanted: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """The ids of these paths; what is missing is made, behind its elder siblings."""
    known = await category_paths()
    for path in dict.fromkeys(wanted):
        for depth in range(1, len(path) + 1):
            part = path[:depth]
            if part not in known:
                known[part] = await db.value(
                    """
                    insert into category (parent_id, name, position)
                    select $1, $2, coalesce(max(position) + 1, 0) from category
                    where parent_id is not distinct from $1 returning id
                    """,
                    known.get(part[:-1]),
                    part[-1],
                )
    return known


class Writer:
    """Stages a checked sheet in temporary tables and merges it chunk by chunk."""

    def __init__(
        self,
        goods: Sequence[Goods],
        stores: Mapping[str, int],
        *,
        now: datetime,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._goods = goods
        self._stores = stores
        self._now = now
        self._tell = on_progress
        self._skus = [sku for product in goods for sku in product.skus]
        per_store = sum(len(sku.said.stock) + len(sku.said.prices) for sku in self._skus)
        self._total = len(goods) + len(self._skus) + per_store
        self._done = 0

    async def write(self, *, run: str) -> tuple[LoadReport, list[Fault]]:
        """Merge everything; with faults (counts below what orders hold) the caller rolls back."""
        report = LoadReport()
        categories = await _ensure_categories(product.category for product in self._goods)
        await self._stage("sheet_product", (_product(each, categories) for each in self._goods))
        await self._merge(report.products, _MERGE_PRODUCT, "sheet_product", self._now)
        await self._stage("sheet_sku", self._sku_records())
        await self._merge(report.skus, _MERGE_SKU, "sheet_sku")
        sku_ids = await self._sku_ids()
        await self._stage("sheet_price", self._price_records(sku_ids))
        await self._merge(report.prices, _MERGE_PRICE, "sheet_price")
        await self._stage("sheet_stock", self._stock_records(sku_ids))
        await self._merge(report.stock, _OPEN_LEVEL, "sheet_stock")
        return report, await self._count(report.stock, run)

    async def _stage(self, table: str, records: Iterable[tuple[object, ...]]) -> None:
        numbered = [(n, *record) for n, record in enumerate(records)]
        for start, end in chunks(len(numbered), READ_CHUNK):
            await db.copy_rows(table, ["n", *_STAGES[table]], numbered[start:end])
        await db.execute(f"analyze {table}")

    async def _merge(self, tally: Tally, statement: str, table: str, *args: object) -> None:
        staged: int = await db.value(f"select count(*) from {table}")  # noqa: S608 - our own names
        for start, end in chunks(staged, CHUNK):
            written = await db.row(statement, start, end, *args)
            assert written is not None
            tally.add(written["created"], written["changed"], end - start)
            self._done += end - start
            self._tell(self._done, self._total)

    async def _sku_ids(self) -> dict[str, int]:
        codes = [sku.code for sku in self._skus]
        return {
            record["code"]: record["id"]
            for start, end in chunks(len(codes), READ_CHUNK)
            for record in await db.rows(_SKU_IDS, codes[start:end])
        }

    def _sku_records(self) -> Iterator[tuple[object, ...]]:
        for product in self._goods:
            for sku in product.skus:
                specs = orjson.dumps(sku.specs).decode()
                yield (product.code, sku.code, specs, sku.barcode, sku.price_fen, sku.weight_grams)

    def _price_records(self, sku_ids: Mapping[str, int]) -> list[tuple[int, int, int]]:
        return sorted(
            (self._stores[store], sku_ids[sku.code], price)
            for sku in self._skus
            for store, price in sku.said.prices.items()
        )

    def _stock_records(self, sku_ids: Mapping[str, int]) -> list[tuple[object, ...]]:
        """In the order everyone locks balances: by store, then by SKU."""
        return sorted(
            (self._stores[store], sku_ids[sku.code], counted, sku.said.row, store, False)
            for sku in self._skus
            for store, counted in sku.said.stock.items()
        )

    async def _count(self, tally: Tally, run: str) -> list[Fault]:
        """Journal the differences under the balances' locks, unless one falls below its holds."""
        staged: int = await db.value("select count(*) from sheet_stock")
        await db.execute(_DELTA_TABLE)
        for start, end in chunks(staged, CHUNK):
            await db.execute(_LOCK_DIFFERENCES, start, end)
        short = await db.rows(
            "select * from sheet_delta where counted < reserved order by sheet_row"
        )
        if short:
            return [_below_reserved(record) for record in short]
        for start, end in chunks(staged, CHUNK):
            await db.execute(_WRITE_COUNTS, start, end, run, StockKind.COUNT, self._now)
        changed = await db.value("select count(*) from sheet_delta where not is_new")
        tally.changed += changed
        tally.unchanged -= changed
        return []


def _product(goods: Goods, categories: Mapping[tuple[str, ...], int]) -> tuple[object, ...]:
    return (
        goods.code,
        goods.title,
        categories[goods.category],
        goods.brand,
        goods.unit,
        goods.description,
        orjson.dumps([asdict(axis) for axis in goods.axes]).decode(),
        orjson.dumps(goods.attributes).decode(),
        orjson.dumps(goods.pictures).decode(),
        goods.search_keys(),
    )


def _below_reserved(record: Mapping[str, Any]) -> Fault:
    return fault(
        record["sheet_row"],
        f"库存:{record['store_code']}",
        "below_reserved",
        count=record["counted"],
        reserved=record["reserved"],
    )


# xmax is 0 only in a row that the statement itself inserted.
_TALLY: Final = """
    select count(*) filter (where is_new) as created, count(*) filter (where not is_new) as changed
    from written
"""
_MERGE_PRODUCT: Final = f"""
with written as (
    insert into product as p (code, title, category_id, brand, unit, description, specs,
        attributes, pictures, status, search_keys, created_at)
    select code, title, category_id, brand, unit, description, specs,
        attributes, pictures, '{ProductStatus.LISTED}', search_keys, $3
    from sheet_product where n >= $1 and n < $2 order by n
    on conflict (code) do update set
        title = excluded.title, category_id = excluded.category_id, brand = excluded.brand,
        unit = excluded.unit, description = excluded.description, specs = excluded.specs,
        attributes = excluded.attributes, pictures = excluded.pictures,
        search_keys = excluded.search_keys
    where (p.title, p.category_id, p.brand, p.unit, p.description, p.specs, p.attributes,
        p.pictures, p.search_keys)
        is distinct from (excluded.title, excluded.category_id, excluded.brand, excluded.unit,
        excluded.description, excluded.specs, excluded.attributes, excluded.pictures,
        excluded.search_keys)
    returning p.xmax = 0 as is_new
)
{_TALLY}
"""  # noqa: S608 - our own constants

# Not "on conflict do update": that locks every row it meets, changed or not, and because barcodes
# are unique it does so against the foreign keys of new order lines: nobody could buy meanwhile.
_MERGE_SKU: Final = """
with made as (
    insert into sku (code, product_id, specs, barcode, list_price_fen, weight_grams, is_active)
    select s.code, p.id, s.specs, s.barcode, s.list_price_fen, s.weight_grams, true
    from sheet_sku s join product p on p.code = s.product_code
    where s.n >= $1 and s.n < $2 and not exists (select from sku k where k.code = s.code)
    order by s.n returning 1
), altered as (
    update sku k set specs = s.specs, barcode = s.barcode, list_price_fen = s.list_price_fen,
        weight_grams = s.weight_grams
    from sheet_sku s where s.n >= $1 and s.n < $2 and k.code = s.code
        and (k.specs, k.barcode, k.list_price_fen, k.weight_grams) is distinct from
            (s.specs, s.barcode, s.list_price_fen, s.weight_grams)
    returning 1
)
select (select count(*) from made) as created, (select count(*) from altered) as changed
"""

_SKU_IDS: Final = "select code, id from sku where code = any($1::text[])"

_MERGE_PRICE: Final = f"""
with written as (
    insert into store_price as p (store_id, sku_id, price_fen)
    select store_id, sku_id, price_fen from sheet_price where n >= $1 and n < $2 order by n
    on conflict (store_id, sku_id) do update set price_fen = excluded.price_fen
    where p.price_fen <> excluded.price_fen
    returning p.xmax = 0 as is_new
)
{_TALLY}
"""  # noqa: S608 - our own constants

# "on conflict" alone would wait for every sale that is moving one of these balances.
_OPEN_LEVEL: Final = """
with made as (
    insert into stock_level (store_id, sku_id, on_hand, reserved)
    select s.store_id, s.sku_id, 0, 0 from sheet_stock s
    where s.n >= $1 and s.n < $2 and not exists (
        select from stock_level l where l.store_id = s.store_id and l.sku_id = s.sku_id
    )
    order by s.n on conflict (store_id, sku_id) do nothing returning store_id, sku_id
), marked as (
    update sheet_stock s set is_new = true from made m
    where s.store_id = m.store_id and s.sku_id = m.sku_id returning 1
)
select count(*) as created, 0 as changed from marked
"""

_DELTA_TABLE: Final = """
create temp table sheet_delta (n int, store_id bigint, sku_id bigint, counted int, sheet_row int,
    store_code text, is_new boolean, on_hand int, reserved int) on commit drop
"""

# A balance that already equals its count needs no lock: it was so at that moment, which is all
# a count says. After waiting for a lock PostgreSQL looks again at the row it got.
_LOCK_DIFFERENCES: Final = """
insert into sheet_delta
select s.*, l.on_hand, l.reserved from (
    select n, store_id, sku_id, counted, sheet_row, store_code, is_new
    from sheet_stock where n >= $1 and n < $2
) s join stock_level l on l.store_id = s.store_id and l.sku_id = s.sku_id
where l.on_hand <> s.counted order by s.n for update of l
"""

_WRITE_COUNTS: Final = """
insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)
select store_id, sku_id, $4, 'import:' || $3 || ':' || sheet_row, counted - on_hand, 0, $5
from sheet_delta where n >= $1 and n < $2 order by n
"""
