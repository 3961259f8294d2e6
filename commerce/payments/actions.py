"""Money in: prepay and the word of WeChat. Money out is in refunds.py, undoing in closing.py."""

from dataclasses import dataclass
from datetime import datetime

from commerce import alerts, inbox
from commerce.orders.actions import (
    SYSTEM,
    WECHAT,
    Actor,
    LockedOrder,
    lock_order,
    move_order,
    open_fulfilment,
)
from commerce.orders.errors import OrderChanged
from commerce.payments import refunds, rules
from commerce.payments.errors import PaymentWindowOver
from commerce.ports import (
    AlreadyPaid,
    Notice,
    PaymentGateway,
    PrepayRequest,
    RefundFact,
    TradeFact,
    TradeState,
)
from kit import db
from kit.errors import NotFound
from kit.money import Fen
from models.enums import OrderStatus, PaymentStatus, RefundCause


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """A trade that may be paid at WeChat; `prepay_id` is None until WeChat has given one."""

    id: int
    order_id: int
    request: PrepayRequest
    prepay_id: str | None


async def prepay_order(
    order_no: str, *, member_id: int, openid: str, gateway: PaymentGateway, now: datetime
) -> str | None:
    """The `prepay_id` to pay an unpaid order with, the same while it lives; None when nothing is due.

    `NotFound` for another's order, `AlreadyPaid`, `PaymentWindowOver`, and the gateway's refusals.
    """
    trade = await _open_trade(order_no, member_id, openid, now)
    if trade is None:
        return None
    if trade.prepay_id is not None:
        return trade.prepay_id
    prepay_id = await gateway.prepay(trade.request)
    kept = await db.execute(
        "update payment set prepay_id = $2, prepaid_at = $3 where id = $1 and status = 'created'",
        trade.id,
        prepay_id,
        now,
    )
    if not kept:
        # Cancelled or expired while we asked WeChat: close there what was opened too late.
        await gateway.close(trade.request.out_trade_no)
        raise OrderChanged
    return prepay_id


async def _open_trade(
    order_no: str, member_id: int, openid: str, now: datetime
) -> OpenTrade | None:
    async with db.tx():
        order = await lock_order(await _own_order(order_no, member_id))
        _check_payable(order, now)
        if order.payable_fen == 0:
            await _settle(order, SYSTEM, now)
            return None
        await db.execute(
            "insert into payment (order_id, out_trade_no, status, amount_fen, openid, expires_at,"
            " is_late, queries, query_at, created_at)"
            " values ($1, $2, 'created', $3, $4, $5, false, 0, $6, $7) on conflict do nothing",
            order.id,
            order.no,
            order.payable_fen,
            openid,
            rules.trade_expiry(order.pay_by, now),
            rules.next_query(0, now),
            now,
        )
        return await _read_trade(order, now)


async def _own_order(order_no: str, member_id: int) -> int:
    order_id = await db.value(
        "select id from shop_order where no = $1 and member_id = $2", order_no, member_id
    )
    if order_id is None:
        raise NotFound
    return int(order_id)


def _check_payable(order: LockedOrder, now: datetime) -> None:
    if order.status in (OrderStatus.PAID, OrderStatus.COMPLETED):
        raise AlreadyPaid
    if order.status is OrderStatus.CLOSED or order.pay_by <= now:
        raise PaymentWindowOver


async def _read_trade(order: LockedOrder, now: datetime) -> OpenTrade:
    found = await db.row(
        "select id, out_trade_no, amount_fen, openid, expires_at, prepay_id, prepaid_at,"
        " (select array_agg(title order by id) from order_line where order_id = $1) as titles"
        " from payment where order_id = $1 and status = 'created'",
        order.id,
    )
    if found is None:
        raise OrderChanged
    is_fresh = found["prepaid_at"] is not None and now - found["prepaid_at"] < rules.PREPAY_LIFE
    return OpenTrade(
        id=found["id"],
        order_id=order.id,
        request=PrepayRequest(
            out_trade_no=found["out_trade_no"],
            description=rules.describe(found["titles"]),
            amount_fen=Fen(found["amount_fen"]),
            openid=found["openid"],
            expires_at=found["expires_at"],
        ),
        prepay_id=found["prepay_id"] if is_fresh else None,
    )


