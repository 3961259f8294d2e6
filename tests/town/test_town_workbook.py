"""Catalogue sheets: what a shop would hand in, in both formats."""

import csv
from itertools import zip_longest
from pathlib import Path

import pytest
from openpyxl import load_workbook

from scripts.town.town import Town
from scripts.town.workbook import GOODS_HEADER, big_workbook, write_workbook

SMALL = 700  # more than one round of the catalogue


def read_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_a_csv_has_one_row_per_sku_with_prices_in_yuan(town: Town, tmp_path: Path) -> None:
    path = tmp_path / "目录.csv"
    stores = [store.code for store in town.stores[:2]]
    written = write_workbook(town, path, stores=stores)
    header, *rows = read_csv(path)
    assert header == [*GOODS_HEADER, f"库存:{stores[0]}", f"库存:{stores[1]}"]
    assert len(rows) == written == sum(len(product.skus) for product in town.products)
    first = dict(zip(header, rows[0], strict=True))
    assert first["商品名称"] == "烟台红富士苹果"
    assert first["分类"] == "水果/苹果梨"
    assert first["规格"] == "规格:4个装"
    assert first["售价"] == "15.90"
    assert first["属性"].startswith("产地:山东烟台;保质期:15天")
    counted = {row[1]: row[12] for row in rows}
    for sku, count in counted.items():
        assert count == str(town.stock.get((stores[0], sku), ""))


def test_a_workbook_keeps_barcodes_as_text_and_prices_as_numbers(
    town: Town, tmp_path: Path
) -> None:
    path = tmp_path / "catalogue.xlsx"
    store = next(iter(town.store_prices))[0]
    write_workbook(town, path, stores=[store], with_prices=True)
    book = load_workbook(path, read_only=True)
    header, *rows = book.active.iter_rows(values_only=True)
    book.close()
    assert header[-2:] == (f"库存:{store}", f"价格:{store}")
    for row in rows:
        named = dict(zip_longest(header, row))  # empty cells at the end of a row are not there
        assert isinstance(named["条码"], str)
        assert isinstance(named["重量(克)"], int)
        own = town.store_prices.get((store, named["SKU编码"]))
        assert named[f"价格:{store}"] == (own / 100 if own else None)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_big_sheet_has_as_many_different_skus_as_asked(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"big{suffix}"
    assert big_workbook(path, skus=SMALL, stores=["SH001"]) == SMALL
    if suffix == ".csv":
        _, *rows = read_csv(path)
    else:
        book = load_workbook(path, read_only=True)
        _, *rows = book.active.iter_rows(values_only=True)
        book.close()
    assert len(rows) == SMALL
    for column in (1, 6):  # SKU codes and barcodes
        assert len({row[column] for row in rows}) == SMALL
    titles = {row[0]: row[2] for row in rows}
    assert all(titles[row[0]] == row[2] for row in rows)


def test_the_same_big_sheet_comes_out_twice(tmp_path: Path) -> None:
    big_workbook(tmp_path / "one.csv", skus=SMALL)
    big_workbook(tmp_path / "two.csv", skus=SMALL)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_another_suffix_is_refused(town: Town, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="catalogue sheet"):
        write_workbook(town, tmp_path / "catalogue.ods")
