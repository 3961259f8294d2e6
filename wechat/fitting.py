"""Fits raw values to the keyword types of subscribe messages (facts C1).

WeChat refuses the whole message (47003) for one value that is too long, empty or of the wrong
alphabet. Words are cut to fit; a number, amount or time that would change its meaning is not.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
# WeChat's "characters" do not include pictographs, although they pass as symbols in Unicode.
_EMOJI: Final = re.compile(
    r"[\u203c\u2049\u20e3\u231a-\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u2600-\u27bf"
    r"\u2b05-\u2b07\u2b1b-\u2b1c\u2b50\u2b55\ufe00-\ufe0f\U0001f000-\U0001faff\U000e0000-\U000e007f]"
)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

_DAY: Final = (
    r"[0-9]{4}(?:年[0-9]{1,2}月[0-9]{1,2}日|-[0-9]{1,2}-[0-9]{1,2}"
    r"|/[0-9]{1,2}/[0-9]{1,2}|\.[0-9]{1,2}\.[0-9]{1,2})"
)
_CLOCK: Final = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
_TIME: Final = re.compile(rf"(?:{_DAY} ?)?{_CLOCK}(?:~(?:{_DAY} ?)?{_CLOCK})?")
_DATE: Final = re.compile(rf"{_DAY}(?: ?{_CLOCK})?(?:~{_DAY}(?: ?{_CLOCK})?)?")
_AMOUNT: Final = re.compile(r"([¥$€£]?)([0-9]+)(\.[0-9]+)?(元?)")
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")


class Unfit(ValueError):
    """The value cannot be made to fit without saying something else."""


def fit(keyword: str, value: str) -> str:
    """`value` as WeChat accepts it for `keyword` (`thing1`, `amount2`, …).

    Lengths are in code points; an ellipsis lies inside the limit; nothing visible left becomes
    `-` or `无` where the type allows that. Raises `Unfit` for a number, amount, time, date, letter,
    car number or enum value that is none. An unknown type is treated as `thing`, the narrowest free text.
    """
    kind = keyword.rstrip("0123456789")
    return _FITS.get(kind, _thing)(_clean(value))


def _clean(value: str) -> str:
    """Without line breaks, invisible characters and pictographs; runs of space become one."""
    spaced = " ".join(value.split())
    kept = "".join(c for c in spaced if unicodedata.category(c) not in _INVISIBLE)
    return " ".join(unicodedata.normalize("NFC", _EMOJI.sub("", kept)).split())


def _cut(text: str, limit: int, ellipsis: str = "…") -> str:
    return text if len(text) <= limit else text[: limit - len(ellipsis)].rstrip() + ellipsis


def _keep(text: str, is_kept: Callable[[str], bool]) -> str:
    return "".join(filter(is_kept, text))


def _is_han(char: str) -> bool:
    return bool(_HAN.match(char))


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _is_symbol(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"


def _compact(text: str) -> str:
    """Full-width digits and signs as plain ones, without thousands separators."""
    return re.sub(r"[ ,]", "", unicodedata.normalize("NFKC", text))


def _thing(text: str) -> str:
    return _cut(text, 20) or "无"


def _number(text: str) -> str:
    plain = _compact(text)
    if not _NUMBER.fullmatch(plain) or len(plain) > 32:
        raise Unfit
    return plain


def _letter(text: str) -> str:
    letters = _keep(text, _is_latin)[:32]
    if not letters:
        raise Unfit
    return letters


def _symbol(text: str) -> str:
    return _keep(text, _is_symbol)[:5] or "-"


def _character_string(text: str) -> str:
    visible = _keep(text, lambda c: c.isascii() and c != " ")
    return _cut(visible, 32, "...") or "-"


def _time(text: str) -> str:
    return _matched(_TIME, text)


def _date(text: str) -> str:
    return _matched(_DATE, text)


def _matched(pattern: re.Pattern[str], text: str) -> str:
    plain = re.sub(r" *~ *", "~", unicodedata.normalize("NFKC", text))
    if not pattern.fullmatch(plain):
        raise Unfit
    return plain


def _amount(text: str) -> str:
    match = _AMOUNT.fullmatch(_compact(text))
    if not match:
        raise Unfit
    sign, whole, decimals, yuan = match.groups(default="")
    if len(whole) + len(decimals.lstrip(".")) > 10:
        raise Unfit
    return f"{sign.replace('¥', '￥')}{whole}{decimals}{yuan}"


def _phone_number(text: str) -> str:
    return _keep(text, lambda c: c in "0123456789+-()*#")[:17] or "-"


def _car_number(text: str) -> str:
    plate = _keep(text, lambda c: _is_han(c) or (c.isascii() and c.isalnum()))[:8]
    last = len(plate) - 1
    fitted = "".join(c for i, c in enumerate(plate) if c.isascii() or i in {0, last})
    if not fitted:
        raise Unfit
    return fitted


def _name(text: str) -> str:
    """Ten characters once one of them is Chinese, else twenty; digits are not part of names."""
    kept = _keep(text, lambda c: _is_han(c) or _is_latin(c) or _is_symbol(c) or c == " ")
    kept = " ".join(kept.split())
    limit = 10 if _HAN.search(kept) else 20
    return _cut(kept, limit) or "无"


def _phrase(text: str) -> str:
    return _keep(text, _is_han)[:5] or "无"


def _enum(text: str) -> str:
    if not text:
        raise Unfit
    return text


_FITS: Final[Mapping[str, Callable[[str], str]]] = {
    "thing": _thing,
    "number": _number,
    "letter": _letter,
    "symbol": _symbol,
    "character_string": _character_string,
    "time": _time,
    "date": _date,
    "amount": _amount,
    "phone_number": _phone_number,
    "car_number": _car_number,
    "name": _name,
    "phrase": _phrase,
    "enum": _enum,
}
