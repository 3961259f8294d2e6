"""What one cell of a sheet says, whatever the sheet is about, or what is wrong with it."""

import re
from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from typing import Final

from kit.money import Fen, parse_yuan

MOST_COUNTED: Final = 1_000_000


class Wrong(Exception):
    """A cell cannot be read; `code` and `details` are those of its fault (rules/faults.py)."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


def is_blank(cells: Sequence[object]) -> bool:
    """Whether nothing is written in this row."""
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


# What a spreadsheet shows for a calculation that failed.
_ERRORS: Final = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"})


def text_of(cell: object) -> str | None:
    """What the cell says as text; numbers with the 15 digits a spreadsheet itself keeps."""
    if cell is None:
        return None
    if isinstance(cell, (bool, date, time, timedelta)):
        raise Wrong("wrong_kind")
    if isinstance(cell, (int, float)):
        return _number(cell)
    text = cell.strip() if isinstance(cell, str) else "="
    if text.startswith("="):
        raise Wrong("formula")
    if text in _ERRORS:
        raise Wrong("cell_error", found=text)
    return text or None


def _number(cell: float) -> str:
    text = format(cell, ".15g")
    if _SCIENTIFIC.fullmatch(text):
        raise Wrong("scientific", found=text)
    return text


def one_line(limit: int) -> Callable[[str], str]:
    """Reads text of at most `limit` characters, every white space as one blank."""

    def read(text: str) -> str:
        return within(limit, " ".join(text.split()))

    return read


def within(limit: int, text: str) -> str:
    """`text`, unless it is longer than `limit` or has control characters (line breaks may be)."""
    if _CONTROL.search(text):
        raise Wrong("control_character")
    if len(text) > limit:
        raise Wrong("too_long", limit=limit)
    return text


def plain(text: str) -> str:
    """Text for machines: ASCII, and not what a spreadsheet made of a long number."""
    if any("\uff01" <= char <= "\uff5e" for char in text):
        raise Wrong("full_width")
    if _SCIENTIFIC.fullmatch(text):
        raise Wrong("scientific", found=text)
    return text


def code_of(text: str) -> str:
    """What the shop calls a thing: 1 to 32 letters, digits and -_./, a letter or digit first."""
    if not _CODE.fullmatch(plain(text)):
        raise Wrong("not_code")
    return text


def money_of(text: str) -> Fen:
    """An amount in yuan, with at most two decimals."""
    try:
        return parse_yuan(plain(text))
    except ValueError:
        raise Wrong("not_money") from None


def count_of(text: str, limit: int = MOST_COUNTED) -> int:
    """A whole number from 0 to `limit`."""
    if not _WHOLE.fullmatch(plain(text)) or int(text) > limit:
        raise Wrong("not_count", limit=limit)
    return int(text)


_SCIENTIFIC: Final = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+[0-9]+")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,31}")
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,8}")
