"""From the cells of one sheet row to what it says, or to everything that is wrong with it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from commerce.catalog.rules.barcodes import is_barcode, missing_check_digit
from commerce.catalog.rules.cells import (
    Wrong,
    code_of,
    count_of,
    money_of,
    one_line,
    plain,
    text_of,
    within,
)
from commerce.catalog.rules.columns import STOCK, STORE_PRICE, Column, Layout, Meaning
from commerce.catalog.rules.faults import Fault, fault
from kit.money import Fen

MOST_LEVELS: Final = 4
MOST_SPECS: Final = 5
MOST_ATTRIBUTES: Final = 20
MOST_PICTURES: Final = 9
LONGEST_NAME: Final = 32  # of a category, a spec, an attribute
LONGEST_VALUE: Final = 64
LONGEST_DESCRIPTION: Final = 2000


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One SKU as a sheet states it. None (an empty cell) says nothing: what is stored stays.

    What belongs to the product (title to pictures) may stand on its first row alone.
    `row` is the sheet's row number, `pictures` are file names, `stock` are absolute counts and
    `prices` own prices, both by store code.
    """

    row: int
    product_code: str
    price_fen: Fen
    sku_code: str | None = None
    title: str | None = None
    category: tuple[str, ...] | None = None
    brand: str | None = None
    unit: str | None = None
    description: str | None = None
    attributes: Mapping[str, str] | None = None
    pictures: tuple[str, ...] | None = None
    specs: Mapping[str, str] | None = None
    barcode: str | None = None
    weight_grams: int | None = None
    stock: Mapping[str, int] = field(default_factory=dict)
    prices: Mapping[str, Fen] = field(default_factory=dict)


def read_row(row: int, cells: Sequence[object], layout: Layout) -> CatalogueRow | list[Fault]:
    """The row, or every fault in it. Cells are what a spreadsheet holds: text, numbers, dates."""
    said: dict[str, Any] = {}
    by_store: dict[str, dict[str, Any]] = {STOCK: {}, STORE_PRICE: {}}
    faults: list[Fault] = []
    for at, meaning in layout.meanings.items():
        try:
            text = text_of(cells[at]) if at < len(cells) else None
            if text is None:
                _allow_empty(meaning)
            elif isinstance(meaning, Column):
                field_name, read = _READERS[meaning]
                said[field_name] = read(text)
            else:
                read_store = count_of if meaning.kind == STOCK else money_of
                by_store[meaning.kind][meaning.store] = read_store(text)
        except Wrong as wrong:
            faults.append(fault(row, str(meaning), wrong.code, **wrong.details))
    return faults or CatalogueRow(
        row=row, stock=by_store[STOCK], prices=by_store[STORE_PRICE], **said
    )


def _allow_empty(meaning: Meaning) -> None:
    if meaning in (Column.PRODUCT_CODE, Column.PRICE):
        raise Wrong("missing")


def _paragraphs(text: str) -> str:
    return within(LONGEST_DESCRIPTION, text.replace("\r\n", "\n"))


def _barcode(text: str) -> str:
    if not is_barcode(plain(text)):
        raise Wrong("not_barcode")
    if len(text) == 13 and text.endswith("0000000"):
        raise Wrong("rounded")
    expected = missing_check_digit(text)
    if expected is not None:
        raise Wrong("wrong_check_digit", expected=expected)
    return text


def _pairs(most: int) -> Callable[[str], dict[str, str]]:
    def read(text: str) -> dict[str, str]:
        parts = [
            part for part in re.split("[;；\n]", within(LONGEST_DESCRIPTION, text)) if part.strip()
        ]
        if len(parts) > most:
            raise Wrong("too_many", limit=most)
        pairs = [re.split("[:：]", part, maxsplit=1) for part in parts]
        named = {pair[0].strip(): " ".join(pair[-1].split()) for pair in pairs}
        is_sound = all(len(pair) == 2 for pair in pairs) and len(named) == len(pairs)
        if not is_sound or not all(_fits(name, value) for name, value in named.items()):
            raise Wrong("not_pairs")
        return named

    return read


def _fits(name: str, value: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and 0 < len(value) <= LONGEST_VALUE


def _category(text: str) -> tuple[str, ...]:
    levels = tuple(" ".join(level.split()) for level in re.split("[/／]", text))
    if len(levels) > MOST_LEVELS or not all(0 < len(level) <= LONGEST_NAME for level in levels):
        raise Wrong("not_category", limit=MOST_LEVELS)
    for level in levels:
        within(LONGEST_NAME, level)
    return levels


def _pictures(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in re.split("[;；\n]", text) if name.strip()))
    if len(names) > MOST_PICTURES:
        raise Wrong("too_many", limit=MOST_PICTURES)
    for name in names:
        if not _FILE_NAME.fullmatch(name):
            raise Wrong("no_picture", name=name[:LONGEST_VALUE])
    return names


# A name in the pictures' own folder: no path leads out of it.
_FILE_NAME: Final = re.compile(r"(?!\.)[^/\\\x00-\x1f]{1,128}")

_READERS: Final[Mapping[Column, tuple[str, Callable[[str], Any]]]] = {
    Column.PRODUCT_CODE: ("product_code", code_of),
    Column.SKU_CODE: ("sku_code", code_of),
    Column.TITLE: ("title", one_line(128)),
    Column.CATEGORY: ("category", _category),
    Column.BRAND: ("brand", one_line(64)),
    Column.SPECS: ("specs", _pairs(MOST_SPECS)),
    Column.BARCODE: ("barcode", _barcode),
    Column.PRICE: ("price_fen", money_of),
    Column.UNIT: ("unit", one_line(16)),
    Column.WEIGHT: ("weight_grams", count_of),
    Column.ATTRIBUTES: ("attributes", _pairs(MOST_ATTRIBUTES)),
    Column.DESCRIPTION: ("description", _paragraphs),
    Column.PICTURES: ("pictures", _pictures),
}
