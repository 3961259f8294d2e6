"""Instants: aware, UTC inside, RFC 3339 outside, Shanghai on the wall of the shop."""

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")

# `datetime.fromisoformat` alone takes week dates, bare dates, compact forms and zone-less times.
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def now() -> datetime:
    """This instant, aware, in UTC. For edges and jobs; everything else is told the time."""
    return datetime.now(UTC)


def parse_instant(text: str) -> datetime:
    """The instant written in `text`, in UTC; digits beyond microseconds are cut off.

    Raises ValueError unless `text` is an RFC 3339 date-time (section 5.6) with its zone.
    Leap seconds (":60") are refused: Python cannot hold them and no shop needs one.
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError("not an RFC 3339 instant with a zone")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("instant outside the years 1 to 9999") from None


def format_instant(instant: datetime) -> str:
    """`instant` as RFC 3339 in UTC ("2026-11-23T05:47:00Z"), with microseconds when it has any.

    Raises ValueError for a zone-less `instant`: guessing its zone would be eight hours wrong.
    """
    return _aware(instant).astimezone(UTC).isoformat().replace("+00:00", "Z")


def shanghai(instant: datetime) -> datetime:
    """`instant` as the clock on the shop's wall shows it. Raises ValueError without a zone."""
    return _aware(instant).astimezone(SHANGHAI)


def _aware(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("an instant needs a zone")
    return instant
