"""The server-side cart and the quotes made from it."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from kit.money import Fen
from models.catalog import Sku
from models.enums import DeliveryMethod
from models.members import Member
from models.stores import Store


class CartLine(Model):
    id = fields.BigIntField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="cart_lines", on_delete=fields.CASCADE
    )
    sku: fields.ForeignKeyRelation[Sku] = fields.ForeignKeyField(
        "models.Sku", related_name="cart_lines", on_delete=fields.CASCADE
    )
    quantity = fields.IntField()
    added_at = fields.DatetimeField()

    class Meta:
        table = "cart_line"
        unique_together = (("member", "sku"),)


class Quote(Model):
    """A price the shop stands by until `expires_at`, for one order (O4).

    `lines`: [{"sku_id", "quantity", "unit_price_fen", "goods_fen", "discount_fen", "payable_fen", "title", "specs"}];
    `steps`: the readable price steps [{"code", "label", "amount_fen", …}].
    """

    id: fields.Field[UUID] = fields.UUIDField(primary_key=True)
    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField(
        "models.Member", related_name="quotes", on_delete=fields.CASCADE
    )
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", related_name="quotes", on_delete=fields.RESTRICT
    )
    method = fields.CharEnumField(DeliveryMethod, max_length=16)
    address_sealed = fields.TextField(null=True)
    lines: fields.Field[list[dict[str, Any]]] = fields.JSONField()
    steps: fields.Field[list[dict[str, Any]]] = fields.JSONField()
    goods_fen: fields.Field[Fen] = fields.BigIntField()
    discount_fen: fields.Field[Fen] = fields.BigIntField()
    freight_fen: fields.Field[Fen] = fields.BigIntField()
    payable_fen: fields.Field[Fen] = fields.BigIntField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "quote"
