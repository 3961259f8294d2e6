"""Every step of an order and of its fulfilments: one place that moves, one timeline that tells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from commerce import outbox
from commerce.orders import rules
from commerce.orders.errors import OrderChanged, PickupCodeWrong
from commerce.stock.actions import hand_over_stock, release_stock
from kit import db
from kit.errors import NotFound
from kit.ids import pickup_code
from kit.money import Fen
from models.enums import (
    ActorKind,
    CloseReason,
    DeliveryMethod,
    FulfilmentStatus,
    OrderStatus,
    StepSubject,
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who takes a step: a member, a member of staff, WeChat's word, or the clock."""

    kind: ActorKind
    id: int | None = None


SYSTEM = Actor(ActorKind.SYSTEM)
WECHAT = Actor(ActorKind.WECHAT)


@dataclass(slots=True)
class LockedOrder:
    """An order whose row this transaction holds: nobody else moves it or its fulfilments."""

    id: int
    no: str
    member_id: int
    store_id: int
    method: DeliveryMethod
    status: OrderStatus
    payable_fen: Fen
    pay_by: datetime


@dataclass(slots=True)
class LockedFulfilment:
    id: int
    method: DeliveryMethod
    status: FulfilmentStatus


async def lock_order(order_id: int) -> LockedOrder:
    """Take the order's row for this transaction; `NotFound` when there is none.

    Every flow that moves an order or a fulfilment starts here, so there is one order of locks.
    """
    found = await db.row(
        "select id, no, member_id, store_id, method, status, payable_fen, pay_by"
        " from shop_order where id = $1 for no key update",
        order_id,
    )
    if found is None:
        raise NotFound
    return LockedOrder(
        id=found["id"],
        no=found["no"],
        member_id=found["member_id"],
        store_id=found["store_id"],
        method=DeliveryMethod(found["method"]),
        status=OrderStatus(found["status"]),
        payable_fen=Fen(found["payable_fen"]),
        pay_by=found["pay_by"],
    )


async def move_order(
    order: LockedOrder,
    new: OrderStatus,
    actor: Actor,
    now: datetime,
    *,
    reason: CloseReason | None = None,
) -> None:
    """Move `order` to `new`, once, write its step and tell the world. Inside `lock_order`'s transaction."""
    rules.check_transition(order.status, new)
    moved = await db.execute(
        "update shop_order set status = $3::text, close_reason = $4,"
        " paid_at = case when $3::text = 'paid' then $5 else paid_at end"
        " where id = $1 and status = $2",
        order.id,
        order.status.value,
        new.value,
        reason.value if reason else None,
        now,
    )
    if not moved:
        raise OrderChanged
    note = reason.value if reason else ""
    await _write_step(order.id, StepSubject.ORDER, (order.status, new), actor, now, note=note)
    if new in rules.ANNOUNCED:
        await outbox.emit(f"order.{new.value}", {"order_no": order.no}, now)
    order.status = new


async def open_fulfilment(order: LockedOrder, actor: Actor, now: datetime) -> None:
    """Put a paid order before its store (待接单); a pick-up gets its code. Inside the same transaction."""
    await db.row(
        "insert into fulfilment (order_id, store_id, method, status, pickup_code, created_at)"
        " values ($1, $2, $3, 'waiting', $4, $5)",
        order.id,
        order.store_id,
        order.method.value,
        await _free_pickup_code(order.store_id) if order.method is DeliveryMethod.PICKUP else None,
        now,
    )
    await _write_step(
        order.id, StepSubject.FULFILMENT, (None, FulfilmentStatus.WAITING), actor, now
    )


async def lock_fulfilments(order: LockedOrder) -> list[LockedFulfilment]:
    """The order's fulfilments that are not cancelled. Inside `lock_order`'s transaction."""
    found = await db.rows(
        "select id, method, status from fulfilment where order_id = $1 and status <> 'cancelled'"
        " order by id for no key update",
        order.id,
    )
    return [
        LockedFulfilment(row["id"], DeliveryMethod(row["method"]), FulfilmentStatus(row["status"]))
        for row in found
    ]


async def move_fulfilment(
    order: LockedOrder,
    fulfilment: LockedFulfilment,
    new: FulfilmentStatus,
    actor: Actor,
    now: datetime,
) -> None:
    """Move one fulfilment of `order` to `new`, once. Inside `lock_order`'s transaction."""
    rules.check_fulfilment(fulfilment.method, fulfilment.status, new)
    moved = await db.execute(
        "update fulfilment set status = $3::text,"
        " handed_over_at = case when $3::text = 'handed_over' then $4::timestamptz end"
        " where id = $1 and status = $2",
        fulfilment.id,
        fulfilment.status.value,
        new.value,
        now,
    )
    if not moved:
        raise OrderChanged
    steps = (fulfilment.status, new)
    await _write_step(order.id, StepSubject.FULFILMENT, steps, actor, now)
    if new in rules.ANNOUNCED_FULFILMENT:
        await outbox.emit(f"fulfilment.{new.value}", {"order_no": order.no}, now)
    fulfilment.status = new


