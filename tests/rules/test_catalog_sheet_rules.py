"""Cells of a sheet, one by one: what is read, what is refused and why."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from commerce.catalog.rules.barcodes import check_digit, is_barcode, missing_check_digit
from commerce.catalog.rules.cells import is_blank
from commerce.catalog.rules.columns import Column, StoreColumn, is_header, read_layout
from commerce.catalog.rules.faults import Fault, fault
from commerce.catalog.rules.rows import CatalogueRow, read_row

SOUND = {"商品编码": "A1", "商品名称": "鲜牛奶", "分类": "乳品/牛奶", "售价": "12.90"}


def read(**cells: object) -> CatalogueRow | list[Fault]:
    """One row: sound cells, and those given (`库存_S1` stands for `库存:S1`)."""
    said = SOUND | {name.replace("_", ":"): cell for name, cell in cells.items()}
    layout, faults = read_layout(1, list(said))
    assert faults == []
    assert layout.unknown == ()
    return read_row(7, list(said.values()), layout)


def value(column: str, cell: object) -> Any:
    row = read(**{column: cell})
    assert isinstance(row, CatalogueRow), row
    return row


def code(column: str, cell: object) -> str:
    faults = read(**{column: cell})
    assert isinstance(faults, list), faults
    assert [(each.row, each.column) for each in faults] == [(7, column.replace("_", ":"))]
    return faults[0].code


@pytest.mark.parametrize(
    ("barcode", "right"),
    [("6901234567892", "2"), ("4006381333931", "1"), ("96385074", "4"), ("73513537", "7")],
)
def test_check_digits_follow_gs1(barcode: str, right: str) -> None:
    assert check_digit(barcode[:-1]) == right
    assert missing_check_digit(barcode) is None
    wrong = barcode[:-1] + str((int(right) + 1) % 10)
    assert missing_check_digit(wrong) == right


def test_a_shops_own_number_has_no_check_digit() -> None:
    assert is_barcode("200012345678")
    assert missing_check_digit("200012345678") is None
    assert not is_barcode("1234567")
    assert not is_barcode("１２３４５６７８")


def test_a_header_is_known_by_its_names_in_any_order_and_spelling() -> None:
    header = ["图片 ", "重量（克）", "SKU 编码", "价格", "品名", "货号", "类目", "备注", None]
    layout, faults = read_layout(3, header)
    assert faults == []
    assert layout.unknown == ("备注",)
    assert list(layout.meanings.values()) == [
        *(Column.PICTURES, Column.WEIGHT, Column.SKU_CODE),
        *(Column.PRICE, Column.TITLE, Column.PRODUCT_CODE, Column.CATEGORY),
    ]


def test_store_columns_name_their_store_as_typed() -> None:
    layout, _ = read_layout(1, [*SOUND, "库存:Sh01", "价格：Sh01", "售价:B2", "库存:", "库存"])
    assert list(layout.meanings.values())[len(SOUND) :] == [
        StoreColumn("库存", "Sh01"),
        StoreColumn("价格", "Sh01"),
        StoreColumn("价格", "B2"),
    ]
    assert layout.unknown == ("库存:", "库存")


def test_absent_and_repeated_columns_are_faults() -> None:
    _, faults = read_layout(2, ["商品编码", "商品名称", "名称", "库存:A", "库存:A"])
    assert [(each.row, each.column, each.code) for each in faults] == [
        (2, "分类", "no_column"),
        (2, "售价", "no_column"),
        (2, "商品名称", "column_twice"),
        (2, "库存:A", "column_twice"),
    ]


@pytest.mark.parametrize(
    ("cells", "is_one"),
    [
        (["商品编码", "商品名称"], True),
        (["sku", "品牌", "单位", "价格"], True),
        (["三月新品"], False),
        (["商品编码", 1, None], False),
        ([], False),
    ],
)
def test_a_header_is_told_from_a_title(cells: list[object], is_one: bool) -> None:
    assert is_header(cells) is is_one


def test_a_row_says_what_its_cells_say_and_nothing_of_empty_ones() -> None:
    row = read(
        SKU编码="A1-1",
        品牌=" 晨 野 ",
        规格="口味：原味；容量: 500ml",
        条码=6901234567892,
        单位=None,
        重量="500",
        属性="产地:山东;保质期:12个月;",
        描述="低温\r\n发酵",
        图片="a.png;b.jpg;a.png",
        库存_S1=12.0,
        价格_S1=11.9,
        库存_S2=" ",
    )
    assert row == CatalogueRow(
        row=7,
        product_code="A1",
        sku_code="A1-1",
        title="鲜牛奶",
        category=("乳品", "牛奶"),
        brand="晨 野",
        specs={"口味": "原味", "容量": "500ml"},
        barcode="6901234567892",
        price_fen=1290,
        weight_grams=500,
        attributes={"产地": "山东", "保质期": "12个月"},
        description="低温\n发酵",
        pictures=("a.png", "b.jpg"),
        stock={"S1": 12},
        prices={"S1": 1190},
    )


@pytest.mark.parametrize(
    ("cell", "fen"),
    [("12.90", 1290), (12.9, 1290), (36.300000000000004, 3630), (0, 0), ("0.05", 5), (8, 800)],
)
def test_prices_may_be_text_or_the_numbers_spreadsheets_keep(cell: object, fen: int) -> None:
    assert value("售价", cell).price_fen == fen


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("售价", None, "missing"),
        ("售价", " ", "missing"),
        ("商品编码", "", "missing"),
        ("售价", "1,299.00", "not_money"),
        ("售价", "¥12.90", "not_money"),
        ("售价", "12.905", "not_money"),
        ("售价", 12.905, "not_money"),
        ("售价", -1, "not_money"),
        ("售价", "1２.90", "full_width"),
        ("售价", "12。90", "not_money"),
        ("售价", 1e16, "scientific"),
        ("售价", "=B2*2", "formula"),
        ("售价", object(), "formula"),
        ("售价", "#N/A", "cell_error"),
        ("售价", True, "wrong_kind"),
        ("售价", datetime(2026, 1, 1, tzinfo=UTC), "wrong_kind"),
        ("规格", date(2026, 1, 12), "wrong_kind"),
        ("规格", time(1, 12), "wrong_kind"),
        ("规格", timedelta(1), "wrong_kind"),
        ("商品编码", "A 1", "not_code"),
        ("商品编码", "商1", "not_code"),
        ("商品编码", "-A1", "not_code"),
        ("商品编码", "A" * 33, "not_code"),
        ("商品编码", "Ａ１", "full_width"),
        ("SKU编码", "6.9E+12", "scientific"),
        ("条码", "6.90123E+12", "scientific"),
        ("条码", 6.90123e20, "scientific"),
        ("条码", "6901234567893", "wrong_check_digit"),
        ("条码", "6901230000000", "rounded"),
        ("条码", 6901230000000, "rounded"),
        ("条码", "69012345", "wrong_check_digit"),
        ("条码", "1234567", "not_barcode"),
        ("条码", "６９０１２３４５６７８９２", "full_width"),
        ("条码", 690.5, "not_barcode"),
        ("重量(克)", "1.5", "not_count"),
        ("重量(克)", "-5", "not_count"),
        ("重量(克)", "007", "not_count"),
        ("库存_S1", "1000001", "not_count"),
        ("库存_S1", "十", "not_count"),
        ("价格_S1", "12元", "not_money"),
        ("商品名称", "牛奶\x07", "control_character"),
        ("商品名称", "牛" * 129, "too_long"),
        ("描述", "好" * 2001, "too_long"),
        ("分类", "一/二/三/四/五", "not_category"),
        ("分类", "水果//苹果", "not_category"),
        ("分类", "水" * 33, "not_category"),
        ("分类", "水\x01果", "control_character"),
        ("规格", "原味", "not_pairs"),
        ("规格", "口味:", "not_pairs"),
        ("规格", ":原味", "not_pairs"),
        ("规格", "口味:原味;口味:草莓", "not_pairs"),
        ("规格", f"口味:{'原' * 65}", "not_pairs"),
        ("规格", ";".join(f"{n}:1" for n in range(6)), "too_many"),
        ("属性", ";".join(f"{n}:1" for n in range(21)), "too_many"),
        ("图片", "../secret.png", "no_picture"),
        ("图片", "https://example.com/a.png", "no_picture"),
        ("图片", ".hidden", "no_picture"),
        ("图片", ";".join(f"{n}.png" for n in range(10)), "too_many"),
    ],
)
def test_what_cannot_be_meant_is_refused(column: str, cell: object, why: str) -> None:
    assert code(column, cell) == why


def test_every_bad_cell_of_a_row_is_told() -> None:
    faults = read(售价="x", 条码="1", 库存_S1="-1")
    assert isinstance(faults, list)
    assert [each.column for each in faults] == ["售价", "条码", "库存:S1"]


def test_a_row_may_end_before_the_header_does() -> None:
    layout, _ = read_layout(1, [*SOUND, "品牌"])
    row = read_row(2, list(SOUND.values()), layout)
    assert isinstance(row, CatalogueRow)
    assert row.brand is None


def test_a_barcode_keeps_the_zeros_a_number_would_lose() -> None:
    assert value("条码", "0012345678905").barcode == "0012345678905"


def test_blank_rows_are_recognised() -> None:
    assert is_blank([None, "", "  "])
    assert not is_blank([None, 0])


def test_a_fault_says_why_in_both_languages() -> None:
    told = fault(3, "条码", "wrong_check_digit", expected="2")
    assert told == Fault(
        3,
        "条码",
        "wrong_check_digit",
        "校验位不对，末位应为 2",
        "has a wrong check digit; the last one should be 2",
    )
