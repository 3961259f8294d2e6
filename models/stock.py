"""Stock: a balance per store and SKU, and the journal that alone may change it."""

from tortoise import fields
from tortoise.models import Model

from models.catalog import Sku
from models.enums import StockKind
from models.stores import Store


class StockLevel(Model):
    """Never written by the program: a trigger on `stock_entry` keeps it (S1, S2)."""

    id = fields.BigIntField(primary_key=True)
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", related_name="stock", on_delete=fields.RESTRICT
    )
    sku: fields.ForeignKeyRelation[Sku] = fields.ForeignKeyField(
        "models.Sku", related_name="stock", on_delete=fields.RESTRICT
    )
    on_hand = fields.IntField(default=0)
    reserved = fields.IntField(default=0)

    class Meta:
        table = "stock_level"
        unique_together = (("store", "sku"),)


class StockEntry(Model):
    """One movement. (cause, kind, store, sku) is unique, so nothing is taken or given back twice (S4)."""

    id = fields.BigIntField(primary_key=True)
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", related_name="stock_entries", on_delete=fields.RESTRICT
    )
    sku: fields.ForeignKeyRelation[Sku] = fields.ForeignKeyField(
        "models.Sku", related_name="stock_entries", on_delete=fields.RESTRICT
    )
    kind = fields.CharEnumField(StockKind, max_length=16)
    cause = fields.CharField(max_length=64)
    d_on_hand = fields.IntField()
    d_reserved = fields.IntField()
    at = fields.DatetimeField()

    class Meta:
        table = "stock_entry"
