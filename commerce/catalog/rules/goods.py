"""From sheet rows to products with their SKUs: what the rows say together, over what is stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from commerce.catalog.rules.columns import Column
from commerce.catalog.rules.faults import Fault, fault
from commerce.catalog.rules.rows import CatalogueRow
from commerce.catalog.rules.search import search_keys
from kit.money import Fen

LONGEST_CODE: Final = 32


@dataclass(frozen=True, slots=True)
class Axis:
    """One line of the SKU matrix: 口味 with 原味, 草莓."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredSku:
    code: str
    specs: Mapping[str, str]
    barcode: str | None
    weight_grams: int


@dataclass(frozen=True, slots=True)
class StoredProduct:
    """A product as the database has it, with all its SKUs."""

    code: str
    title: str
    category: tuple[str, ...]
    brand: str
    unit: str
    description: str
    attributes: Mapping[str, str]
    pictures: tuple[str, ...]
    axes: tuple[Axis, ...]
    skus: tuple[StoredSku, ...]


@dataclass(frozen=True, slots=True)
class SheetSku:
    """One SKU to be written; `said` is the row it comes from."""

    said: CatalogueRow
    code: str
    specs: Mapping[str, str]
    barcode: str | None
    weight_grams: int
    price_fen: Fen


@dataclass(frozen=True, slots=True)
class Goods:
    """One product to be written, with the SKUs of the sheet; every gap is filled."""

    code: str
    title: str
    category: tuple[str, ...]
    skus: tuple[SheetSku, ...]
    kept: tuple[StoredSku, ...]
    axes: tuple[Axis, ...] = ()
    brand: str = ""
    unit: str = "件"
    description: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()

    def search_keys(self) -> str:
        every: list[SheetSku | StoredSku] = [*self.skus, *self.kept]
        barcodes = (sku.barcode for sku in every if sku.barcode)
        codes = (self.code, *(sku.code for sku in every), *barcodes)
        return search_keys(self.title, self.brand, category=self.category, codes=codes)


def gather(
    rows: Iterable[CatalogueRow], stored: Mapping[str, StoredProduct]
) -> tuple[list[Goods], list[Fault]]:
    """The products that `rows` describe over what is `stored` (by product code), and every clash.

    A row without SKU code means the stored SKU with the same specs, or a new one that gets the
    product's code and the next free number ("A1001-01"), so that the same sheet means the same
    SKUs again.
    """
    groups: dict[str, list[CatalogueRow]] = {}
    for row in rows:
        groups.setdefault(row.product_code, []).append(row)
    faults = [each for group in groups.values() for each in _disagreements(group)]
    goods = []
    for code, group in groups.items():
        found = stored.get(code)
        faults += _absences(group, found)
        skus = _name_skus(group, found)
        named = {sku.code for sku in skus}
        kept = tuple(sku for sku in found.skus if sku.code not in named) if found else ()
        faults += _spec_clashes(skus, kept)
        goods.append(_fill(group, found, skus=skus, kept=kept))
    return goods, faults + _repeats(goods)


def clashes(
    goods: Iterable[Goods], products: Mapping[str, str], barcodes: Mapping[str, str]
) -> list[Fault]:
    """SKU codes and barcodes that others have: stored SKU code -> product, barcode -> SKU code."""
    faults = []
    for product in goods:
        for sku in product.skus:
            owner = products.get(sku.code, product.code)
            if owner != product.code:
                faults.append(fault(sku.said.row, Column.SKU_CODE, "sku_elsewhere", product=owner))
            holder = barcodes.get(sku.barcode or "", sku.code)
            if holder != sku.code:
                faults.append(fault(sku.said.row, Column.BARCODE, "barcode_elsewhere", sku=holder))
    return faults


_OF_PRODUCT: Final = {
    "title": Column.TITLE,
    "category": Column.CATEGORY,
    "brand": Column.BRAND,
    "unit": Column.UNIT,
    "description": Column.DESCRIPTION,
    "attributes": Column.ATTRIBUTES,
    "pictures": Column.PICTURES,
}


def _first_said(group: Sequence[CatalogueRow], name: str) -> tuple[Any, int]:
    """What the first row that says anything of `name` says, and its number."""
    said = ((getattr(row, name), row.row) for row in group)
    return next((each for each in said if each[0] is not None), (None, 0))


