"""Subscribe messages: what the shopper reads when his order moves."""

from collections.abc import Mapping
from datetime import datetime

import structlog

from commerce.orders.messages import OrderTold, order_told
from commerce.outbox import Message
from commerce.ports import SubscribeMessage
from jobs.context import Work
from kit.clock import shanghai
from kit.money import yuan

log = structlog.get_logger()


async def tell_paid(message: Message, work: Work, now: datetime) -> None:
    """订单支付成功通知."""
    told = await order_told(message.payload["order_no"], work.account.appid)
    await _send(
        told,
        work.templates.order_paid,
        {
            "character_string1": told.no,
            "amount2": f"￥{yuan(told.payable_fen)}",
            "thing3": told.goods,
            "time4": _wall_clock(now),
        },
        work,
    )


async def tell_ready(message: Message, work: Work, _now: datetime) -> None:
    """取货提醒; a delivery has no code, and its shopper only waits."""
    told = await order_told(message.payload["order_no"], work.account.appid)
    if told.pickup_code is None:
        return
    await _send(
        told,
        work.templates.order_ready,
        {
            "character_string1": told.no,
            "character_string2": told.pickup_code,
            "thing3": told.goods,
            "thing4": told.store_name,
        },
        work,
    )


async def tell_refunded(message: Message, work: Work, now: datetime) -> None:
    """退款成功通知."""
    told = await order_told(message.payload["order_no"], work.account.appid)
    await _send(
        told,
        work.templates.order_refunded,
        {
            "character_string1": told.no,
            "amount2": f"￥{yuan(told.refunded_fen)}",
            "thing3": told.goods,
            "time4": _wall_clock(now),
        },
        work,
    )


def _wall_clock(now: datetime) -> str:
    return shanghai(now).strftime("%Y-%m-%d %H:%M")


async def _send(told: OrderTold, template: str, data: Mapping[str, str], work: Work) -> None:
    if told.openid is None:
        return
    page = f"pages/orders/show?no={told.no}"
    outcome = await work.ports.notifier.send(SubscribeMessage(told.openid, template, page, data))
    log.info("message.sent", order_no=told.no, outcome=outcome.value)
