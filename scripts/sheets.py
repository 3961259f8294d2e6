"""Reading sheets from files: .xlsx and .csv as shops' computers write them, or hostile ones.

What a cell means is told by the sheet's `Form`; this module only gets at the cells, within limits
that no honest sheet meets.
"""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

from commerce.catalog.rules.cells import is_blank
from commerce.catalog.rules.faults import Fault

MOST_BYTES: Final = 50 * 2**20
MOST_UNPACKED: Final = 300 * 2**20  # 200,000 rows of 20 columns are about 160 MB of XML
MOST_PARTS: Final = 1_000
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 300
# A title, a date, a hint to whoever fills it in: the header is not far below.
HEADER_WITHIN: Final = 10
_LAST_SHEET_ROW: Final = 1_048_576

Cells = Sequence[object]
Row = tuple[int, Cells]


class SheetRefused(Exception):
    """The file as a whole cannot be read; says why in Chinese and English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")


class Layout(Protocol):
    """What a header says: meanings by position, and the headers nobody knows."""

    @property
    def meanings(self) -> Mapping[int, object]: ...

    @property
    def unknown(self) -> tuple[str, ...]: ...


SomeLayout = TypeVar("SomeLayout", bound=Layout)
SomeRow = TypeVar("SomeRow")


@dataclass(frozen=True, slots=True)
class Form(Generic[SomeLayout, SomeRow]):
    """What one kind of sheet looks like: the columns it must have, how its header is recognised and
    read, and how a row is; the last two tell what is wrong.
    """

    required: Sequence[str]
    is_header: Callable[[Cells], bool]
    read_layout: Callable[[int, Cells], tuple[SomeLayout, list[Fault]]]
    read_row: Callable[[int, Cells, SomeLayout], SomeRow | list[Fault]]


@dataclass(slots=True)
class Sheet(Generic[SomeRow]):
    """What was read: sound rows, everything wrong with the others, headers nobody knows."""

    rows: list[SomeRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unknown: tuple[str, ...] = ()


def read_sheet(
    path: Path, form: Form[SomeLayout, SomeRow], on_row: Callable[[int], None] = lambda _row: None
) -> Sheet[SomeRow]:
    """Read and check every row of an .xlsx or .csv file; `on_row` hears the number of each.

    Blank rows, and merged ones that only carry a heading, are passed over. At most 200,000 rows,
    300 columns, 50 MB (300 MB unpacked). Raises `SheetRefused` when the file as a whole is no
    sheet of this form.
    """
    if path.stat().st_size > MOST_BYTES:
        raise SheetRefused("文件超过 50 MB。", "The file is larger than 50 MB.")
    match path.suffix.lower():
        case ".xlsx":
            return _read_workbook(path, form, on_row)
        case ".csv":
            return _check(_csv_rows(path.read_bytes(), form), form, on_row)
        case _:
            raise SheetRefused("只支持 .xlsx 和 .csv 文件。", "Only .xlsx and .csv files are read.")


def _check(
    rows: Iterable[Row], form: Form[SomeLayout, SomeRow], on_row: Callable[[int], None]
) -> Sheet[SomeRow]:
    numbered = iter(rows)
    head = next((row for row in islice(numbered, HEADER_WITHIN) if form.is_header(row[1])), None)
    if head is None:
        raise SheetRefused(
            f"前 10 行里找不到表头（需要{'、'.join(form.required)}）。",
            f"No header ({', '.join(form.required)}) within the first 10 rows.",
        )
    layout, faults = form.read_layout(*head)
    sheet: Sheet[SomeRow] = Sheet(faults=faults, unknown=layout.unknown)
    if not faults:
        for number, cells in _written(numbered):
            found = form.read_row(number, cells, layout)
            if isinstance(found, list):
                sheet.faults += found
            else:
                sheet.rows.append(found)
            on_row(number)
    return sheet


def _written(rows: Iterable[Row]) -> Iterator[Row]:
    written = ((number, cells) for number, cells in rows if not is_blank(cells))
    for count, row in enumerate(written, start=1):
        if count > MOST_ROWS:
            raise SheetRefused("超过 200000 行，请分成几个文件。", "More than 200,000 rows.")
        yield row


def _csv_rows(content: bytes, form: Form[Any, Any]) -> Iterator[Row]:
    text = _decode(content)
    delimiter = max(",;\t|", key=lambda mark: _known_columns(text, mark, form))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        # Counted as a spreadsheet would show them: a cell may hold line breaks.
        yield from ((number, _narrow(cells)) for number, cells in enumerate(reader, start=1))
    except csv.Error as error:
        raise SheetRefused(f"CSV 格式有误：{error}", f"Malformed CSV: {error}") from None


def _narrow(cells: Cells) -> Cells:
    if len(cells) > MOST_COLUMNS:
        raise SheetRefused("超过 300 列。", "More than 300 columns.")
    return cells


def _decode(content: bytes) -> str:
    """UTF-8, or the Chinese Windows default; GB18030 also reads GBK and GB2312."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SheetRefused(
        "文件既不是 UTF-8 也不是 GB18030 编码。", "The file is neither UTF-8 nor GB18030."
    )