def _disagreements(group: Sequence[CatalogueRow]) -> list[Fault]:
    if len(group) == 1:
        return []
    faults = []
    for name, column in _OF_PRODUCT.items():
        first, other = _first_said(group, name)
        faults += [
            fault(row.row, column, "differs", other=other)
            for row in group
            if getattr(row, name) not in (None, first)
        ]
    return faults


def _absences(group: Sequence[CatalogueRow], found: StoredProduct | None) -> list[Fault]:
    if found:
        return []
    return [
        fault(group[0].row, _OF_PRODUCT[name], "missing")
        for name in ("title", "category")
        if _first_said(group, name)[0] is None
    ]


def _name_skus(group: Sequence[CatalogueRow], found: StoredProduct | None) -> tuple[SheetSku, ...]:
    stored = {sku.code: sku for sku in found.skus} if found else {}
    by_specs = {_matrix_cell(sku.specs): sku.code for sku in stored.values()}
    taken = stored.keys() | {row.sku_code for row in group}
    numbers = (f"{group[0].product_code}-{number:02d}" for number in count(1))
    free = (code for code in numbers if code not in taken)
    skus = []
    for row in group:
        code = row.sku_code or by_specs.get(_matrix_cell(row.specs or {})) or next(free)
        was = stored.get(code, StoredSku(code, {}, None, 0))
        skus.append(
            SheetSku(
                said=row,
                code=code,
                specs=was.specs if row.specs is None else row.specs,
                barcode=row.barcode or was.barcode,
                weight_grams=was.weight_grams if row.weight_grams is None else row.weight_grams,
                price_fen=row.price_fen,
            )
        )
    return tuple(skus)


def _matrix_cell(specs: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(specs.items())


def _spec_clashes(skus: Sequence[SheetSku], kept: Sequence[StoredSku]) -> list[Fault]:
    names = list(kept[0].specs if kept else skus[0].specs)
    cells = {_matrix_cell(sku.specs): sku.code for sku in kept}
    faults = []
    for sku in skus:
        if sku.specs.keys() != set(names):
            faults.append(
                fault(sku.said.row, Column.SPECS, "specs_differ", axes="、".join(names) or "-")
            )
        other = cells.setdefault(_matrix_cell(sku.specs), sku.code)
        if other != sku.code:
            faults.append(fault(sku.said.row, Column.SPECS, "specs_twice", other=other))
    return faults


def _repeats(goods: Sequence[Goods]) -> list[Fault]:
    codes: dict[str, int] = {}
    barcodes: dict[str, int] = {}
    faults = []
    for sku in (sku for product in goods for sku in product.skus):
        row = sku.said.row
        if len(sku.code) > LONGEST_CODE:
            faults.append(fault(row, Column.SKU_CODE, "too_long", limit=LONGEST_CODE))
        if (other := codes.setdefault(sku.code, row)) != row:
            faults.append(fault(row, Column.SKU_CODE, "sku_twice", other=other))
        elif sku.barcode and (other := barcodes.setdefault(sku.barcode, row)) != row:
            faults.append(fault(row, Column.BARCODE, "barcode_twice", other=other))
    return faults


def _fill(
    group: Sequence[CatalogueRow],
    found: StoredProduct | None,
    *,
    skus: tuple[SheetSku, ...],
    kept: tuple[StoredSku, ...],
) -> Goods:
    """The product as it will be: what the rows say, else what is stored, else the default."""
    said = {name: _first_said(group, name)[0] for name in _OF_PRODUCT}
    filled = {name: value for name, value in said.items() if value is not None}
    if found:
        filled = {name: getattr(found, name) for name in _OF_PRODUCT} | filled
    axes = _axes(
        found.axes if found else (), [*(sku.specs for sku in kept), *(sku.specs for sku in skus)]
    )
    filled = {"title": "", "category": ()} | filled
    return Goods(code=group[0].product_code, skus=skus, kept=kept, axes=axes, **filled)


def _axes(stored: Sequence[Axis], every: Sequence[Mapping[str, str]]) -> tuple[Axis, ...]:
    """The matrix' axes: names and values in their stored order, new ones as the sheet has them."""
    names = dict.fromkeys([axis.name for axis in stored if axis.name in every[0]])
    names |= dict.fromkeys(every[0])
    known = {axis.name: axis.values for axis in stored}
    axes = []
    for name in names:
        used = dict.fromkeys(specs[name] for specs in every if name in specs)
        ordered = dict.fromkeys(value for value in known.get(name, ()) if value in used) | used
        axes.append(Axis(name, tuple(ordered)))
    return tuple(axes)
