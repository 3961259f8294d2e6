"""Login: whom a `wx.login` code stands for."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import stamina

from commerce.ports import LoginCodeRefused, OutsideUnknown, WechatSession
from kit.errors import Refusal, TooManyRequests
from wechat.accounts import WechatAccount
from wechat.http import BUSY, THROTTLED, ApiAnswer, Call, call_api, refusal_of

# 40029: forged, expired or of another app; 40163: already used (facts A1).
_CODE_REFUSED: Final = frozenset({40029, 40163})
_CODE_LIMIT: Final = 256
# WeChat counts calls per user and minute.
_THROTTLED_SECONDS: Final = 60
_TWICE: Final = stamina.AsyncRetryingCaller(attempts=2, wait_initial=0.3)


class WechatLogin:
    """The port `IdentityProvider` over `jscode2session`."""

    def __init__(self, account: WechatAccount, session: aiohttp.ClientSession) -> None:
        self._account = account
        self._session = session

    async def exchange_code(self, code: str) -> WechatSession:
        """The session behind `code` (facts A1).

        Raises `LoginCodeRefused` for a forged, used or expired code, `TooManyRequests` when WeChat
        throttles this user, `OutsideRefused` for a blocked user or our own misconfiguration,
        `OutsideUnknown` when there was no usable answer. A code lives once, so after a timeout it is
        not tried again: the shopper's phone fetches a new one.
        """
        if not code or len(code) > _CODE_LIMIT or not code.isascii() or not code.isprintable():
            raise LoginCodeRefused
        answer = await _TWICE(_Busy, self._ask, self._call(code))
        if answer.errcode:
            raise _refusal_of(answer.errcode)
        return _session_in(answer.fields)

    def _call(self, code: str) -> Call:
        query = urlencode(
            {
                "appid": self._account.appid,
                "secret": self._account.app_secret,
                "js_code": code,
                "grant_type": "authorization_code",
            }
        )
        return Call("GET", f"{self._account.api_url}/sns/jscode2session?{query}")

    async def _ask(self, call: Call) -> ApiAnswer:
        answer = await call_api(self._session, call)
        if answer.errcode in BUSY:
            raise _Busy(reason=str(answer.errcode))
        return answer


class _Busy(OutsideUnknown):
    """WeChat did not look at the code: the same one may be shown again, once."""


def _refusal_of(errcode: int) -> Refusal:
    if errcode in _CODE_REFUSED:
        return LoginCodeRefused()
    if errcode in THROTTLED:
        return TooManyRequests(retry_after_seconds=_THROTTLED_SECONDS)
    return refusal_of(errcode)


def _session_in(fields: Mapping[str, Any]) -> WechatSession:
    openid, session_key = fields.get("openid"), fields.get("session_key")
    unionid = fields.get("unionid")
    if not (isinstance(openid, str) and openid and isinstance(session_key, str) and session_key):
        raise OutsideUnknown(reason="unreadable")
    known = isinstance(unionid, str) and unionid
    return WechatSession(openid, unionid if known else None, session_key)
