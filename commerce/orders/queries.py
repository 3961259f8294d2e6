"""Reading orders, always through the eyes of one viewer."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from kit import db
from kit.errors import NotFound
from kit.money import Fen
from models.enums import (
    ActorKind,
    CloseReason,
    DeliveryMethod,
    FulfilmentStatus,
    OrderStatus,
    RefundStatus,
    StepSubject,
)


@dataclass(frozen=True, slots=True)
class OrderLineView:
    sku_id: str
    title: str
    specs: dict[str, str]
    quantity: int
    unit_price_fen: Fen
    payable_fen: Fen


@dataclass(frozen=True, slots=True)
class OrderStepView:
    seq: int
    subject: StepSubject
    old: str | None
    new: str
    actor: ActorKind
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FulfilmentView:
    """`pickup_code` is shown to the shopper alone, and only while it can be redeemed."""

    method: DeliveryMethod
    status: FulfilmentStatus
    pickup_code: str | None


@dataclass(frozen=True, slots=True)
class RefundView:
    amount_fen: Fen
    status: RefundStatus
    requested_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderSummary:
    no: str
    store_id: str
    store_name: str
    method: DeliveryMethod
    status: OrderStatus
    payable_fen: Fen
    item_count: int
    first_title: str
    placed_at: datetime
    pay_by: datetime


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order with all that hangs below it."""

    no: str
    store_id: str
    store_name: str
    method: DeliveryMethod
    status: OrderStatus
    close_reason: CloseReason | None
    remark: str
    goods_fen: Fen
    discount_fen: Fen
    freight_fen: Fen
    payable_fen: Fen
    placed_at: datetime
    pay_by: datetime
    paid_at: datetime | None
    lines: list[OrderLineView]
    fulfilments: list[FulfilmentView]
    refunds: list[RefundView]
    timeline: list[OrderStepView]


@dataclass(frozen=True, slots=True)
class OrderRow:
    """What a flow needs to begin: which order, and whose address it carries."""

    id: int
    member_id: int
    store_id: int
    method: DeliveryMethod
    status: OrderStatus
    address_sealed: str | None


async def find_own(order_no: str, member_id: int) -> OrderRow:
    """The member's order; `NotFound` for another's or none."""
    return _row(
        await db.row(
            "select id, member_id, store_id, method, status, address_sealed from shop_order where no = $1 and member_id = $2",
            order_no,
            member_id,
        )
    )


async def find_in_stores(order_no: str, store_ids: Collection[int] | None) -> OrderRow:
    """The order if it is one of those stores' (None: any store); `NotFound` otherwise."""
    return _row(
        await db.row(
            "select id, member_id, store_id, method, status, address_sealed from shop_order"
            " where no = $1 and ($2::bigint[] is null or store_id = any($2))",
            order_no,
            None if store_ids is None else list(store_ids),
        )
    )


def _row(found: asyncpg.Record | None) -> OrderRow:
    if found is None:
        raise NotFound
    return OrderRow(
        id=found["id"],
        member_id=found["member_id"],
        store_id=found["store_id"],
        method=DeliveryMethod(found["method"]),
        status=OrderStatus(found["status"]),
        address_sealed=found["address_sealed"],
    )


_SUMMARY = """
select o.id, o.no, o.store_id, store.name as store_name, o.method, o.status, o.payable_fen, o.placed_at,
    o.pay_by, lines.item_count, lines.first_title
from shop_order o join store on store.id = o.store_id
join lateral (
    select sum(quantity)::int as item_count, (array_agg(title order by id))[1] as first_title
    from order_line where order_id = o.id
) lines on true
"""

_OWN = f"""{_SUMMARY}
where o.member_id = $1 and ($2::text is null or o.status = $2::text) and ($3::bigint is null or o.id < $3)
order by o.id desc limit $4
"""

_OF_STORE = f"""{_SUMMARY}
where o.store_id = $1 and ($2::text is null or o.status = $2::text) and ($3::bigint is null or o.id < $3)
    and ($5::text is null or exists (
        select 1 from fulfilment f where f.order_id = o.id and f.status = $5::text))
order by o.id desc limit $4
"""  # noqa: S608 - both parts are constants


