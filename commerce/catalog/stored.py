"""What a sheet meets: stores, products, and the codes that are taken already."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from commerce.catalog.rules.faults import Fault, fault
from commerce.catalog.rules.goods import Axis, Goods, StoredProduct, StoredSku
from commerce.catalog.rules.rows import CatalogueRow
from kit import db

# A second's work on a busy machine; the client gives each statement 10 s.
READ_CHUNK: Final = 10_000


def chunks(total: int, size: int) -> Iterator[tuple[int, int]]:
    """[start, end) pairs that cover `total` in steps of `size`."""
    for start in range(0, total, size):
        yield start, min(start + size, total)


async def find_stores(rows: Iterable[CatalogueRow]) -> tuple[dict[str, int], list[Fault]]:
    """The ids of the stores that `rows` name, and a fault for each that does not exist."""
    named: dict[str, tuple[int, str]] = {}
    for row in rows:
        for code in row.stock.keys() - named.keys():
            named[code] = (row.row, f"库存:{code}")
        for code in row.prices.keys() - named.keys():
            named[code] = (row.row, f"价格:{code}")
    found = await db.rows("select code, id from store where code = any($1::text[])", list(named))
    stores = {record["code"]: record["id"] for record in found}
    faults = [
        fault(*where, "unknown_store", store=code)
        for code, where in named.items()
        if code not in stores
    ]
    return stores, faults


async def find_stored(codes: Iterable[str]) -> dict[str, StoredProduct]:
    """The products of these codes with all their SKUs, locked until the load ends."""
    paths = {number: path for path, number in (await category_paths()).items()}
    # Sorted, so that two who lock products wait for each other in one direction only.
    ordered = sorted(codes)
    return {
        record["code"]: _stored(record, paths)
        for start, end in chunks(len(ordered), READ_CHUNK)
        for record in await db.rows(_STORED, ordered[start:end])
    }


def _stored(record: Mapping[str, Any], paths: Mapping[int, tuple[str, ...]]) -> StoredProduct:
    axes = orjson.loads(record["specs"])
    return StoredProduct(
        code=record["code"],
        title=record["title"],
        category=paths[record["category_id"]],
        brand=record["brand"],
        unit=record["unit"],
        description=record["description"],
        attributes=orjson.loads(record["attributes"]),
        pictures=tuple(orjson.loads(record["pictures"])),
        axes=tuple(Axis(axis["name"], tuple(axis["values"])) for axis in axes),
        skus=tuple(StoredSku(**sku) for sku in orjson.loads(record["skus"] or "[]")),
    )


async def find_owners(goods: Iterable[Goods]) -> tuple[dict[str, str], dict[str, str]]:
    """Who has these SKU codes and barcodes now: SKU code -> product code, barcode -> SKU code."""
    skus = [sku for product in goods for sku in product.skus]
    products: dict[str, str] = {}
    barcodes: dict[str, str] = {}
    for start, end in chunks(len(skus), READ_CHUNK):
        part = skus[start:end]
        codes = [sku.code for sku in part]
        records = await db.rows(_OWNERS, codes, [sku.barcode for sku in part if sku.barcode])
        products |= {record["code"]: record["product"] for record in records}
        barcodes |= {record["barcode"]: record["code"] for record in records if record["barcode"]}
    return products, barcodes


async def category_paths() -> dict[tuple[str, ...], int]:
    """Every category's id by its path from the root."""
    records = {
        record["id"]: record for record in await db.rows("select id, parent_id, name from category")
    }

    def path(number: int | None) -> tuple[str, ...]:
        if number is None:
            return ()
        return (*path(records[number]["parent_id"]), records[number]["name"])

    return {path(number): number for number in records}


_STORED: Final = """
    select p.code, p.title, p.category_id, p.brand, p.unit, p.description,
        p.attributes::text, p.pictures::text, p.specs::text,
        (select json_agg(json_build_object('code', k.code, 'specs', k.specs,
            'barcode', k.barcode, 'weight_grams', k.weight_grams) order by k.id)
        from sku k where k.product_id = p.id)::text as skus
    from product p where p.code = any($1::text[]) order by p.code for no key update
"""

_OWNERS: Final = """
    select k.code, k.barcode, p.code as product from sku k join product p on p.id = k.product_id
    where k.code = any($1::text[]) or k.barcode = any($2::text[])
"""
