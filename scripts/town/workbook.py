"""Catalogue sheets as shops keep them: one row per SKU, Chinese headers, prices in yuan."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Final, NamedTuple

from openpyxl import Workbook

from kit.money import Fen, yuan
from scripts.town.goods import build_goods, ean13
from scripts.town.town import Town, TownCategory, TownProduct, TownSku

GOODS_HEADER: Final = (
    *("商品编码", "SKU编码", "商品名称", "分类", "品牌", "规格", "条码", "售价"),
    *("单位", "重量(克)", "属性", "描述"),
)
STOCK: Final = "库存:"
STORE_PRICE: Final = "价格:"
PRICE_COLUMNS: Final = ("售价", STORE_PRICE)

Cell = str | int | None


class Line(NamedTuple):
    """A SKU on its way into a row."""

    category: str
    product: TownProduct
    sku: TownSku


def write_workbook(
    town: Town, path: Path, *, stores: Sequence[str] = (), with_prices: bool = False
) -> int:
    """Write the town's catalogue to `path` (.xlsx or .csv) and return the number of SKUs.

    For each store code in `stores` there is a stock column, empty where the store does not carry
    the SKU, and when `with_prices` a price column, empty where the list price holds. Prices are
    numbers in .xlsx and "12.90" in .csv. Raises ValueError for another suffix.
    """
    header = [*GOODS_HEADER, *(STOCK + code for code in stores)]
    header += [STORE_PRICE + code for code in stores if with_prices]
    rows = [
        [
            *_goods_cells(line),
            *(town.stock.get((code, line.sku.code)) for code in stores),
            *(_price(town.store_prices, code, line.sku) for code in stores if with_prices),
        ]
        for line in _lines(town.categories, town.products)
    ]
    return _write(path, header, rows)


def big_workbook(path: Path, *, skus: int = 20_000, stores: Sequence[str] = ()) -> int:
    """Write `skus` believable SKUs to `path` (.xlsx or .csv): the catalogue again and again.

    Codes and barcodes are unique; every store in `stores` counts every SKU. Same arguments, same
    rows. Returns `skus`. Raises ValueError for another suffix.
    """
    header = [*GOODS_HEADER, *(STOCK + code for code in stores)]
    rows = [
        [*_goods_cells(line), *((7 * number + 13 * nth) % 120 for nth in range(len(stores)))]
        for number, line in enumerate(islice(_endless_lines(), skus))
    ]
    return _write(path, header, rows)


def _lines(categories: Iterable[TownCategory], products: Iterable[TownProduct]) -> Iterator[Line]:
    names = {category.code: category.name for category in categories}
    paths = {c.code: f"{names[c.parent_code]}/{c.name}" for c in categories if c.parent_code}
    for product in products:
        for sku in product.skus:
            yield Line(paths[product.category_code], product, sku)


def _endless_lines() -> Iterator[Line]:
    categories, products = build_goods()
    barcodes = count()
    for batch in count(1):
        for category, product, sku in _lines(categories, products):
            yield Line(
                category,
                replace(
                    product, code=f"{product.code}-{batch}", title=f"{product.title} {batch}号"
                ),
                replace(sku, code=f"{sku.code}-{batch}", barcode=ean13(f"690{next(barcodes):09d}")),
            )


def _goods_cells(line: Line) -> list[Cell]:
    category, product, sku = line
    return [
        product.code,
        sku.code,
        product.title,
        category,
        product.brand,
        _pairs(sku.specs),
        sku.barcode,
        yuan(sku.list_price_fen),
        product.unit,
        sku.weight_grams,
        _pairs(product.attributes),
        product.description,
    ]


def _pairs(named: Mapping[str, str]) -> str:
    return ";".join(f"{name}:{value}" for name, value in named.items())


def _price(prices: Mapping[tuple[str, str], Fen], store_code: str, sku: TownSku) -> str | None:
    price = prices.get((store_code, sku.code))
    return None if price is None else yuan(price)


def _write(path: Path, header: list[str], rows: list[list[Cell]]) -> int:
    match path.suffix:
        case ".xlsx":
            _write_xlsx(path, header, rows)
        case ".csv":
            _write_csv(path, header, rows)
        case _:
            raise ValueError("a catalogue sheet is .xlsx or .csv")
    return len(rows)


def _write_xlsx(path: Path, header: list[str], rows: list[list[Cell]]) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("商品")
    sheet.append(header)
    money = {at for at, name in enumerate(header) if name.startswith(PRICE_COLUMNS)}
    for row in rows:
        # Spreadsheets keep a price as a floating number: a reader has to live with it.
        sheet.append(
            [float(c) if at in money and isinstance(c, str) else c for at, c in enumerate(row)]
        )
    book.save(path)


def _write_csv(path: Path, header: list[str], rows: list[list[Cell]]) -> None:
    # With the byte order mark, without which Chinese spreadsheets read the file as GBK.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *rows])
