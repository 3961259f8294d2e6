"""The sheet of stores: its columns, what their cells mean, and what can be wrong with them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from commerce.catalog.rules import faults as sheet_faults
from commerce.catalog.rules.cells import (
    Wrong,
    code_of,
    count_of,
    money_of,
    one_line,
    plain,
    text_of,
)
from commerce.catalog.rules.faults import Fault
from commerce.catalog.rules.search import fold
from kit.geo import LatLng
from scripts.sheets import Cells, Form, Sheet
from scripts.sheets import read_sheet as read_form
from scripts.stores_area import read_degrees, read_fence, read_point, read_system
from scripts.stores_hours import read_week

LONGEST_PREPARATION: Final = 1440  # minutes


class Column(StrEnum):
    CODE = "门店编码"
    NAME = "门店名称"
    CITY = "城市"
    DISTRICT = "区县"
    ADDRESS = "地址"
    PHONE = "电话"
    LAT = "纬度"
    LNG = "经度"
    SYSTEM = "坐标系"
    HOURS = "营业时间"
    PICKUP = "自提"
    DELIVERY = "配送"
    DELIVERY_FEE = "配送费"
    MINIMUM_ORDER = "起送金额"
    AREA = "配送范围"
    PREPARATION = "备货分钟"


REQUIRED: Final = (
    *(Column.CODE, Column.NAME, Column.CITY, Column.DISTRICT, Column.ADDRESS, Column.PHONE),
    *(Column.LAT, Column.LNG, Column.HOURS),
)

_ALSO: Final[Mapping[Column, str]] = {
    Column.CODE: "门店编号 门店代码",
    Column.NAME: "门店名 店名",
    Column.CITY: "所在城市",
    Column.DISTRICT: "区 区/县 行政区",
    Column.ADDRESS: "门店地址 详细地址",
    Column.PHONE: "联系电话 门店电话",
    Column.LAT: "lat",
    Column.LNG: "lng lon",
    Column.HOURS: "营业时段",
    Column.PICKUP: "支持自提",
    Column.DELIVERY: "支持配送",
    Column.DELIVERY_FEE: "配送费(元)",
    Column.MINIMUM_ORDER: "起送金额(元) 起送价",
    Column.PREPARATION: "备货时间(分钟)",
}
_KNOWN: Final = {
    fold(name): column
    for column in Column
    for name in (column.value, *_ALSO.get(column, "").split())
}

# code: (Chinese, English), beside those that any sheet has (commerce/catalog/rules/faults.py).
_SENTENCES: Final = {
    "not_degrees": (
        "不是十进制度数，例如 31.228474",
        "is not in decimal degrees such as 31.228474",
    ),
    "not_system": ("只能是 GCJ-02、WGS-84 或 BD-09", "must be GCJ-02, WGS-84 or BD-09"),
    "not_in_china": (
        "不在中国境内，纬度和经度是否填反了",
        "is not in China; are latitude and longitude swapped",
    ),
    "not_hours": (
        "格式应为“周一至周五 08:00-12:00 14:00-22:00;周六至周日 09:00-23:00”或“24小时”",
        'must read "周一至周五 08:00-12:00 14:00-22:00;周六至周日 09:00-23:00" or "24小时"',
    ),
    "day_twice": ("{day}出现了两次", "names {day} twice"),
    "hours_overlap": (
        "同一天的时段有重叠，或超过 24 小时",
        "has hours of one day that overlap, or last over 24 hours",
    ),
    "not_yes_or_no": ("只能是“是”或“否”", 'must be "是" or "否"'),
    "not_phone": ("不是电话号码", "is not a phone number"),
    "lost_zero": (
        "像是丢了区号开头的 0，请把该列设为文本后重新填写",
        "seems to have lost the leading 0; format the column as text and type it again",
    ),
    "not_area": (
        "格式应为“3公里”、“经度,纬度;经度,纬度;…”或“无”",
        'must read "3公里", "lng,lat;lng,lat;…" or "无"',
    ),
    "not_radius": ("半径须为 0.1 至 {limit} 公里", "must have a radius of 0.1 to {limit} km"),
    "bad_fence": (
        "不是可用的范围：须为 3 至 200 个不重复的角点，边不相交，离门店不超过 30 公里",
        "is not usable: {reason}",
    ),
    "no_area": (
        "支持配送的门店必须填写，例如“3公里”",
        'is required for a store that delivers, such as "3公里"',
    ),
    "code_twice": ("与第 {other} 行的门店编码重复", "is the code of row {other} too"),
}


@dataclass(frozen=True, slots=True)
class StoreSaid:
    """What a row says of the store `code`: fields of `commerce.stores.actions.StoreRow` by name.

    An empty cell says nothing: what is stored stays.
    """

    row: int
    code: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column stands at which position; `unknown` headers are left out and told."""

    meanings: Mapping[int, Column]
    unknown: tuple[str, ...]


def read_sheet(path: Path) -> Sheet[StoreSaid]:
    """Read and check every row of stores in an .xlsx or .csv file, as `sheets.read_sheet` does."""
    return read_form(path, _STORES)


