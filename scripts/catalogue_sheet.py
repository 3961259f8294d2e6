"""The sheet of a catalogue: what its columns and cells mean is in commerce/catalog/rules."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from commerce.catalog.rules.columns import REQUIRED, Layout, is_header, read_layout
from commerce.catalog.rules.rows import CatalogueRow, read_row
from scripts import sheets
from scripts.sheets import Form, Sheet

_CATALOGUE: Final[Form[Layout, CatalogueRow]] = Form(REQUIRED, is_header, read_layout, read_row)


def read_sheet(
    path: Path, on_row: Callable[[int], None] = lambda _row: None
) -> Sheet[CatalogueRow]:
    """Read and check every row of a catalogue in an .xlsx or .csv file, as `sheets.read_sheet` does."""
    return sheets.read_sheet(path, _CATALOGUE, on_row)
