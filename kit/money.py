"""Money is whole fen."""

from typing import NewType

Fen = NewType("Fen", int)
