"""Bring stores, goods, prices and stock in from spreadsheets."""

import asyncio
import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

if TYPE_CHECKING:
    from commerce.catalog.loading import LoadReport, Tally
    from commerce.catalog.rules.faults import Fault
    from config.settings import Settings

# What fits on a screen; --report has them all.
SHOWN_FAULTS: Final = 30

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

_report = click.option(
    "--report", type=click.Path(path_type=Path), help="Write all faults to this .csv."
)
_database = click.option(
    "--database-url", help="Another database than DATABASE_URL or the embedded one."
)


@click.group("import")
def command() -> None:
    """Bring stores, goods, prices and stock in from spreadsheets."""


@command.command()
@click.argument("file", type=_FILE)
@click.option("--pictures", type=_FOLDER, help="Folder of the picture files; by default FILE's.")
@_report
@_database
def catalogue(
    file: Path, pictures: Path | None, report: Path | None, database_url: str | None
) -> None:
    """Import a catalogue sheet (.xlsx or .csv): one row per SKU, Chinese headers, prices in yuan.

    Columns: 商品编码, SKU编码, 商品名称, 分类 (水果/苹果), 品牌, 规格 (口味:原味;容量:500ml), 条码, 售价,
    单位, 重量(克), 属性 (产地:山东;保质期:12个月), 描述, 图片; per store 库存:CODE (what was counted there)
    and 价格:CODE (its own price). An empty cell leaves what is stored.

    All rows are checked first: one bad row, and nothing is written. At most 200,000 rows and 50 MB.
    """
    outcome = _import(file, pictures or file.parent, _settings(database_url))
    if isinstance(outcome, list):
        _refuse(outcome, report)
    _finish(
        {
            "商品 products": outcome.products,
            "SKU": outcome.skus,
            "门店价格 store prices": outcome.prices,
            "库存 stock": outcome.stock,
        },
        report,
    )


@command.command()
@click.argument("file", type=_FILE)
@_report
@_database
def stores(file: Path, report: Path | None, database_url: str | None) -> None:
    """Import stores (.xlsx or .csv): one row per store, Chinese headers, money in yuan.

    \b
    门店编码, 门店名称, 城市, 区县, 地址, 电话
    纬度, 经度    decimal degrees, in the system of 坐标系
    坐标系        GCJ-02 (Tencent, AMap; when empty), WGS-84 (GPS) or BD-09 (Baidu)
    营业时间      周一至周日 09:00-22:00
                  周一至周五 08:00-12:00 14:00-22:00;周六至周日 09:00-23:00
                  24小时, or over midnight 18:00-02:00; days not named are closed
    自提, 配送    是 or 否; a new store delivers when it has a 配送范围
    配送费, 起送金额
    配送范围      3公里, or corners lng,lat;lng,lat;… in the same system, or 无
    备货分钟      15 for a new store

    The columns up to 经度 and 营业时间 must be there and filled; in the others an empty cell leaves
    what is stored. Stores are known by their code. Whether a store is paused or closed down, and
    dates that differ from its week, are left alone.

    All rows are checked first: one bad row, and nothing is written.
    """
    outcome = _import_stores(file, _settings(database_url))
    if isinstance(outcome, list):
        _refuse(outcome, report)
    _finish({"门店 stores": outcome}, report)


def _settings(database_url: str | None) -> "Settings":
    from config.settings import Settings  # noqa: PLC0415  (slow to import)

    settings = Settings.read()
    return replace(settings, database_url=database_url) if database_url else settings


def _import(file: Path, pictures: Path, settings: "Settings") -> "LoadReport | list[Fault]":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from scripts.catalogue_import import Place, import_sheet  # noqa: PLC0415
    from scripts.catalogue_sheet import read_sheet  # noqa: PLC0415

    with Progress(console=Console(stderr=True)) as progress, _refusals_told():
        reading = progress.add_task("读取 Reading", total=None)
        sheet = read_sheet(file, lambda row: progress.update(reading, completed=row))
        progress.update(reading, total=1, completed=1)
        _tell_unknown(sheet.unknown)
        writing = progress.add_task("写入 Writing", total=None)
        with _database_of(settings) as url:
            return asyncio.run(
                import_sheet(
                    sheet,
                    Place(pictures, url, settings.data_dir / "media"),
                    lambda done, total: progress.update(writing, completed=done, total=total),
                )
            )


def _import_stores(file: Path, settings: "Settings") -> "Tally | list[Fault]":
    from scripts.stores_import import import_stores  # noqa: PLC0415
    from scripts.stores_sheet import read_sheet  # noqa: PLC0415

    with _refusals_told():
        sheet = read_sheet(file)
        _tell_unknown(sheet.unknown)
        with _database_of(settings) as url:
            return asyncio.run(import_stores(sheet, url))


@contextmanager
def _database_of(settings: "Settings") -> Iterator[str]:
    """Its address; the embedded one runs meanwhile. Redis plays no part."""
    from config.embedded.session import connected  # noqa: PLC0415

    with ExitStack() as stack:
        if settings.database_url is None:
            settings = stack.enter_context(connected(settings))
        assert settings.database_url is not None
        yield settings.database_url


@contextmanager
def _refusals_told() -> Iterator[None]:
    from kit.errors import Refusal  # noqa: PLC0415
    from scripts.sheets import SheetRefused  # noqa: PLC0415

    try:
        yield
    except SheetRefused as refusal:
        raise click.ClickException(str(refusal)) from None
    except Refusal as refusal:
        words = f"{refusal.sentence('zh')} / {refusal.sentence('en')}"
        raise click.ClickException(words) from None


def _tell_unknown(unknown: Sequence[str]) -> None:
    if unknown:
        click.echo(f"忽略的列 Columns left out: {'、'.join(unknown)}", err=True)


def _finish(counts: "Mapping[str, Tally]", report: Path | None) -> None:
    if report:
        _write_report(report, [])
    for name, tally in counts.items():
        click.echo(
            f"{name}: {tally.created} 新增 created, {tally.changed} 更新 changed,"
            f" {tally.unchanged} 不变 unchanged"
        )


def _refuse(faults: "Sequence[Fault]", report: Path | None) -> NoReturn:
    if report:
        _write_report(report, faults)
    _show_faults(faults)
    sys.exit(1)


def _show_faults(faults: "Sequence[Fault]") -> None:
    for fault in faults[:SHOWN_FAULTS]:
        click.echo(
            f"第 {fault.row} 行 {fault.column}: {fault.zh}"
            f" / row {fault.row}, {fault.column} {fault.en} [{fault.code}]",
            err=True,
        )
    if len(faults) > SHOWN_FAULTS:
        click.echo(f"… {len(faults) - SHOWN_FAULTS}", err=True)
    click.echo(
        f"{len(faults)} 处错误，未导入任何内容。 / {len(faults)} faults; nothing was imported.",
        err=True,
    )


def _write_report(path: Path, faults: "Sequence[Fault]") -> None:
    # With the mark that makes Excel read UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["行", "列", "代码", "原因", "Reason"])
        for fault in faults:
            cells = (fault.row, fault.column, fault.code, fault.zh, fault.en)
            writer.writerow([_inert(str(cell)) for cell in cells])


def _inert(cell: str) -> str:
    """A cell a spreadsheet will not run: what a sheet says comes back in its report."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
