"""Mainland mobile numbers in free text, however they are typed."""

import re
import unicodedata
from typing import Final

_SPACERS: Final = re.compile(r"[\s.\-_·()]+")
_MOBILE: Final = re.compile(r"(?<![0-9])(?:86)?1[3-9][0-9]{9}(?![0-9])")


def holds_phone(text: str) -> bool:
    """Whether `text` contains a mainland mobile number, full-width digits and spacers included."""
    plain = unicodedata.normalize("NFKC", text)
    return _MOBILE.search(_SPACERS.sub("", plain)) is not None
