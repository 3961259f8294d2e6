"""Money out: an intent, asked for under one number, settled on WeChat's word only."""

from datetime import datetime, timedelta

import asyncpg

from commerce import alerts, outbox
from commerce.payments import rules
from commerce.ports import PaymentGateway, RefundFact, RefundRequest, RefundState
from kit import db
from kit.money import Fen
from models.enums import RefundCause, RefundStatus

_QUERY_PAUSE = timedelta(seconds=30)

_STATUS = {
    RefundState.PROCESSING: RefundStatus.PROCESSING,
    RefundState.SUCCESS: RefundStatus.SUCCEEDED,
    RefundState.CLOSED: RefundStatus.CLOSED,
    RefundState.ABNORMAL: RefundStatus.ABNORMAL,
}

_REASON = {RefundCause.CANCELLED: "订单取消", RefundCause.LATE_PAYMENT: "订单已关闭，款项退回"}


async def ask_refund(
    payment_id: int, order_no: str, cause: RefundCause, amount_fen: Fen, now: datetime
) -> None:
    """Write the intent to refund, once per order and cause. Inside the transaction of its cause."""
    no = f"{order_no}-{cause.value}"
    await db.execute(
        "insert into refund (payment_id, no, cause, status, amount_fen, reason, requested_at, query_at)"
        " values ($1, $2, $3, 'requested', $4, $5, $6, $7)",
        payment_id,
        no,
        cause.value,
        amount_fen,
        _REASON[cause],
        now,
        now + _QUERY_PAUSE,
    )
    await outbox.emit("refund.requested", {"refund_no": no}, now)


async def send_refund(refund_no: str, *, gateway: PaymentGateway, now: datetime) -> None:
    """Ask WeChat for a refund that was intended. Repeating it is one refund: the number is derived."""
    refund = await db.row(
        "select r.no, r.reason, r.amount_fen, p.out_trade_no, p.amount_fen as total_fen"
        " from refund r join payment p on p.id = r.payment_id"
        " where r.no = $1 and r.status = 'requested'",
        refund_no,
    )
    if refund is None:
        return
    fact = await gateway.refund(
        RefundRequest(
            out_trade_no=refund["out_trade_no"],
            out_refund_no=refund["no"],
            reason=refund["reason"],
            refund_fen=Fen(refund["amount_fen"]),
            total_fen=Fen(refund["total_fen"]),
        )
    )
    await apply_refund(fact, now)


async def ask_refund_state(refund_no: str, *, gateway: PaymentGateway, now: datetime) -> None:
    """Ask WeChat how a refund stands: its notice may have been lost."""
    fact = await gateway.query_refund(refund_no)
    if fact is not None:
        await apply_refund(fact, now)


async def apply_refund(fact: RefundFact, now: datetime) -> None:
    """Take WeChat's word on a refund (P8). Success is final; closed and abnormal call a human."""
    async with db.tx():
        refund = await db.row(
            "select r.id, r.status, r.amount_fen, p.out_trade_no, o.no as order_no"
            " from refund r join payment p on p.id = r.payment_id join shop_order o on o.id = p.order_id"
            " where r.no = $1 for no key update of r",
            fact.out_refund_no,
        )
        if refund is None or not rules.is_our_refund(
            fact, out_trade_no=refund["out_trade_no"], refund_fen=Fen(refund["amount_fen"])
        ):
            await _call_a_human("refund_mismatch", fact, now)
            return
        new = _STATUS[fact.state]
        if refund["status"] in (RefundStatus.SUCCEEDED.value, new.value):
            return
        await _settle_refund(refund, fact, new, now)


async def _settle_refund(
    refund: asyncpg.Record, fact: RefundFact, new: RefundStatus, now: datetime
) -> None:
    is_open = new is RefundStatus.PROCESSING
    await db.execute(
        "update refund set status = $2, refund_id = $3, settled_at = $4, query_at = $5 where id = $1",
        refund["id"],
        new.value,
        fact.refund_id,
        None if is_open else fact.succeeded_at or now,
        now + _QUERY_PAUSE if is_open else None,
    )
    if new is RefundStatus.SUCCEEDED:
        payload = {"order_no": refund["order_no"], "refund_no": fact.out_refund_no}
        await outbox.emit("refund.succeeded", payload, now)
    elif not is_open:
        await _call_a_human(f"refund_{new.value}", fact, now)


async def _call_a_human(kind: str, fact: RefundFact, now: datetime) -> None:
    details = {"out_trade_no": fact.out_trade_no, "refund_fen": fact.refund_fen}
    await alerts.raise_alert(kind, fact.out_refund_no, details, now)