async def apply_notice(notice: Notice, account: rules.Account, now: datetime) -> None:
    """Apply a verified notice, once per WeChat's id (P6)."""
    async with db.tx():
        if not await inbox.is_first("wechat_pay", notice.id, now):
            return
        if isinstance(notice.fact, RefundFact):
            await refunds.apply_refund(notice.fact, now)
        else:
            await apply_trade(notice.fact, account, now)


async def apply_trade(fact: TradeFact, account: rules.Account, now: datetime) -> None:
    """Take WeChat's word on a trade: paid once, whoever says it and however often.

    Money for an order that is no longer unpaid is kept as late and refunds itself (P5). A success
    that is not ours in every part changes nothing and goes before a human (P1).
    """
    if fact.state not in (TradeState.SUCCESS, TradeState.REFUND):
        return
    async with db.tx():
        order_id = await db.value(
            "select order_id from payment where out_trade_no = $1", fact.out_trade_no
        )
        if order_id is None:
            await _call_a_human("payment_unknown", fact, [], now)
            return
        order = await lock_order(order_id)
        payment = await db.one(
            "select id, status, amount_fen, openid, transaction_id from payment where out_trade_no = $1",
            fact.out_trade_no,
        )
        if payment["status"] == PaymentStatus.SUCCEEDED.value:
            if payment["transaction_id"] != fact.transaction_id:
                await _call_a_human("payment_twice", fact, ["transaction_id"], now)
            return
        if fact.state is TradeState.REFUND:
            # Paid and given back behind our back, in WeChat's own console: nothing to deliver.
            await _call_a_human("payment_refunded_elsewhere", fact, ["state"], now)
            return
        expected = rules.Expected(Fen(payment["amount_fen"]), payment["openid"])
        wrong = rules.mismatches(fact, expected, account)
        if wrong:
            await _call_a_human("payment_mismatch", fact, wrong, now)
            return
        await _take_money(order, payment["id"], fact, now)


async def _take_money(order: LockedOrder, payment_id: int, fact: TradeFact, now: datetime) -> None:
    is_late = order.status is not OrderStatus.UNPAID
    await move_payment(payment_id, PaymentStatus.SUCCEEDED, Taken(fact, is_late=is_late, at=now))
    if is_late:
        await refunds.ask_refund(
            payment_id, order.no, RefundCause.LATE_PAYMENT, Fen(fact.amount_fen or 0), now
        )
    else:
        await _settle(order, WECHAT, now)


@dataclass(frozen=True, slots=True)
class Taken:
    """Money that came: WeChat's word, whether the order still wanted it, and when we heard."""

    fact: TradeFact
    is_late: bool
    at: datetime


async def move_payment(payment_id: int, new: PaymentStatus, taken: Taken | None = None) -> None:
    """Move an open trade to `new`: succeeded with what was `taken`, or closed. Under the order's lock."""
    moved = await db.execute(
        "update payment set status = $2, query_at = null, is_late = $5,"
        " transaction_id = coalesce($3, transaction_id), paid_at = coalesce($4, paid_at)"
        " where id = $1 and status <> 'succeeded'",
        payment_id,
        new.value,
        taken.fact.transaction_id if taken else None,
        (taken.fact.paid_at or taken.at) if taken else None,
        taken.is_late if taken else False,
    )
    if not moved:
        raise OrderChanged


async def _settle(order: LockedOrder, actor: Actor, now: datetime) -> None:
    await move_order(order, OrderStatus.PAID, actor, now)
    await open_fulfilment(order, actor, now)


async def _call_a_human(kind: str, fact: TradeFact, wrong: list[str], now: datetime) -> None:
    await alerts.raise_alert(
        kind,
        f"{fact.out_trade_no}:{fact.transaction_id}",
        {
            "out_trade_no": fact.out_trade_no,
            "transaction_id": fact.transaction_id,
            "amount_fen": fact.amount_fen,
            "wrong": wrong,
        },
        now,
    )


async def ask_trade(
    out_trade_no: str, *, gateway: PaymentGateway, account: rules.Account, now: datetime
) -> None:
    """Ask WeChat about a trade and apply its word: the notice may have been lost."""
    fact = await gateway.query(out_trade_no)
    if fact is not None:
        await apply_trade(fact, account, now)
