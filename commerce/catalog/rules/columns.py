"""The header of a catalogue sheet: which column says what."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from commerce.catalog.rules.faults import Fault, fault
from commerce.catalog.rules.search import fold


class Column(StrEnum):
    """The columns by their Chinese names; `PRODUCT_CODE`, `TITLE`, `CATEGORY`, `PRICE` must be there."""

    PRODUCT_CODE = "商品编码"
    SKU_CODE = "SKU编码"
    TITLE = "商品名称"
    CATEGORY = "分类"
    BRAND = "品牌"
    SPECS = "规格"
    BARCODE = "条码"
    PRICE = "售价"
    UNIT = "单位"
    WEIGHT = "重量(克)"
    ATTRIBUTES = "属性"
    DESCRIPTION = "描述"
    PICTURES = "图片"


REQUIRED: Final = (Column.PRODUCT_CODE, Column.TITLE, Column.CATEGORY, Column.PRICE)

# What cash registers and marketplaces call the same columns in their exports.
_ALSO: Final[Mapping[Column, str]] = {
    Column.PRODUCT_CODE: "商品编号 商品货号 货号 商品代码 spu编码 spu",
    Column.SKU_CODE: "sku sku编号 规格编码 sku代码",
    Column.TITLE: "名称 商品标题 品名 标题",
    Column.CATEGORY: "类目 商品分类 商品类目 分类路径",
    Column.BRAND: "商品品牌 品牌名称",
    Column.SPECS: "规格值 销售规格 商品规格",
    Column.BARCODE: "条形码 商品条码 国际条码 69码",
    Column.PRICE: "价格 售价(元) 价格(元) 零售价 销售价 单价",
    Column.UNIT: "计量单位 销售单位",
    Column.WEIGHT: "重量 重量(g) 净重(克)",
    Column.ATTRIBUTES: "商品属性 参数",
    Column.DESCRIPTION: "商品描述 详情 介绍",
    Column.PICTURES: "商品图片 主图 图片文件",
}
_KNOWN: Final = {
    fold(name): column for column in Column for name in (column.value, *_ALSO[column].split())
}


@dataclass(frozen=True, slots=True)
class StoreColumn:
    """A column of one store: "库存:SH01" (goods counted there) or "价格:SH01" (its own price)."""

    kind: str
    store: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.store}"


STOCK: Final = "库存"
STORE_PRICE: Final = "价格"
_OF_STORE: Final = {"库存": STOCK, "数量": STOCK, "价格": STORE_PRICE, "售价": STORE_PRICE}

Meaning = Column | StoreColumn


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands at which position; `unknown` headers are left out and told."""

    meanings: Mapping[int, Meaning]
    unknown: tuple[str, ...] = ()


def is_header(cells: Iterable[object]) -> bool:
    """Whether this row names the columns: product codes and titles, or at least four known names.

    A sheet may begin with a title, a date or a blank row.
    """
    found = {_meaning(cell) for cell in cells} - {None}
    return {Column.PRODUCT_CODE, Column.TITLE} <= found or len(found) >= 4


def read_layout(row: int, cells: Sequence[object]) -> tuple[Layout, list[Fault]]:
    """What the header at `row` says, and what is wrong with it (columns absent or repeated)."""
    named = [(at, cell, _meaning(cell)) for at, cell in enumerate(cells) if _name(cell)]
    meanings = {at: meaning for at, _, meaning in named if meaning is not None}
    unknown = tuple(str(cell).strip() for _, cell, meaning in named if meaning is None)
    times = Counter(meanings.values())
    faults = [fault(row, str(column), "no_column") for column in REQUIRED if column not in times]
    faults += [fault(row, str(twice), "column_twice") for twice, n in times.items() if n > 1]
    return Layout(meanings, unknown), faults


def _meaning(cell: object) -> Meaning | None:
    name = _name(cell)
    kind, _, folded_store = name.partition(":")
    if folded_store and kind in _OF_STORE:
        # The store's code as it was typed: codes keep their case.
        return StoreColumn(_OF_STORE[kind], re.split("[:：]", str(cell), maxsplit=1)[1].strip())
    return _KNOWN.get(name)


def _name(cell: object) -> str:
    return fold(cell).replace(" ", "") if isinstance(cell, str) else ""
