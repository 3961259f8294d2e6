"""A month of orders as rows: what the shop would hold had it sold them itself."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import orjson

from commerce.payments.rules import trade_expiry
from commerce.pricing.rules import QuotedLine
from kit.sealing import Sealer
from models.enums import (
    ActorKind,
    DeliveryMethod,
    FulfilmentStatus,
    OrderStatus,
    PaymentStatus,
    RefundCause,
    RefundStatus,
    StepSubject,
)
from scripts.seed.deals import Deal, Known, Seller
from scripts.seed.numbers import Numbers
from scripts.seed.shelves import Row, journal, levels
from scripts.seed.timeline import Step, status_of
from scripts.town.steps import PAY_WITHIN
from scripts.town.town import Town

QUOTE_LIFE: Final = timedelta(minutes=10)
OPENS_SHEET: Final = timedelta(seconds=2)  # from the order to the payment sheet
SETTLES: Final = timedelta(seconds=20)  # a refund into the shopper's WeChat balance


# The story begins with a stocktaking, on the day before the first order.
COUNTED: Final = timedelta(days=31)


def write_story(town: Town, known: Known, sealer: Sealer, dice: Random) -> dict[str, list[Row]]:
    """The rows of all orders and of the stock they move, by table.

    Raises ValueError when the shop asks another price than the town remembers.
    """
    numbers = Numbers(dice)
    seller = Seller(town, known, sealer, dice)
    deals = [seller.sell(order, place, numbers) for place, order in enumerate(town.orders)]
    tables: dict[str, list[Row]] = defaultdict(list)
    for deal in deals:
        _tell_order(tables, deal, numbers, dice)
        _tell_money(tables, deal, numbers, settled_by=town.as_of)
        tables["order_step"] += _steps(deal)
    tables["stock_level"] = levels(town, known)
    tables["stock_entry"] = journal(town, known, deals, town.as_of - COUNTED)
    tables["audit_entry"] = _trail(deals)
    return tables


def _tell_order(tables: dict[str, list[Row]], deal: Deal, numbers: Numbers, dice: Random) -> None:
    asked_at = deal.order.placed_at - timedelta(seconds=dice.randint(5, 240))
    quote_id = numbers.quote_id(asked_at)
    shared = _shared(deal)
    tables["quote"].append(shared | {"id": quote_id} | _quote(deal, asked_at))
    key = numbers.idempotency_key()
    tables["shop_order"].append(
        shared | {"quote_id": quote_id, "idempotency_key": key} | _order(deal)
    )
    tables["order_line"] += [_line(deal.id, line) for line in deal.price.lines]
    if deal.order.paid_at is not None:
        is_pickup = deal.method is DeliveryMethod.PICKUP
        code = numbers.pickup_code() if is_pickup else None
        tables["fulfilment"].append(_fulfilment(deal) | {"pickup_code": code})


def _shared(deal: Deal) -> Row:
    """What an order takes over from its quote."""
    return {
        "member_id": deal.member_id,
        "store_id": deal.store_id,
        "method": deal.method,
        "address_sealed": deal.address_sealed,
        "goods_fen": deal.price.goods_fen,
        "discount_fen": deal.price.discount_fen,
        "freight_fen": deal.price.freight_fen,
        "payable_fen": deal.price.payable_fen,
    }


def _quote(deal: Deal, asked_at: datetime) -> Row:
    return {
        "lines": _json(deal.price.lines),
        "steps": _json(deal.price.steps),
        "created_at": asked_at,
        "expires_at": asked_at + QUOTE_LIFE,
        "used_at": deal.order.placed_at,
    }


def _line(order_id: int, line: QuotedLine) -> Row:
    return {
        "order_id": order_id,
        "sku_id": line.sku_id,
        "title": line.title,
        "specs": _json(line.specs),
        "quantity": line.quantity,
        "unit_price_fen": line.unit_price_fen,
        "goods_fen": line.goods_fen,
        "discount_fen": line.discount_fen,
        "payable_fen": line.payable_fen,
    }


def _order(deal: Deal) -> Row:
    closing = [step.note for step in deal.steps if step.new is OrderStatus.CLOSED]
    return {
        "id": deal.id,
        "no": deal.no,
        "remark": "",
        "status": status_of(deal.steps, StepSubject.ORDER),
        "step_count": len(deal.steps),
        "close_reason": closing[0] if closing else None,
        "placed_at": deal.order.placed_at,
        "pay_by": deal.order.placed_at + PAY_WITHIN,
        "paid_at": deal.order.paid_at,
    }


def _fulfilment(deal: Deal) -> Row:
    return {
        "order_id": deal.id,
        "store_id": deal.store_id,
        "method": deal.method,
        "status": status_of(deal.steps, StepSubject.FULFILMENT),
        "created_at": deal.order.paid_at,
        "handed_over_at": deal.order.handed_over_at,
    }


def _tell_money(
    tables: dict[str, list[Row]], deal: Deal, numbers: Numbers, *, settled_by: datetime
) -> None:
    order = deal.order
    opened_at = order.placed_at + OPENS_SHEET
    prepay = {"prepay_id": numbers.prepay_id(opened_at), "prepaid_at": opened_at}
    transaction_id = numbers.transaction_id(order.paid_at) if order.paid_at else None
    tables["payment"].append(
        _payment(deal, opened_at) | prepay | {"transaction_id": transaction_id}
    )
    if order.paid_at and order.closed_at:
        refund = _refund(deal, order.closed_at)
        refund["refund_id"] = numbers.refund_id(order.closed_at)
        refund["settled_at"] = min(order.closed_at + SETTLES, settled_by)
        tables["refund"].append(refund)


def _payment(deal: Deal, opened_at: datetime) -> Row:
    order = deal.order
    return {
        "id": deal.payment_id,
        "order_id": deal.id,
        "out_trade_no": deal.no,
        "status": PaymentStatus.SUCCEEDED if order.paid_at else PaymentStatus.CLOSED,
        "amount_fen": deal.price.payable_fen,
        "openid": order.openid,
        "expires_at": trade_expiry(order.placed_at + PAY_WITHIN, opened_at),
        "paid_at": order.paid_at,
        "is_late": False,
        "queries": 0,
        "created_at": opened_at,
    }


def _refund(deal: Deal, asked_at: datetime) -> Row:
    return {
        "payment_id": deal.payment_id,
        "no": f"{deal.no}-{RefundCause.CANCELLED}",
        "cause": RefundCause.CANCELLED,
        "status": RefundStatus.SUCCEEDED,
        "amount_fen": deal.price.payable_fen,
        "reason": "订单取消",
        "requested_at": asked_at,
    }


def _steps(deal: Deal) -> Iterator[Row]:
    for seq, step in enumerate(deal.steps, 1):
        yield {
            "order_id": deal.id,
            "seq": seq,
            "subject": step.subject,
            "old": step.old,
            "new": step.new,
            "actor": step.actor.kind,
            "actor_id": step.actor.id,
            "note": step.note,
            "at": step.at,
        }


def _trail(deals: list[Deal]) -> list[Row]:
    """What staff did, as `commerce.orders.desk` and `commerce.payments.desk` record it."""
    taken = [(step.at, step, deal) for deal in deals for step in deal.steps]
    return [
        {
            "at": at,
            "staff_id": step.actor.id,
            "action": action,
            "subject": f"order:{deal.no}",
            "details": "{}",
        }
        for at, step, deal in sorted(taken, key=lambda each: each[0])
        if (action := _action(step, deal.method)) is not None
    ]


def _action(step: Step, method: DeliveryMethod) -> str | None:
    """The name of what a member of staff did; None for others, and for what follows by itself."""
    if step.actor.kind is not ActorKind.STAFF:
        return None
    match step.new:
        case OrderStatus.CLOSED:
            return "order.cancel"
        case OrderStatus.COMPLETED | FulfilmentStatus.CANCELLED:
            return None
        case FulfilmentStatus.HANDED_OVER if method is DeliveryMethod.PICKUP:
            return "pickup.redeemed"
        case status:
            return f"fulfilment.{status}"


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