async def list_own(
    member_id: int, status: OrderStatus | None, *, before_id: int | None, limit: int
) -> list[tuple[int, OrderSummary]]:
    """The member's orders, newest first, each with its position for paging."""
    found = await db.rows(
        _OWN,
        member_id,
        status.value if status else None,
        before_id,
        limit,
    )
    return [(row["id"], _summary(row)) for row in found]


async def list_of_store(
    store_id: int,
    status: OrderStatus | None,
    fulfilment: FulfilmentStatus | None,
    *,
    before_id: int | None,
    limit: int,
) -> list[tuple[int, OrderSummary]]:
    """A store's orders, newest first. The caller has checked the right to that store."""
    found = await db.rows(
        _OF_STORE,
        store_id,
        status.value if status else None,
        before_id,
        limit,
        fulfilment.value if fulfilment else None,
    )
    return [(row["id"], _summary(row)) for row in found]


def _summary(row: asyncpg.Record) -> OrderSummary:
    return OrderSummary(
        no=row["no"],
        store_id=str(row["store_id"]),
        store_name=row["store_name"],
        method=DeliveryMethod(row["method"]),
        status=OrderStatus(row["status"]),
        payable_fen=Fen(row["payable_fen"]),
        item_count=row["item_count"],
        first_title=row["first_title"],
        placed_at=row["placed_at"],
        pay_by=row["pay_by"],
    )


_VIEW = """
select o.*, store.name as store_name,
    (select jsonb_agg(jsonb_build_object('sku_id', l.sku_id::text, 'title', l.title, 'specs', l.specs,
        'quantity', l.quantity, 'unit_price_fen', l.unit_price_fen, 'payable_fen', l.payable_fen) order by l.id)
        from order_line l where l.order_id = o.id) as lines,
    (select jsonb_agg(jsonb_build_object('method', f.method, 'status', f.status,
        'pickup_code', f.pickup_code) order by f.id)
        from fulfilment f where f.order_id = o.id) as fulfilments
from shop_order o join store on store.id = o.store_id where o.id = $1
"""


async def view_order(order_id: int, *, show_code: bool) -> OrderView:
    """The whole order. The caller got `order_id` from `find_own` or `find_in_stores`."""
    found = await db.one(_VIEW, order_id)
    steps = await db.rows(
        "select seq, subject, old, new, actor, note, at from order_step where order_id = $1 order by seq",
        order_id,
    )
    refunds = await db.rows(
        "select r.amount_fen, r.status, r.requested_at, r.settled_at from refund r"
        " join payment p on p.id = r.payment_id where p.order_id = $1 order by r.id",
        order_id,
    )
    return OrderView(
        no=found["no"],
        store_id=str(found["store_id"]),
        store_name=found["store_name"],
        method=DeliveryMethod(found["method"]),
        status=OrderStatus(found["status"]),
        close_reason=CloseReason(found["close_reason"]) if found["close_reason"] else None,
        remark=found["remark"],
        goods_fen=Fen(found["goods_fen"]),
        discount_fen=Fen(found["discount_fen"]),
        freight_fen=Fen(found["freight_fen"]),
        payable_fen=Fen(found["payable_fen"]),
        placed_at=found["placed_at"],
        pay_by=found["pay_by"],
        paid_at=found["paid_at"],
        lines=[OrderLineView(**line) for line in _json(found["lines"])],
        fulfilments=[
            _fulfilment(part, show_code=show_code) for part in _json(found["fulfilments"])
        ],
        refunds=[
            RefundView(
                Fen(r["amount_fen"]), RefundStatus(r["status"]), r["requested_at"], r["settled_at"]
            )
            for r in refunds
        ],
        timeline=[
            OrderStepView(
                step["seq"],
                StepSubject(step["subject"]),
                step["old"],
                step["new"],
                ActorKind(step["actor"]),
                step["note"],
                step["at"],
            )
            for step in steps
        ],
    )


def _json(text: str | None) -> list[dict[str, Any]]:
    return orjson.loads(text) if text else []


def _fulfilment(part: dict[str, Any], *, show_code: bool) -> FulfilmentView:
    status = FulfilmentStatus(part["status"])
    is_live = status not in (FulfilmentStatus.HANDED_OVER, FulfilmentStatus.CANCELLED)
    code = part["pickup_code"] if show_code and is_live else None
    return FulfilmentView(DeliveryMethod(part["method"]), status, code)
