"""Sheets as files: workbooks and CSV of every make, honest or hostile."""

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.formula import ArrayFormula

from commerce.catalog.rules.rows import CatalogueRow
from scripts import sheets
from scripts.catalogue_sheet import read_sheet
from scripts.sheets import Sheet, SheetRefused

HEADER = ["商品编码", "商品名称", "分类", "售价", "条码", "备注"]
MILK: list[Any] = ["A1", "鲜牛奶", "乳品/牛奶", 12.9, "6901234567892", "x"]


def workbook(path: Path, *rows: list[Any], merge: str | None = None) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    if merge:
        book.active.merge_cells(merge)
    book.save(path)
    return path


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def told(sheet: Sheet[CatalogueRow]) -> list[tuple[int, str, str]]:
    return [(each.row, str(each.column), each.code) for each in sheet.faults]


@pytest.fixture
def xlsx(tmp_path: Path) -> Path:
    return tmp_path / "goods.xlsx"


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    return tmp_path / "goods.csv"


def test_a_workbook_is_read_below_its_title_and_unknown_columns_are_told(xlsx: Path) -> None:
    sheet = read_sheet(workbook(xlsx, ["三月新品"], [], HEADER, MILK, [None] * 6, MILK))
    assert [(row.row, row.title, row.price_fen) for row in sheet.rows] == [
        (4, "鲜牛奶", 1290),
        (6, "鲜牛奶", 1290),
    ]
    assert sheet.rows[0].barcode == "6901234567892"
    assert sheet.unknown == ("备注",)
    assert sheet.faults == []


def test_headings_merged_across_are_passed_over_but_goods_in_such_rows_are_not(xlsx: Path) -> None:
    rows = (HEADER, ["水果类"], MILK, ["A2", "梨", "水果", 5])
    sheet = read_sheet(workbook(xlsx, *rows, merge="A2:F2"))
    assert [row.row for row in sheet.rows] == [3, 4]
    assert told(sheet) == []
    sheet = read_sheet(workbook(xlsx, *rows, merge="E4:F4"))
    assert [row.row for row in sheet.rows] == [3, 4]
    assert told(sheet) == [(2, "商品编码", "not_code"), (2, "售价", "missing")]


def test_a_sheet_of_instructions_before_the_goods_is_passed_over(xlsx: Path) -> None:
    book = Workbook()
    book.active.append(["填写说明"])
    goods = book.create_sheet("商品")
    goods.append(HEADER)
    goods.append(MILK)
    book.save(xlsx)
    assert [row.product_code for row in read_sheet(xlsx).rows] == ["A1"]


def test_formulas_are_refused_wherever_they_are(xlsx: Path) -> None:
    book = Workbook()
    book.active.append(HEADER)
    book.active.append(["A1", "鲜牛奶", "乳品", "=1+2"])
    book.active.append(["A2", '=HYPERLINK("http://x","y")', "乳品", 1])
    book.active.append(["A3", "梨", "水果", 1])
    book.active["D4"] = ArrayFormula("D4", "=SUM(1,2)")
    book.save(xlsx)
    assert told(read_sheet(xlsx)) == [
        (2, "售价", "formula"),
        (3, "商品名称", "formula"),
        (4, "售价", "formula"),
    ]


