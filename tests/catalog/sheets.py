"""Small catalogues for tests: a row says only what its test relies on."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from commerce.catalog.actions import load_catalogue
from commerce.catalog.loading import LoadReport
from commerce.catalog.rules.rows import CatalogueRow
from kit import db
from kit.money import Fen

NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)

_rows = count(2)


def row(product_code: str = "P1", **said: Any) -> CatalogueRow:
    """A believable row: 鲜牛奶 at 12.90 unless said otherwise."""
    usual = {"title": "鲜牛奶", "category": ("乳品", "牛奶"), "price_fen": Fen(1290)}
    return CatalogueRow(row=next(_rows), product_code=product_code, **(usual | said))


async def load(*rows: CatalogueRow) -> LoadReport:
    return await load_catalogue(rows, NOON)


async def product_id(code: str) -> int:
    return await db.value("select id from product where code = $1", code)


async def sku_id(code: str) -> int:
    return await db.value("select id from sku where code = $1", code)


async def category_id(name: str) -> int:
    return await db.value("select id from category where name = $1", name)


async def store_code(store_id: int) -> str:
    return await db.value("select code from store where id = $1", store_id)