async def advance(order_id: int, new: FulfilmentStatus, actor: Actor, now: datetime) -> None:
    """The store takes the next step with an order: prepare, ready, on the way, handed over at the door.

    `IllegalTransition` when it is not the next step. A pick-up is handed over by `redeem_code` alone.
    """
    async with db.tx():
        order = await lock_order(order_id)
        fulfilments = await lock_fulfilments(order)
        if not fulfilments:
            raise OrderChanged
        for fulfilment in fulfilments:
            await move_fulfilment(order, fulfilment, new, actor, now)
        if new is FulfilmentStatus.HANDED_OVER:
            await _complete(order, actor, now)


async def redeem_code(store_id: int, code: str, actor: Actor, now: datetime) -> str:
    """Hand the goods behind a pick-up code over, once, in its store; the order's number.

    `PickupCodeWrong` for a code that is unknown here or redeemed before, `IllegalTransition` while
    the goods are not ready.
    """
    async with db.tx():
        found = await db.row(
            "select order_id, status from fulfilment where store_id = $1 and pickup_code = $2"
            " and status not in ('handed_over', 'cancelled')",
            store_id,
            code,
        )
        if found is None:
            raise PickupCodeWrong
        rules.check_fulfilment(
            DeliveryMethod.PICKUP, FulfilmentStatus(found["status"]), FulfilmentStatus.HANDED_OVER
        )
        order = await lock_order(found["order_id"])
        for fulfilment in await lock_fulfilments(order):
            if fulfilment.status is not FulfilmentStatus.READY:
                raise PickupCodeWrong
            await move_fulfilment(order, fulfilment, FulfilmentStatus.HANDED_OVER, actor, now)
        await _complete(order, actor, now)
        return order.no


async def close_order(order: LockedOrder, reason: CloseReason, actor: Actor, now: datetime) -> None:
    """Close `order` and give back everything it holds. Inside `lock_order`'s transaction.

    Money is the caller's affair. `IllegalTransition` once goods have left the house.
    """
    for fulfilment in await lock_fulfilments(order):
        await move_fulfilment(order, fulfilment, FulfilmentStatus.CANCELLED, actor, now)
    await move_order(order, OrderStatus.CLOSED, actor, now, reason=reason)
    await release_stock(order.store_id, await _quantities(order.id), _cause(order), now)


async def _complete(order: LockedOrder, actor: Actor, now: datetime) -> None:
    await hand_over_stock(order.store_id, await _quantities(order.id), _cause(order), now)
    await move_order(order, OrderStatus.COMPLETED, actor, now)


def _cause(order: LockedOrder) -> str:
    return f"order:{order.no}"


async def _quantities(order_id: int) -> Mapping[int, int]:
    lines = await db.rows("select sku_id, quantity from order_line where order_id = $1", order_id)
    return {line["sku_id"]: line["quantity"] for line in lines}


async def _write_step(
    order_id: int,
    subject: StepSubject,
    steps: tuple[OrderStatus | FulfilmentStatus | None, OrderStatus | FulfilmentStatus],
    actor: Actor,
    now: datetime,
    *,
    note: str = "",
) -> None:
    """Append to the timeline. The counter on the order row numbers it without a gap; a worker whose
    clock lags cannot make time run backwards (O2)."""
    old, new = steps
    await db.execute(
        "with numbered as (update shop_order set step_count = step_count + 1 where id = $1"
        "   returning id, step_count)"
        " insert into order_step (order_id, seq, subject, old, new, actor, actor_id, note, at)"
        " select numbered.id, numbered.step_count, $2, $3, $4, $5, $6, $7,"
        "   greatest($8::timestamptz, (select max(at) from order_step where order_id = $1)) from numbered",
        order_id,
        subject.value,
        old.value if old else None,
        new.value,
        actor.kind.value,
        actor.id,
        note,
        now,
    )


async def _free_pickup_code(store_id: int) -> str:
    """A code no live pick-up of the store has; the unique index stands behind it.

    Eight digits against a few hundred live ones: a second draw is already rare."""
    while True:
        code = pickup_code()
        taken = await db.value(
            "select 1 from fulfilment where store_id = $1 and pickup_code = $2"
            " and status not in ('handed_over', 'cancelled')",
            store_id,
            code,
        )
        if taken is None:
            return code
