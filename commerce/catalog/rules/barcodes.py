"""Barcodes: which digits a scanner can have read."""

import re
from typing import Final

# GS1 General Specifications 7.9: these lengths end in a check digit.
CHECKED_LENGTHS: Final = frozenset({8, 13})
_DIGITS: Final = re.compile(r"[0-9]{8,14}")


def is_barcode(text: str) -> bool:
    """8 to 14 ASCII digits: an EAN, or a number the shop gave itself (9 to 12 or 14 digits)."""
    return _DIGITS.fullmatch(text) is not None


def check_digit(body: str) -> str:
    """The digit that completes the EAN `body` (7 or 12 digits): weights 3, 1, 3 … from the right."""
    total = sum(int(digit) * (3 - 2 * (at % 2)) for at, digit in enumerate(reversed(body)))
    return str(-total % 10)


def missing_check_digit(barcode: str) -> str | None:
    """The digit an EAN-8 or EAN-13 should have ended in, or None when it is right or not an EAN."""
    if len(barcode) not in CHECKED_LENGTHS:
        return None
    expected = check_digit(barcode[:-1])
    return None if barcode[-1] == expected else expected
