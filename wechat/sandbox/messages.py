"""Subscribe messages: the shopper's consent is counted, every value is measured (facts C1)."""

import re
import string
from collections.abc import Callable
from typing import Any, Final

from wechat.sandbox.account import Account, Template
from wechat.sandbox.answers import Call
from wechat.sandbox.ground import Ground
from wechat.sandbox.refusals import ApiRefusal, PhoneRefusal
from wechat.sandbox.rows import Count, Message
from wechat.sandbox.tokens import Tokens, read_json

_HAN: Final = r"[\u3400-\u9fff]"
_CLOCK: Final = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_DAY: Final = r"[0-9]{4}(年[0-9]{1,2}月[0-9]{1,2}日|(?P<mark>[-/.])[0-9]{1,2}(?P=mark)[0-9]{1,2})"
_TIME: Final = re.compile(rf"({_DAY} ?)?{_CLOCK}")
_DATE: Final = re.compile(rf"{_DAY}( ?{_CLOCK})?")
_AMOUNT: Final = re.compile(r"[¥￥$€£]?([0-9]+)(\.([0-9]+))?元?")
_CAR: Final = re.compile(rf"({_HAN}|[0-9A-Za-z])([0-9A-Za-z]*)({_HAN}|[0-9A-Za-z])?")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

STATES: Final = ("developer", "trial", "formal")
LANGUAGES: Final = ("zh_CN", "en_US", "zh_HK", "zh_TW")


def _matches(pattern: str) -> Callable[[str], bool]:
    whole = re.compile(pattern)
    return lambda text: whole.fullmatch(text) is not None


def _each(part: re.Pattern[str]) -> Callable[[str], bool]:
    """One value or a range of two joined by `~`."""

    def fits(text: str) -> bool:
        parts = text.split("~")
        return len(parts) <= 2 and all(part.fullmatch(piece.strip()) for piece in parts)

    return fits


def _is_amount(text: str) -> bool:
    found = _AMOUNT.fullmatch(text)
    return found is not None and len(found[1]) + len(found[3] or "") <= 10


def _is_symbols(text: str) -> bool:
    return len(text) <= 5 and not any(letter.isalnum() or letter.isspace() for letter in text)


FITS: Final[dict[str, Callable[[str], bool]]] = {
    "thing": lambda text: len(text) <= 20,
    "number": lambda text: len(text) <= 32 and _matches(r"[0-9]+(\.[0-9]+)?")(text),
    "letter": _matches(r"[A-Za-z]{1,32}"),
    "symbol": _is_symbols,
    "character_string": _matches(r"[\x20-\x7e]{1,32}"),
    "time": _each(_TIME),
    "date": _each(_DATE),
    "amount": _is_amount,
    "phone_number": _matches(r"[0-9+\-() ]{1,17}"),
    "car_number": lambda text: len(text) <= 8 and _CAR.fullmatch(text) is not None,
    "name": lambda text: len(text) <= (20 if text.isascii() else 10),
    "phrase": _matches(rf"{_HAN}{{1,5}}"),
    "enum": lambda text: len(text) <= 20,
}


class Messages:
    """Consents by (openid, template) and the messages that arrived."""

    def __init__(self, ground: Ground, tokens: Tokens) -> None:
        self.templates: dict[str, Template] = {item.id: item for item in ground.account.templates}
        self._store = ground.store
        self._clock = ground.clock
        self._ids = ground.ids
        self._tokens = tokens

    def send(self, request: Call) -> object:
        """`POST /cgi-bin/message/subscribe/send`."""
        self._tokens.check(request)
        asked = read_json(request)
        openid, template_id = asked.get("touser"), asked.get("template_id")
        if not isinstance(openid, str) or self._store.shoppers.find(openid) is None:
            raise ApiRefusal(40003, self._rid("invalid openid"))
        template = self.templates.get(template_id) if isinstance(template_id, str) else None
        if template is None:
            raise ApiRefusal(40037, self._rid("invalid template_id"))
        self._check_options(asked)
        data = self._check_data(template, asked.get("data"))
        self._spend(openid, template.id)
        return self._keep(openid, template, asked.get("page"), data)

    def subscribe(self, openid: str, template_id: str, *, accept: bool, count: int) -> int:
        """What the shopper answered to wx.requestSubscribeMessage; the credit there is now.

        A refusal takes nothing away. Raises PhoneRefusal 404 for an unknown template.
        """
        if template_id not in self.templates:
            raise PhoneRefusal(404, "没有这个模板 no such template")
        key = _credit_key(openid, template_id)
        credit = self._store.credits.find(key) or Count(0)
        if accept:
            credit.count += count
            self._store.credits.put(key, credit)
        return credit.count

    def of_shopper(self, openid: str) -> list[Message]:
        rows = self._store.messages.rows.values()
        return [message for message in rows if message.openid == openid]

    def _check_options(self, asked: dict[str, Any]) -> None:
        if asked.get("miniprogram_state", "formal") not in STATES:
            raise ApiRefusal(40097, self._rid("invalid args: miniprogram_state"))
        if asked.get("lang", "zh_CN") not in LANGUAGES:
            raise ApiRefusal(40097, self._rid("invalid args: lang"))
        if not isinstance(asked.get("page", ""), str):
            raise ApiRefusal(41030, self._rid("invalid page"))

    def _check_data(self, template: Template, data: object) -> dict[str, dict[str, str]]:
        if not isinstance(data, dict):
            raise ApiRefusal(47003, self._rid("argument invalid! data is not an object"))
        for keyword in [*template.keywords, *data]:
            value = data.get(keyword)
            text = value.get("value") if isinstance(value, dict) else None
            if keyword not in template.keywords or not isinstance(text, str) or not text:
                raise self._misfit(keyword, "empty or unknown")
            if _CONTROL.search(text) or not FITS[keyword.rstrip(string.digits)](text):
                raise self._misfit(keyword, "invalid")
        return {keyword: {"value": data[keyword]["value"]} for keyword in template.keywords}

    def _misfit(self, keyword: str, why: str) -> ApiRefusal:
        return ApiRefusal(47003, self._rid(f"argument invalid! data.{keyword}.value {why}"))

    def _spend(self, openid: str, template_id: str) -> None:
        key = _credit_key(openid, template_id)
        credit = self._store.credits.find(key)
        if credit is None or credit.count == 0:
            raise ApiRefusal(43101, self._rid("user refuse to accept the msg"))
        credit.count -= 1
        self._store.credits.put(key, credit)

    def _keep(
        self, openid: str, template: Template, page: str | None, data: dict[str, dict[str, str]]
    ) -> object:
        now = self._clock.now()
        msgid = int(now) * 10**9 + len(self._store.messages.rows)
        message = Message(openid, template.id, template.title, page, data, now)
        self._store.messages.put(str(msgid), message)
        return {"errcode": 0, "errmsg": "ok", "msgid": msgid}

    def _rid(self, errmsg: str) -> str:
        return f"{errmsg} rid: {self._ids.hex(8)}-{self._ids.hex(8)}-{self._ids.hex(8)}"


def check_keywords(account: Account) -> None:
    """Raise ValueError when a template names a keyword type WeChat does not have."""
    for template in account.templates:
        for keyword in template.keywords:
            if keyword.rstrip(string.digits) not in FITS:
                raise ValueError(f"template {template.id}: unknown keyword {keyword}")


def _credit_key(openid: str, template_id: str) -> str:
    return f"{openid} {template_id}"
