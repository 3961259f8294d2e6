"""Undoing an order: unpaid ones are closed at WeChat first, paid ones give the money back."""

from dataclasses import dataclass
from datetime import datetime

from commerce.orders.actions import Actor, close_order, lock_order
from commerce.orders.errors import IllegalTransition, OrderChanged
from commerce.payments.actions import ask_trade, move_payment
from commerce.payments.refunds import ask_refund
from commerce.payments.rules import Account
from commerce.ports import AlreadyPaid, PaymentGateway
from kit import db
from kit.money import Fen
from models.enums import CloseReason, OrderStatus, PaymentStatus, RefundCause


@dataclass(frozen=True, slots=True)
class Till:
    """Where money is asked about, and whose it must be."""

    gateway: PaymentGateway
    account: Account


async def cancel_order(
    order_id: int, reason: CloseReason, actor: Actor, *, till: Till, now: datetime
) -> None:
    """Undo an order whose goods are in the house, whether it is paid or not. Repeating is harmless.

    `OrderChanged` when it was paid or closed in this very moment, `IllegalTransition` when the
    goods have left or the order was closed for another reason.
    """
    found = await db.one("select status, close_reason from shop_order where id = $1", order_id)
    if found["close_reason"] == reason.value:
        return
    if found["status"] != OrderStatus.UNPAID.value:
        await cancel_paid(order_id, reason, actor, now)
    elif not await close_unpaid(order_id, reason, actor, till=till, now=now):
        raise OrderChanged


async def close_unpaid(
    order_id: int,
    reason: CloseReason,
    actor: Actor,
    *,
    till: Till,
    now: datetime,
) -> bool:
    """Close an unpaid order, at WeChat first; whether it was closed here and now.

    False when it was paid or closed meanwhile: then the money, if any, has been applied.
    """
    while True:
        trades = await _created_trades(order_id)
        for out_trade_no in trades.values():
            try:
                await till.gateway.close(out_trade_no)
            except AlreadyPaid:
                await ask_trade(out_trade_no, gateway=till.gateway, account=till.account, now=now)
                return False
        async with db.tx():
            order = await lock_order(order_id)
            if order.status is not OrderStatus.UNPAID:
                return False
            if await _created_trades(order_id) != trades:
                continue  # the shopper opened a payment sheet while we closed: close that one too
            for payment_id in trades:
                await move_payment(payment_id, PaymentStatus.CLOSED)
            await close_order(order, reason, actor, now)
            return True


async def _created_trades(order_id: int) -> dict[int, str]:
    found = await db.rows(
        "select id, out_trade_no from payment where order_id = $1 and status = 'created' order by id",
        order_id,
    )
    return {row["id"]: row["out_trade_no"] for row in found}


async def cancel_paid(order_id: int, reason: CloseReason, actor: Actor, now: datetime) -> None:
    """Undo a paid order whose goods are still in the house: close it, free its stock, refund all.

    `IllegalTransition` when the goods have left or it is not paid.
    """
    async with db.tx():
        order = await lock_order(order_id)
        if order.status is not OrderStatus.PAID:
            raise IllegalTransition(old=order.status.value, new=OrderStatus.CLOSED.value)
        await close_order(order, reason, actor, now)
        payment = await db.row(
            "select id, amount_fen from payment"
            " where order_id = $1 and status = 'succeeded' and not is_late",
            order_id,
        )
        if payment is not None:
            amount = Fen(payment["amount_fen"])
            await ask_refund(payment["id"], order.no, RefundCause.CANCELLED, amount, now)
