"""What every edge reads alike: ids, pages, cursors, and the strict base of all bodies."""

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from kit.errors import InvalidInput

# 64-bit ids travel as strings: JavaScript loses digits above 2^53. `$` alone lets a newline through.
Id = Annotated[
    str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,17}(?!\n)$", max_length=18, examples=["1"])
]

T = TypeVar("T")


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of every body, query and answer: what is not declared is refused."""


class PageQuery(Struct, frozen=True):
    """Keyset paging: `cursor` is the opaque `next_cursor` of the page before."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: (
        Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+(?!\n)$", max_length=400)] | None
    ) = None


class Page(Struct, Generic[T], frozen=True):
    """One page; `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None = None


def next_cursor(*position: Any) -> str:
    """The opaque form of the last row's sort position (JSON scalars)."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def read_cursor(cursor: str | None, shape: type[T]) -> T | None:
    """The position in `cursor`, checked against the tuple type `shape`; `InvalidInput` if forged."""
    if cursor is None:
        return None
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = msgspec.json.decode(packed, type=shape)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise InvalidInput(fields={"cursor": "unreadable"}) from None
    if not _fits_the_database(position):
        raise InvalidInput(fields={"cursor": "unreadable"})
    return position


def _fits_the_database(position: Any) -> bool:
    """A forged position may hold numbers that no bigint column can be compared with."""
    return all(0 <= part < 2**63 for part in position if isinstance(part, int))
