"""From a sheet and a folder of pictures to the catalogue: everything is checked before anything is written."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from commerce.catalog.actions import find_faults, load_catalogue
from commerce.catalog.errors import CatalogueRefused, PictureRefused
from commerce.catalog.loading import LoadReport
from commerce.catalog.pictures import LARGEST_BYTES, picture_name, store_picture
from commerce.catalog.rules.columns import Column
from commerce.catalog.rules.faults import Fault, fault
from commerce.catalog.rules.rows import CatalogueRow
from config.orm import close_orm, open_orm
from kit import clock
from scripts.sheets import Sheet


@dataclass(frozen=True, slots=True)
class Place:
    """Where pictures are found, and where the catalogue and its pictures are kept."""

    pictures: Path
    database_url: str
    media_dir: Path


async def import_sheet(
    sheet: Sheet[CatalogueRow], place: Place, on_progress: Callable[[int, int], None]
) -> LoadReport | list[Fault]:
    """Write `sheet` and say what changed; or write nothing and say everything that is wrong.

    Raises `CatalogueBusy` while another import is being written.
    """
    names, missing = _name_pictures(sheet.rows, place.pictures)
    if sheet.faults or missing:
        return _in_order([*sheet.faults, *missing, *await _stored_faults(sheet.rows, place)])
    # Before the rows: a file that no product names is harmless, a name without a file is not.
    for name in names:
        store_picture((place.pictures / name).read_bytes(), place.media_dir)
    rows = [_with_stored_names(row, names) for row in sheet.rows]
    await open_orm(place.database_url, pool_size=1)
    try:
        return await load_catalogue(rows, clock.now(), on_progress=on_progress)
    except CatalogueRefused as refusal:
        return _in_order(refusal.faults)
    finally:
        await close_orm()


async def _stored_faults(rows: Sequence[CatalogueRow], place: Place) -> list[Fault]:
    """What else is wrong with the rows that could be read: all of it is told in one go."""
    await open_orm(place.database_url, pool_size=1)
    try:
        return await find_faults(rows)
    finally:
        await close_orm()


def _in_order(faults: Iterable[Fault]) -> list[Fault]:
    return sorted(faults, key=lambda fault: (fault.row, fault.column))


def _with_stored_names(row: CatalogueRow, names: dict[str, str]) -> CatalogueRow:
    if row.pictures is None:
        return row
    return replace(row, pictures=tuple(names[name] for name in row.pictures))


def _name_pictures(
    rows: Sequence[CatalogueRow], folder: Path
) -> tuple[dict[str, str], list[Fault]]:
    """What each named file will be called, and a fault for each that cannot be used."""
    first_rows: dict[str, int] = {}
    for row in rows:
        for name in row.pictures or ():
            first_rows.setdefault(name, row.row)
    names: dict[str, str] = {}
    faults: list[Fault] = []
    for name, row_number in first_rows.items():
        try:
            names[name] = picture_name(_read(folder / name))
        except FileNotFoundError:
            faults.append(fault(row_number, Column.PICTURES, "no_picture", name=name))
        except PictureRefused:
            faults.append(fault(row_number, Column.PICTURES, "bad_picture", name=name))
    return names, faults


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(path)
    if path.stat().st_size > LARGEST_BYTES:
        raise PictureRefused
    return path.read_bytes()
