"""`jishi import catalogue` as a shop's clerk runs it: a program, its words and its exit code."""

import asyncio
import csv
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from kit import db
from tests.catalog.sheets import sku_id, store_code
from tests.factories import make_store, stock_of

HEADER = "商品编码,SKU编码,商品名称,分类,规格,条码,售价,图片"


@dataclass
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    """A folder with a sheet in it, and the program to import it."""

    folder: Path
    database: str
    checkout: Path

    def write(self, *lines: str) -> None:
        (self.folder / "goods.csv").write_text("\n".join(lines), "utf-8")

    async def run(self, *options: str, file: str = "goods.csv") -> Ran:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.jishi", "import", "catalogue"),
            *(str(self.folder / file), *options),
            cwd=self.checkout,
            env=kept | {"JISHI_DATA_DIR": str(self.folder / "data"), "DATABASE_URL": self.database},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ran(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def desk(database: str, tmp_path: Path, checkout_dir: Path) -> Desk:
    return Desk(tmp_path, database, checkout_dir)


def picture() -> bytes:
    packed = io.BytesIO()
    Image.new("RGB", (4, 3), "green").save(packed, "PNG")
    return packed.getvalue()


async def test_a_sheet_goes_in_once_however_often_it_is_imported(desk: Desk) -> None:
    store = await make_store()
    code = await store_code(store)
    (desk.folder / "milk.png").write_bytes(picture())
    desk.write(
        f"{HEADER},库存:{code},备注[red]",
        "A1,A1-1,鲜牛奶,乳品/牛奶,容量:500ml,6901234567892,12.90,milk.png,7,x",
        "A1,A1-2,,,容量:1L,,22.90,,,",
    )
    first = await desk.run()
    assert first.code == 0, first.err
    assert "商品 products: 1 新增 created, 0 更新 changed, 0 不变 unchanged" in first.out
    assert "SKU: 2 新增 created" in first.out
    assert "库存 stock: 1 新增 created" in first.out
    assert "备注[red]" in first.err
    assert await stock_of(store, await sku_id("A1-1")) == (7, 0)
    name = await db.value("select pictures ->> 0 from product")
    assert (desk.folder / "data" / "media" / name).read_bytes() == picture()
    again = await desk.run()
    assert again.code == 0
    assert "商品 products: 0 新增 created, 0 更新 changed, 1 不变 unchanged" in again.out
    assert "库存 stock: 0 新增 created, 0 更新 changed, 1 不变 unchanged" in again.out
    assert await db.value("select count(*) from stock_entry") == 1


async def test_every_bad_row_is_told_and_nothing_is_written(desk: Desk) -> None:
    (desk.folder / "bad.png").write_bytes(b"not a picture")
    desk.write(
        HEADER,
        "A1,A1-1,鲜牛奶,乳品,,6901234567892,12.90,",
        "A2,A2-1,酸奶,乳品,,6901234567893,12.9O,",
        "A3,A3-1,黄油,乳品,,,9.90,gone.png;bad.png",
    )
    ran = await desk.run("--report", str(desk.folder / "faults.csv"))
    assert ran.code == 1
    assert "第 3 行 条码: 校验位不对，末位应为 2 / row 3, 条码 has a wrong check digit" in ran.err
    assert "4 处错误，未导入任何内容。" in ran.err
    with (desk.folder / "faults.csv").open(encoding="utf-8-sig", newline="") as report:
        rows = list(csv.reader(report))
    assert rows[0] == ["行", "列", "代码", "原因", "Reason"]
    assert [row[:3] for row in rows[1:]] == [
        ["3", "售价", "not_money"],
        ["3", "条码", "wrong_check_digit"],
        ["4", "图片", "no_picture"],
        ["4", "图片", "bad_picture"],
    ]
    assert await db.value("select count(*) from product") == 0
    assert not (desk.folder / "data" / "media").exists()


async def test_a_clash_with_what_is_stored_is_told_like_any_other(desk: Desk) -> None:
    desk.write(HEADER, "A1,A1-1,鲜牛奶,乳品,,6901234567892,12.90,")
    assert (await desk.run()).code == 0
    desk.write(HEADER, "A1,A1-1,改名,乳品,,,12.90,", "B1,B1-1,酸奶,乳品,,6901234567892,9.90,")
    ran = await desk.run()
    assert ran.code == 1
    assert "第 3 行 条码: 该条码已属于 SKU A1-1" in ran.err
    assert await db.value("select title from product") == "鲜牛奶"


async def test_a_report_holds_nothing_a_spreadsheet_would_run(desk: Desk) -> None:
    desk.write(f"{HEADER},库存:A", "A1,A1-1,奶,乳品,,,1,=1+1.png,1", "A2,A2-1,奶,乳品,,,1,-x.png,1")
    ran = await desk.run("--report", str(desk.folder / "faults.csv"))
    assert ran.code == 1
    with (desk.folder / "faults.csv").open(encoding="utf-8-sig", newline="") as report:
        cells = [cell for row in csv.reader(report) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


async def test_what_is_no_sheet_is_refused_in_both_languages(desk: Desk) -> None:
    (desk.folder / "goods.txt").write_text("x")
    ran = await desk.run(file="goods.txt")
    assert ran.code == 1
    assert "只支持 .xlsx 和 .csv 文件。 / Only .xlsx and .csv files are read." in ran.err
