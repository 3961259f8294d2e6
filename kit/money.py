"""Money is whole fen. Every division of money happens here, so that no fen is lost or made."""

import re
from collections.abc import Sequence
from typing import Final, NewType

Fen = NewType("Fen", int)

LARGEST: Final = Fen(10**11)  # a thousand million yuan: beyond it, an amount is a typing error

_YUAN: Final = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,2}))?")


def apportion(total: Fen, weights: Sequence[int]) -> list[Fen]:
    """Divide `total` in proportion to `weights` by largest remainder; the parts add up exactly.

    Of equal remainders the earlier position gets the fen. Weights that are all 0 share equally.
    Raises ValueError for a negative total, a negative weight or no weights.
    """
    if total < 0:
        raise ValueError("a negative total cannot be apportioned")
    if not weights or min(weights) < 0:
        raise ValueError("weights must be given and not negative")
    whole = sum(weights)
    if whole == 0:
        return apportion(total, [1] * len(weights))
    parts, remainders = zip(*(divmod(total * weight, whole) for weight in weights), strict=True)
    by_remainder = sorted(range(len(weights)), key=lambda position: -remainders[position])
    lucky = set(by_remainder[: total - sum(parts)])
    return [Fen(part + (position in lucky)) for position, part in enumerate(parts)]


def percent_of(amount: Fen, per_ten_thousand: int) -> Fen:
    """`per_ten_thousand`/10000 of `amount` (8500 is 85 %), half a fen rounded up.

    Raises ValueError when either is negative.
    """
    if amount < 0 or per_ten_thousand < 0:
        raise ValueError("a share of money is taken from and by non-negative numbers")
    return Fen((amount * per_ten_thousand + 5000) // 10000)


def yuan(amount: Fen) -> str:
    """`amount` as people write it: 1230 is "12.30", -5 is "-0.05"."""
    whole, rest = divmod(abs(amount), 100)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:02d}"


def parse_yuan(text: str) -> Fen:
    """The amount a person wrote in yuan ("12", "12.3", "12.30"), from 0 up to `LARGEST`.

    Raises ValueError for anything else: signs, spaces, separators, leading zeros, exponents,
    a third decimal, digits of other scripts (full-width ones too).
    """
    written = _YUAN.fullmatch(text)
    if not written:
        raise ValueError("not an amount in yuan with at most two decimals")
    whole, decimals = written.groups(default="")
    amount = Fen(int(whole) * 100 + int(decimals.ljust(2, "0")))
    if amount > LARGEST:
        raise ValueError("amount is too large")
    return amount
