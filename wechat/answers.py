"""What WeChat Pay writes of trades and refunds, read into the shop's facts (facts D5, D7)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final, TypeVar

import msgspec

from commerce.ports import RefundFact, RefundState, TradeFact, TradeState
from kit.clock import parse_instant
from kit.money import Fen

_STATES: Final = {
    "NOTPAY": TradeState.NOT_PAID,
    "USERPAYING": TradeState.NOT_PAID,
    "PAYERROR": TradeState.NOT_PAID,
    "SUCCESS": TradeState.SUCCESS,
    "REFUND": TradeState.REFUND,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
}
_REFUND_STATES: Final = {state.value.upper(): state for state in RefundState}

# Numbers end up in text columns and log lines: printable ASCII only.
_Id = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]{0,128}\Z")]
_Amount = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class Unreadable(Exception):
    """The bytes are WeChat's, but say nothing we understand."""


class _TradeAmount(msgspec.Struct):
    total: _Amount | None = None
    currency: _Id | None = None


class _Payer(msgspec.Struct):
    openid: _Id | None = None


class _Trade(msgspec.Struct):
    out_trade_no: _Id
    trade_state: str
    appid: _Id
    mchid: _Id
    transaction_id: _Id | None = None
    amount: _TradeAmount | None = None
    payer: _Payer | None = None
    success_time: str | None = None


class _RefundAmount(msgspec.Struct):
    refund: _Amount
    total: _Amount


class _Refund(msgspec.Struct):
    out_trade_no: _Id
    out_refund_no: _Id
    refund_id: _Id
    amount: _RefundAmount
    # Answers call it `status`, notices `refund_status`.
    status: str | None = None
    refund_status: str | None = None
    success_time: str | None = None
    mchid: _Id | None = None


_Shape = TypeVar("_Shape", _Trade, _Refund)
_trades: Final = msgspec.json.Decoder(_Trade)
_refunds: Final = msgspec.json.Decoder(_Refund)


def read_trade(raw: bytes) -> TradeFact:
    """The trade in a verified answer or an opened notice; raises `Unreadable`.

    A paid trade without number, amount or time is unreadable: money is never half a fact.
    """
    trade = _decode(_trades, raw)
    state = _STATES.get(trade.trade_state)
    if state is None or not trade.out_trade_no:
        raise Unreadable("trade_state")
    bare = TradeFact(trade.out_trade_no, state, trade.appid, trade.mchid)
    return _paid(bare, trade) if state in {TradeState.SUCCESS, TradeState.REFUND} else bare


def read_refund(raw: bytes) -> RefundFact:
    """The refund in a verified answer; raises `Unreadable`."""
    refund = _decode(_refunds, raw)
    return _refund_fact(refund, refund.status)


def read_refund_notice(raw: bytes, mchid: str) -> RefundFact:
    """The refund in an opened notice; raises `Unreadable`, also for another merchant's.

    The fact has no merchant in it, so nobody behind us could notice.
    """
    refund = _decode(_refunds, raw)
    if refund.mchid != mchid:
        raise Unreadable("mchid")
    return _refund_fact(refund, refund.refund_status)


def _decode(decoder: msgspec.json.Decoder[_Shape], raw: bytes) -> _Shape:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Unreadable("json") from None


def _paid(bare: TradeFact, trade: _Trade) -> TradeFact:
    amount, paid_at = trade.amount, _instant(trade.success_time)
    if not trade.transaction_id or amount is None or amount.total is None or paid_at is None:
        raise Unreadable("incomplete")
    return replace(
        bare,
        transaction_id=trade.transaction_id,
        amount_fen=Fen(amount.total),
        currency=amount.currency,
        openid=trade.payer.openid if trade.payer else None,
        paid_at=paid_at,
    )


def _refund_fact(refund: _Refund, status: str | None) -> RefundFact:
    state = _REFUND_STATES.get(status or "")
    if state is None or not (refund.out_trade_no and refund.out_refund_no and refund.refund_id):
        raise Unreadable("refund_status")
    return RefundFact(
        out_trade_no=refund.out_trade_no,
        out_refund_no=refund.out_refund_no,
        refund_id=refund.refund_id,
        state=state,
        refund_fen=Fen(refund.amount.refund),
        total_fen=Fen(refund.amount.total),
        succeeded_at=_instant(refund.success_time) if state is RefundState.SUCCESS else None,
    )


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return parse_instant(text)
    except ValueError:
        raise Unreadable("time") from None