def fault(row: int, column: Column, code: str, **details: object) -> Fault:
    """The fault `code` at `row` and `column`; `details` fill its sentences."""
    if code not in _SENTENCES:
        return sheet_faults.fault(row, column, code, **details)
    zh, en = _SENTENCES[code]
    return Fault(row, column, code, zh.format_map(details), en.format_map(details))


def _is_header(cells: Iterable[object]) -> bool:
    found = {_meaning(cell) for cell in cells} - {None}
    return {Column.CODE, Column.NAME} <= found or len(found) >= 4


def _read_layout(row: int, cells: Cells) -> tuple[Layout, list[Fault]]:
    named = [(at, cell, _meaning(cell)) for at, cell in enumerate(cells) if _name(cell)]
    meanings = {at: meaning for at, _, meaning in named if meaning is not None}
    unknown = tuple(str(cell).strip() for _, cell, meaning in named if meaning is None)
    times = Counter(meanings.values())
    faults = [fault(row, column, "no_column") for column in REQUIRED if column not in times]
    faults += [fault(row, column, "column_twice") for column, n in times.items() if n > 1]
    return Layout(meanings, unknown), faults


def _meaning(cell: object) -> Column | None:
    return _KNOWN.get(_name(cell))


def _name(cell: object) -> str:
    return fold(cell).replace(" ", "") if isinstance(cell, str) else ""


def _read_row(row: int, cells: Cells, layout: Layout) -> StoreSaid | list[Fault]:
    said: dict[Column, Any] = {}
    faults: list[Fault] = []
    for at, column in layout.meanings.items():
        try:
            text = text_of(cells[at]) if at < len(cells) else None
            if text is not None:
                said[column] = _READERS[column](text)
            else:
                _allow_empty(column)
        except Wrong as wrong:
            faults.append(fault(row, column, wrong.code, **wrong.details))
    # A position is read with its system, an area with the position: only of cells that are sound.
    if not {Column.LAT, Column.LNG, Column.SYSTEM} & {each.column for each in faults}:
        faults += _place(row, said)
    if faults:
        return faults
    fields = {_FIELDS[column]: value for column, value in said.items() if column in _FIELDS}
    return StoreSaid(row, said[Column.CODE], fields)


def _allow_empty(column: Column) -> None:
    if column in REQUIRED:
        raise Wrong("missing")


def _place(row: int, said: dict[Column, Any]) -> list[Fault]:
    """Turn the position and the area of `said` into GCJ-02, or say what is wrong with them."""
    convert = said.get(Column.SYSTEM, LatLng)
    column = Column.LAT
    try:
        point = read_point(said[Column.LAT], said[Column.LNG], convert)
        said |= {Column.LAT: point.lat, Column.LNG: point.lng}
        column = Column.AREA
        if column in said:
            said[column] = read_fence(said[column], point, convert)
    except Wrong as wrong:
        return [fault(row, column, wrong.code, **wrong.details)]
    return []


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(plain(text)):
        raise Wrong("not_phone")
    if _LOST_ZERO.fullmatch(text):
        raise Wrong("lost_zero")
    return text


def _yes_or_no(text: str) -> bool:
    if text not in _YES_OR_NO:
        raise Wrong("not_yes_or_no")
    return _YES_OR_NO[text]


def _preparation(text: str) -> int:
    return count_of(text, LONGEST_PREPARATION)


_PHONE: Final = re.compile(r"(?=.{3,32}$)[0-9+(][0-9() +-]*(?:转[0-9]{1,6})?")
# A spreadsheet takes 02164000000 for a number. National numbers (400, 800, 95) begin without a 0.
_LOST_ZERO: Final = re.compile(r"(?!400|800|95)[2-9][0-9]{8,10}")
_YES_OR_NO: Final = {"是": True, "否": False, "支持": True, "不支持": False}

_READERS: Final[Mapping[Column, Callable[[str], Any]]] = {
    Column.CODE: code_of,
    Column.NAME: one_line(64),
    Column.CITY: one_line(32),
    Column.DISTRICT: one_line(32),
    Column.ADDRESS: one_line(128),
    Column.PHONE: _phone,
    Column.LAT: read_degrees,
    Column.LNG: read_degrees,
    Column.SYSTEM: read_system,
    Column.HOURS: read_week,
    Column.PICKUP: _yes_or_no,
    Column.DELIVERY: _yes_or_no,
    Column.DELIVERY_FEE: money_of,
    Column.MINIMUM_ORDER: money_of,
    Column.AREA: str,
    Column.PREPARATION: _preparation,
}
_FIELDS: Final[Mapping[Column, str]] = {
    Column.NAME: "name",
    Column.CITY: "city",
    Column.DISTRICT: "district",
    Column.ADDRESS: "address",
    Column.PHONE: "phone",
    Column.LAT: "lat",
    Column.LNG: "lng",
    Column.HOURS: "weekly_hours",
    Column.PICKUP: "offers_pickup",
    Column.DELIVERY: "offers_delivery",
    Column.DELIVERY_FEE: "delivery_fee_fen",
    Column.MINIMUM_ORDER: "minimum_order_fen",
    Column.AREA: "fence",
    Column.PREPARATION: "preparation_minutes",
}
_STORES: Final[Form[Layout, StoreSaid]] = Form(REQUIRED, _is_header, _read_layout, _read_row)
