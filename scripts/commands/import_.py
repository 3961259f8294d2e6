"""Bring goods, prices and stock in from spreadsheets."""

import asyncio
import csv
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from commerce.catalog.loading import LoadReport
    from commerce.catalog.rules.faults import Fault
    from config.settings import Settings

# What fits on a screen; --report has them all.
SHOWN_FAULTS: Final = 30

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("import")
def command() -> None:
    """Bring goods, prices and stock in from spreadsheets."""


@command.command()
@click.argument("file", type=_FILE)
@click.option("--pictures", type=_FOLDER, help="Folder of the picture files; by default FILE's.")
@click.option("--report", type=click.Path(path_type=Path), help="Write all faults to this .csv.")
@click.option("--database-url", help="Another database than DATABASE_URL or the embedded one.")
def catalogue(
    file: Path, pictures: Path | None, report: Path | None, database_url: str | None
) -> None:
    """Import a catalogue sheet (.xlsx or .csv): one row per SKU, Chinese headers, prices in yuan.

    Columns: 商品编码, SKU编码, 商品名称, 分类 (水果/苹果), 品牌, 规格 (口味:原味;容量:500ml), 条码, 售价,
    单位, 重量(克), 属性 (产地:山东;保质期:12个月), 描述, 图片; per store 库存:CODE (what was counted there)
    and 价格:CODE (its own price). An empty cell leaves what is stored.

    All rows are checked first: one bad row, and nothing is written. At most 200,000 rows and 50 MB.
    """
    from config.settings import Settings  # noqa: PLC0415  (slow to import)

    settings = Settings.read()
    if database_url:
        settings = replace(settings, database_url=database_url)
    outcome = _import(file, pictures or file.parent, settings)
    faults = outcome if isinstance(outcome, list) else []
    if report:
        _write_report(report, faults)
    if not isinstance(outcome, list):
        _show_counts(outcome)
        return
    _show_faults(faults)
    sys.exit(1)


def _import(file: Path, pictures: Path, settings: "Settings") -> "LoadReport | list[Fault]":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from config.embedded.session import connected  # noqa: PLC0415
    from kit.errors import Refusal  # noqa: PLC0415
    from scripts.catalogue_import import Place, import_sheet  # noqa: PLC0415
    from scripts.catalogue_sheet import read_sheet  # noqa: PLC0415
    from scripts.sheets import SheetRefused  # noqa: PLC0415

    with ExitStack() as stack:
        progress = stack.enter_context(Progress(console=Console(stderr=True)))
        reading = progress.add_task("读取 Reading", total=None)
        try:
            sheet = read_sheet(file, lambda row: progress.update(reading, completed=row))
            progress.update(reading, total=1, completed=1)
            if sheet.unknown:
                told = f"忽略的列 Columns left out: {'、'.join(sheet.unknown)}"
                progress.console.print(told, markup=False)
            writing = progress.add_task("写入 Writing", total=None)
            if settings.database_url is None:
                settings = stack.enter_context(connected(settings))
            assert settings.database_url is not None
            return asyncio.run(
                import_sheet(
                    sheet,
                    Place(pictures, settings.database_url, settings.data_dir / "media"),
                    lambda done, total: progress.update(writing, completed=done, total=total),
                )
            )
        except SheetRefused as refusal:
            raise click.ClickException(str(refusal)) from None
        except Refusal as refusal:
            words = f"{refusal.sentence('zh')} / {refusal.sentence('en')}"
            raise click.ClickException(words) from None


def _show_counts(report: "LoadReport") -> None:
    counts = {
        "商品 products": report.products,
        "SKU": report.skus,
        "门店价格 store prices": report.prices,
        "库存 stock": report.stock,
    }
    for name, tally in counts.items():
        click.echo(
            f"{name}: {tally.created} 新增 created, {tally.changed} 更新 changed,"
            f" {tally.unchanged} 不变 unchanged"
        )


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