def _known_columns(text: str, delimiter: str, form: Form[Any, Any]) -> int:
    head = islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), HEADER_WITHIN)
    try:
        return max((len(form.read_layout(1, cells)[0].meanings) for cells in head), default=0)
    except csv.Error:
        return 0


def _read_workbook(
    path: Path, form: Form[SomeLayout, SomeRow], on_row: Callable[[int], None]
) -> Sheet[SomeRow]:
    import openpyxl  # noqa: PLC0415 - a fifth of a second that .csv need not wait for

    _refuse_bombs(path)
    with path.open("rb") as source, warnings.catch_warnings():
        # It warns of charts, validations and styles it leaves out; we only want the cells.
        warnings.simplefilter("ignore")
        try:
            book = openpyxl.load_workbook(source, read_only=True, data_only=False, keep_links=False)
            sheet = next(
                (sheet for sheet in book.worksheets if _has_header(sheet, form)), book.worksheets[0]
            )
            return _check(_sheet_rows(sheet), form, on_row)
        except SheetRefused:
            raise
        except Exception as error:
            raise SheetRefused(
                f"工作簿已损坏（{type(error).__name__}）。",
                f"The workbook is damaged ({type(error).__name__}).",
            ) from error


def _has_header(sheet: Any, form: Form[Any, Any]) -> bool:
    first = sheet.iter_rows(max_row=HEADER_WITHIN, max_col=MOST_COLUMNS, values_only=True)
    return any(form.is_header(cells) for cells in first)


def _sheet_rows(sheet: Any) -> Iterator[Row]:
    merged = _merged_rows(sheet)
    # What a workbook says of its own size may be wrong, or a lie; real rows end at a fixed number.
    sheet.reset_dimensions()
    rows = sheet.iter_rows(max_row=_LAST_SHEET_ROW, max_col=_width(sheet), values_only=True)
    for number, cells in enumerate(rows, start=1):
        if number in merged and sum(cell is not None for cell in cells) <= 1:
            continue
        yield number, cells


def _width(sheet: Any) -> int:
    """Up to the header's last column: what stands right of it means nothing."""
    first = sheet.iter_rows(max_row=HEADER_WITHIN, max_col=MOST_COLUMNS + 1, values_only=True)
    widest = max((_last_cell(cells) for cells in first), default=1)
    if widest > MOST_COLUMNS:
        raise SheetRefused("超过 300 列。", "More than 300 columns.")
    return max(widest, 1)


def _last_cell(cells: Cells) -> int:
    return max((at for at, cell in enumerate(cells, start=1) if cell is not None), default=0)


_MERGE: Final = re.compile(
    rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"'
)


def _merged_rows(sheet: Any) -> frozenset[int]:
    """The rows in which cells are merged side by side: headings between the goods.

    A streamed sheet does not tell: its merges are written after its rows.
    """
    rows: set[int] = set()
    before = b""
    with sheet._get_source() as source:
        while chunk := source.read(2**20):
            for left, top, right, bottom in _MERGE.findall(before + chunk):
                if left != right:
                    rows.update(range(int(top), min(int(bottom), _LAST_SHEET_ROW) + 1))
            before = chunk[-200:]
    return frozenset(rows)


def _refuse_bombs(path: Path) -> None:
    """Sizes as the archive declares them; unpacking stops there, whatever is packed."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise SheetRefused("工作簿解压后过大。", "The workbook unpacks to too much.")
            if any(_declares_entities(archive, part) for part in parts):
                raise SheetRefused("工作簿含有 DTD。", "The workbook has a DTD.")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        raise SheetRefused(
            "不是 .xlsx 工作簿，或有密码保护，请另存为不加密的 .xlsx。",
            "Not an .xlsx workbook, or one with a password; save it as a plain .xlsx.",
        ) from None


def _declares_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """XML that defines entities can grow without end; no spreadsheet program writes a DTD."""
    with archive.open(part) as source:
        head = source.read(2**16)
    return b"<!DOCTYPE" in head.replace(b"\x00", b"")
