"""Names for things: keys, numbers people read, secrets nobody guesses."""

import secrets
import uuid
from datetime import datetime

from uuid_utils import compat

from kit.clock import shanghai


def uuid7() -> uuid.UUID:
    """A new key that sorts by time of birth (RFC 9562, version 7)."""
    return compat.uuid7()


def business_no(now: datetime) -> str:
    """18 digits a person can read out: the day in Shanghai (yymmdd), then 12 random digits.

    Random rather than counted, so that a number tells no rival how many orders a day has.
    Uniqueness is the table's: at 10^6 numbers a day the chance of any repetition that day is
    about 2 in 5, so insert under a unique key and draw again. `now` must be aware.
    """
    return f"{shanghai(now):%y%m%d}{secrets.randbelow(10**12):012d}"


def token() -> str:
    """32 random bytes as 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def pickup_code() -> str:
    """8 random digits for the counter; short, so limit the tries."""
    return f"{secrets.randbelow(10**8):08d}"
