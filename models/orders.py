"""Orders, their lines, their timeline, and the fulfilments that hang below them."""

from tortoise import fields
from tortoise.models import Model

from kit.money import Fen
from models.carts import Quote
from models.catalog import Sku
from models.enums import (
    ActorKind,
    CloseReason,
    DeliveryMethod,
    FulfilmentStatus,
    OrderStatus,
    StepSubject,
)
from models.members import Member
from models.stores import Store


class Order(Model):
    """`no` is what people read and what WeChat knows as out_trade_no. Only `move_order` writes `status`.

    `close_at`: when the clock next tries to close it, while unpaid. `unpaid_slot` numbers a member's
    unpaid orders: the unique index is what keeps one member from holding a store's shelves.
    """

    id = fields.BigIntField(primary_key=True)
    no = fields.CharField(max_length=18, unique=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="orders", on_delete=fields.RESTRICT
    )
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", related_name="orders", on_delete=fields.RESTRICT
    )
    quote: fields.ForeignKeyRelation[Quote] = fields.ForeignKeyField(
        "models.Quote", related_name="orders", on_delete=fields.RESTRICT
    )
    idempotency_key = fields.CharField(max_length=64)
    remark = fields.CharField(max_length=200, default="")
    method = fields.CharEnumField(DeliveryMethod, max_length=16)
    address_sealed = fields.TextField(null=True)
    status = fields.CharEnumField(OrderStatus, max_length=16)
    step_count = fields.IntField(default=1)
    close_reason = fields.CharEnumField(CloseReason, max_length=32, null=True)
    goods_fen: fields.Field[Fen] = fields.BigIntField()
    discount_fen: fields.Field[Fen] = fields.BigIntField()
    freight_fen: fields.Field[Fen] = fields.BigIntField()
    payable_fen: fields.Field[Fen] = fields.BigIntField()
    placed_at = fields.DatetimeField()
    pay_by = fields.DatetimeField()
    close_at = fields.DatetimeField(null=True)
    unpaid_slot = fields.SmallIntField(null=True)
    paid_at = fields.DatetimeField(null=True)

    class Meta:
        table = "shop_order"


class OrderLine(Model):
    """What was sold, as it was called and priced then."""

    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", related_name="lines", on_delete=fields.RESTRICT
    )
    sku: fields.ForeignKeyRelation[Sku] = fields.ForeignKeyField(
        "models.Sku", related_name="order_lines", on_delete=fields.RESTRICT
    )
    title = fields.CharField(max_length=128)
    specs: fields.Field[dict[str, str]] = fields.JSONField()
    quantity = fields.IntField()
    unit_price_fen: fields.Field[Fen] = fields.BigIntField()
    goods_fen: fields.Field[Fen] = fields.BigIntField()
    discount_fen: fields.Field[Fen] = fields.BigIntField()
    payable_fen: fields.Field[Fen] = fields.BigIntField()

    class Meta:
        table = "order_line"
        unique_together = (("order", "sku"),)


class OrderStep(Model):
    """The timeline: `seq` runs 1..n per order without a gap (O2)."""

    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", related_name="steps", on_delete=fields.RESTRICT
    )
    seq = fields.IntField()
    subject = fields.CharEnumField(StepSubject, max_length=16)
    old = fields.CharField(max_length=16, null=True)
    new = fields.CharField(max_length=16)
    actor = fields.CharEnumField(ActorKind, max_length=16)
    actor_id = fields.BigIntField(null=True)
    note = fields.CharField(max_length=200, default="")
    at = fields.DatetimeField()

    class Meta:
        table = "order_step"
        unique_together = (("order", "seq"),)


class Fulfilment(Model):
    """How goods of a paid order reach the shopper. Only `move_fulfilment` writes `status`.

    `pickup_code` is unique among the store's live pick-ups and redeemed once (D3)."""

    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", related_name="fulfilments", on_delete=fields.RESTRICT
    )
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", related_name="fulfilments", on_delete=fields.RESTRICT
    )
    method = fields.CharEnumField(DeliveryMethod, max_length=16)
    status = fields.CharEnumField(FulfilmentStatus, max_length=16)
    pickup_code = fields.CharField(max_length=8, null=True)
    created_at = fields.DatetimeField()
    handed_over_at = fields.DatetimeField(null=True)

    class Meta:
        table = "fulfilment"
