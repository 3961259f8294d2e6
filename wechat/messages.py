"""Subscribe messages to the shopper's WeChat: the port `Notifier` (facts C1)."""

from typing import Final, Literal

import msgspec
import structlog

from commerce.ports import OutsideUnknown, SendOutcome, SubscribeMessage
from wechat.fitting import Unfit, fit
from wechat.http import refusal_of
from wechat.tokens import AccessTokens

_NOT_SUBSCRIBED: Final = 43101
# Two sends to one user at the same instant: the later one is to come back.
_PARALLEL: Final = 43108

_log = structlog.stdlib.get_logger(__name__)


class WechatNotifier:
    """`Notifier` over `message/subscribe/send`. `state` names the release a tap opens."""

    def __init__(
        self, tokens: AccessTokens, state: Literal["developer", "trial", "formal"] = "formal"
    ) -> None:
        self._tokens = tokens
        self._state = state

    async def send(self, message: SubscribeMessage) -> SendOutcome:
        """Send once, values fitted by `wechat.fitting.fit`.

        NOT_SUBSCRIBED: the shopper's grants are used up. REFUSED: WeChat will never take this
        message (logged with its errcode), or a value could not be fitted. Raises `OutsideUnknown`
        when it is worth coming back (busy, throttled, parallel send, no usable answer),
        `OutsideRefused` when WeChat denies us a token.
        """
        try:
            body = self._body(message)
        except Unfit:
            _log.error("wechat.message_unfit", template_id=message.template_id)
            return SendOutcome.REFUSED
        answer = await self._tokens.call("/cgi-bin/message/subscribe/send", body)
        return _outcome(answer.errcode, message.template_id)

    def _body(self, message: SubscribeMessage) -> bytes:
        body = {
            "touser": message.openid,
            "template_id": message.template_id,
            "data": {name: {"value": fit(name, value)} for name, value in message.data.items()},
            "miniprogram_state": self._state,
            "lang": "zh_CN",
        }
        if message.page:
            body["page"] = message.page
        return msgspec.json.encode(body)


def _outcome(errcode: int, template_id: str) -> SendOutcome:
    if errcode == 0:
        return SendOutcome.SENT
    if errcode == _NOT_SUBSCRIBED:
        return SendOutcome.NOT_SUBSCRIBED
    if errcode == _PARALLEL:
        raise OutsideUnknown(reason=str(errcode))
    refusal = refusal_of(errcode)
    if isinstance(refusal, OutsideUnknown):
        raise refusal
    _log.error("wechat.message_refused", errcode=errcode, template_id=template_id)
    return SendOutcome.REFUSED
