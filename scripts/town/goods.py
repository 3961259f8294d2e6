"""The goods: categories, products and their matrix of SKUs, read from goods.csv.

`sizes` is the axis that decides price and weight ("容量=250ml@260:5.90;480ml@500:9.90": value, grams,
yuan), `options` are the others ("口味=原味|草莓;温度=热|冰").
"""

import csv
from collections.abc import Iterable, Iterator
from itertools import product as matrix
from pathlib import Path
from typing import Final, NamedTuple

from kit.money import Fen, parse_yuan
from scripts.town.town import TownCategory, TownProduct, TownSku

GOODS: Final = Path(__file__).with_name("goods.csv")

Row = dict[str, str]


class Size(NamedTuple):
    value: str
    grams: int
    price_fen: Fen


def build_goods() -> tuple[tuple[TownCategory, ...], tuple[TownProduct, ...]]:
    """The catalogue, the same for every seed: it is the chain's, not the town's."""
    with GOODS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    categories = tuple(_categories(rows))
    code_of = {(c.parent_code, c.name): c.code for c in categories}
    brands = list(dict.fromkeys(row["brand"] for row in rows))
    products = (
        _product(
            number,
            row,
            category_code=code_of[code_of[None, row["category"]], row["subcategory"]],
            maker=_maker(brands.index(row["brand"])),
        )
        for number, row in enumerate(rows, 1)
    )
    return categories, tuple(products)


def ean13(twelve: str) -> str:
    """`twelve` digits and their check digit (GS1 General Specifications, section 7.9)."""
    odd, even = sum(map(int, twelve[::2])), sum(map(int, twelve[1::2]))
    return f"{twelve}{-(odd + 3 * even) % 10}"


def _categories(rows: Iterable[Row]) -> Iterator[TownCategory]:
    tree: dict[str, dict[str, None]] = {}
    for row in rows:
        tree.setdefault(row["category"], {})[row["subcategory"]] = None
    for position, (name, children) in enumerate(tree.items(), 1):
        parent = TownCategory(f"C{position:02d}", name, None, position)
        yield parent
        for child_position, child in enumerate(children, 1):
            code = f"{parent.code}{child_position:02d}"
            yield TownCategory(code, child, parent.code, child_position)


def _maker(brand: int) -> str:
    """Seven digits as China's 690 to 695 hand them out, one number for each (invented) brand."""
    return f"69{brand % 6}{4108 + 173 * brand}"


def _product(number: int, row: Row, *, category_code: str, maker: str) -> TownProduct:
    axis, _, written = row["sizes"].partition("=")
    sizes = [_size(text) for text in written.split(";")]
    options = dict(_option(text) for text in row["options"].split(";") if text)
    code = f"JS{number:04d}"
    skus = tuple(
        TownSku(
            code=f"{code}-{nth:02d}",
            specs={axis: size.value, **dict(zip(options, chosen, strict=True))},
            barcode=ean13(f"{maker}{number:03d}{nth:02d}"),
            list_price_fen=size.price_fen,
            weight_grams=size.grams,
        )
        for nth, (size, chosen) in enumerate(matrix(sizes, matrix(*options.values())), 1)
    )
    return TownProduct(
        code=code,
        title=row["title"],
        category_code=category_code,
        brand=row["brand"],
        unit=row["unit"],
        description=row["description"],
        specs={axis: tuple(size.value for size in sizes), **options},
        attributes=_attributes(row),
        skus=skus,
        shape=row["shape"],
        colour=row["colour"],
    )


def _size(text: str) -> Size:
    value, _, rest = text.rpartition("@")
    grams, _, price = rest.partition(":")
    return Size(value, int(grams), parse_yuan(price))


def _option(text: str) -> tuple[str, tuple[str, ...]]:
    name, _, values = text.partition("=")
    return name, tuple(values.split("|"))


def _attributes(row: Row) -> dict[str, str]:
    name, _, value = row["more"].partition(":")
    written = {"产地": row["origin"], "保质期": row["shelf_life"], "储存方式": row["storage"]}
    return {**written, name: value}
