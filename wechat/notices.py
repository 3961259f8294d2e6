"""Pay notices: verified, opened, read (facts D6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

import msgspec

from commerce.ports import Notice, NoticeRefused, RefundFact, TradeFact, TradeState
from wechat.answers import Unreadable, read_refund_notice, read_trade
from wechat.sealing import ALGORITHM, BadSeal, SealOpener
from wechat.signing import BadSignature, WechatVerifier

_PAID: Final = "TRANSACTION.SUCCESS"
_REFUND: Final = "REFUND."
# Real notices are below 4 KB; what is larger is refused before it costs a hash.
_LIMIT_BYTES: Final = 64 << 10


class _Resource(msgspec.Struct):
    algorithm: str
    ciphertext: str
    nonce: str
    associated_data: str = ""


class _Envelope(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]{1,128}\Z")]
    event_type: str
    resource: _Resource


_envelopes: Final = msgspec.json.Decoder(_Envelope)


class NoticeReader:
    """Reads the notices of one merchant."""

    def __init__(self, *, mchid: str, verifier: WechatVerifier, opener: SealOpener) -> None:
        self._mchid = mchid
        self._verifier = verifier
        self._opener = opener

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """The fact in a notice; `headers` has lower-case names, `body` is raw.

        Raises `NoticeRefused` (detail `reason`) unless the signature is WeChat's and at most 300 s
        old, the seal opens with our key, and the content is a payment or a refund. Amount, mchid
        and appid of a payment are passed on for the shop to judge.
        """
        if len(body) > _LIMIT_BYTES:
            raise NoticeRefused(reason="too_large")
        try:
            self._verifier.check(headers, body, now)
            envelope = _envelopes.decode(body)
            return Notice(envelope.id, self._fact_in(envelope))
        except (BadSignature, Unreadable) as error:
            raise NoticeRefused(reason=str(error)) from None
        except BadSeal:
            raise NoticeRefused(reason="seal") from None
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise NoticeRefused(reason="json") from None

    def _fact_in(self, envelope: _Envelope) -> TradeFact | RefundFact:
        sealed = envelope.resource
        if sealed.algorithm != ALGORITHM:
            raise Unreadable("algorithm")
        raw = self._opener.open(
            nonce=sealed.nonce, associated_data=sealed.associated_data, ciphertext=sealed.ciphertext
        )
        return self._read(envelope.event_type, raw)

    def _read(self, event: str, raw: bytes) -> TradeFact | RefundFact:
        """Cover and letter must say the same: a cover is signed, but a letter is what we book."""
        if event == _PAID:
            trade = read_trade(raw)
            if trade.state not in {TradeState.SUCCESS, TradeState.REFUND}:
                raise Unreadable("trade_state")
            return trade
        if event.startswith(_REFUND):
            refund = read_refund_notice(raw, self._mchid)
            if event != _REFUND + refund.state.value.upper():
                raise Unreadable("refund_status")
            return refund
        raise Unreadable("event_type")
