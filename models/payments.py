"""Money in and out through WeChat."""

from tortoise import fields
from tortoise.models import Model

from kit.money import Fen
from models.enums import PaymentStatus, RefundCause, RefundStatus
from models.orders import Order


class Payment(Model):
    """One trade at WeChat. Kept = succeeded and not late; at most one per order (P2)."""

    id = fields.BigIntField(primary_key=True)
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", related_name="payments", on_delete=fields.RESTRICT
    )
    out_trade_no = fields.CharField(max_length=32, unique=True)
    status = fields.CharEnumField(PaymentStatus, max_length=16)
    amount_fen: fields.Field[Fen] = fields.BigIntField()
    openid = fields.CharField(max_length=128)
    expires_at = fields.DatetimeField()
    prepay_id = fields.CharField(max_length=64, null=True)
    prepaid_at = fields.DatetimeField(null=True)
    transaction_id = fields.CharField(max_length=64, null=True, unique=True)
    paid_at = fields.DatetimeField(null=True)
    is_late = fields.BooleanField(default=False)
    queries = fields.IntField(default=0)
    query_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "payment"


class Refund(Model):
    """A refund intent and its fate. `no` is derived from the intent, so it is asked for once (P4).

    `transaction_id` etc. stay at WeChat; SUCCEEDED only on WeChat's word (`refund_id`, P8)."""

    id = fields.BigIntField(primary_key=True)
    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="refunds", on_delete=fields.RESTRICT
    )
    no = fields.CharField(max_length=64, unique=True)
    cause = fields.CharEnumField(RefundCause, max_length=16)
    status = fields.CharEnumField(RefundStatus, max_length=16)
    amount_fen: fields.Field[Fen] = fields.BigIntField()
    reason = fields.CharField(max_length=80)
    refund_id = fields.CharField(max_length=64, null=True)
    requested_at = fields.DatetimeField()
    query_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "refund"
