"""Mainland mobile numbers in free text, however they are typed."""

import re
import unicodedata
from typing import Final

_SPACERS: Final = re.compile(r"[\s.\-_·()]+")
# Anywhere among other digits, as the audit looks for it (V1): a prefix or a slip hides nothing.
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")


def holds_phone(text: str) -> bool:
    """Whether `text` contains a mainland mobile number, full-width digits and spacers included."""
    plain = unicodedata.normalize("NFKC", text)
    return _MOBILE.search(_SPACERS.sub("", plain)) is not None