def test_barcodes_kept_as_numbers_are_read_and_rounded_ones_refused(xlsx: Path) -> None:
    rows = [["A1", "奶", "乳品", 1, 6901234567892], ["A2", "梨", "水果", 1, 6.90123e12]]
    sheet = read_sheet(workbook(xlsx, HEADER, *rows))
    assert [row.barcode for row in sheet.rows] == ["6901234567892"]
    assert told(sheet) == [(3, "条码", "rounded")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_of_every_make_is_read(flat: Path, encoding: str, delimiter: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([HEADER, ["A1", "鲜牛奶,大瓶;盒\n装", "乳品", "12.90", "6901234567892", ""]])
    sheet = read_sheet(table(flat, text.getvalue() + "\r\n", encoding))
    assert [(row.row, row.title) for row in sheet.rows] == [(2, "鲜牛奶,大瓶;盒 装")]


def test_csv_rows_count_as_a_spreadsheet_shows_them(flat: Path) -> None:
    lines = [",".join(HEADER), '"A1","两\n行",乳品,1,,', "", "A2,梨,水果,x,6.90123E+12,"]
    sheet = read_sheet(table(flat, "\n".join(lines)))
    assert [row.row for row in sheet.rows] == [2]
    assert told(sheet) == [(4, "售价", "not_money"), (4, "条码", "scientific")]


def test_csv_formulas_are_refused(flat: Path) -> None:
    sheet = read_sheet(table(flat, f"{','.join(HEADER)}\nA1,=cmd|' /C calc'!A0,乳品,1,,"))
    assert told(sheet) == [(2, "商品名称", "formula")]


def test_absent_columns_are_told_before_any_row(xlsx: Path) -> None:
    sheet = read_sheet(workbook(xlsx, ["商品编码", "商品名称", "售价"], ["?", "?", "?"]))
    assert told(sheet) == [(1, "分类", "no_column")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0 a password"),
        ("a.xlsx", b""),
        ("a.csv", b""),
        ("a.csv", b"a,b\n1,2\n"),
        ("a.csv", b"\xff\xff\xff"),
        ("a.csv", (",".join(HEADER) + "\n" + "x" * 200_000).encode()),
        ("a.csv", ("商品编码,商品名称" + "," * 400).encode()),
    ],
    ids=["old", "locked", "empty", "empty csv", "no header", "bytes", "long cell", "wide"],
)
def test_what_is_no_catalogue_sheet_is_refused_whole(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SheetRefused):
        read_sheet(path)


def repack(path: Path, part: str, change: Any) -> Path:
    """The same workbook with one of its parts altered."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    xlsx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repack(workbook(xlsx, HEADER, MILK), SHEET, lambda xml: xml + b" " * 2**20)
    assert xlsx.stat().st_size < 2**16
    assert len(read_sheet(xlsx).rows) == 1
    monkeypatch.setattr(sheets, "MOST_UNPACKED", 2**20)
    with pytest.raises(SheetRefused, match="unpacks to too much"):
        read_sheet(xlsx)


def test_a_workbook_of_too_many_parts_is_refused(xlsx: Path) -> None:
    workbook(xlsx, HEADER, MILK)
    with zipfile.ZipFile(xlsx, "a") as archive:
        for number in range(sheets.MOST_PARTS):
            archive.writestr(f"x/{number}", b"")
    with pytest.raises(SheetRefused, match="unpacks to too much"):
        read_sheet(xlsx)


def test_a_workbook_that_declares_entities_is_refused(xlsx: Path) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>'
    repack(workbook(xlsx, HEADER, MILK), SHEET, lambda xml: bomb + xml)
    with pytest.raises(SheetRefused, match="DTD"):
        read_sheet(xlsx)


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: xml[: len(xml) // 2],
        lambda xml: xml.replace(b'r="A1"', b'r="!!"'),
        lambda xml: b"",
    ],
    ids=["torn", "odd place", "nothing"],
)
def test_a_damaged_workbook_is_refused(xlsx: Path, change: Any) -> None:
    repack(workbook(xlsx, HEADER, MILK), SHEET, change)
    with pytest.raises(SheetRefused, match="damaged"):
        read_sheet(xlsx)


def test_a_workbook_that_lies_about_its_size_is_read_all_the_same(xlsx: Path) -> None:
    def lie(xml: bytes) -> bytes:
        return xml.replace(b'ref="A1:F2"', b'ref="A1:A1"')

    assert len(read_sheet(repack(workbook(xlsx, HEADER, MILK), SHEET, lie)).rows) == 1


def test_a_cell_far_out_costs_nothing(xlsx: Path) -> None:
    book = Workbook()
    book.active.append(HEADER)
    book.active.append(MILK)
    book.active.cell(1_048_576, 16_384, "here")
    book.save(xlsx)
    assert len(read_sheet(xlsx).rows) == 1


def test_more_rows_than_a_shop_has_are_refused(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_ROWS", 3)
    lines = [",".join(HEADER), *(f"A{n},奶,乳品,1,," for n in range(4))]
    with pytest.raises(SheetRefused, match="200,000"):
        read_sheet(table(flat, "\n".join(lines)))


def test_a_large_file_is_not_even_opened(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_BYTES", 10)
    with pytest.raises(SheetRefused, match="50 MB"):
        read_sheet(table(flat, ",".join(HEADER)))
