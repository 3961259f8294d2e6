"""Goods: categories, products with their specs, SKUs, and what a store asks for them."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from kit.money import Fen
from models.enums import ProductStatus
from models.stores import Store


class Category(Model):
    id = fields.BigIntField(primary_key=True)
    parent: fields.ForeignKeyNullableRelation["Category"] = fields.ForeignKeyField(
        "models.Category", related_name="children", null=True, on_delete=fields.RESTRICT
    )
    name = fields.CharField(max_length=32)
    position = fields.IntField(default=0)

    class Meta:
        table = "category"


class Product(Model):
    """`specs` is the matrix' axes: [{"name": "口味", "values": ["原味", …]}]; `attributes` is {"产地": "山东"}.

    `search_keys` is the searched text (title, brand, codes, pinyin); the database derives its grams.
    """

    id = fields.BigIntField(primary_key=True)
    code = fields.CharField(max_length=32, unique=True)
    title = fields.CharField(max_length=128)
    category: fields.ForeignKeyRelation[Category] = fields.ForeignKeyField(
        "models.Category", related_name="products", on_delete=fields.RESTRICT
    )
    brand = fields.CharField(max_length=64, default="")
    unit = fields.CharField(max_length=16, default="件")
    description = fields.TextField(default="")
    specs: fields.Field[list[dict[str, Any]]] = fields.JSONField()
    attributes: fields.Field[dict[str, str]] = fields.JSONField()
    pictures: fields.Field[list[str]] = fields.JSONField()
    status = fields.CharEnumField(ProductStatus, max_length=16)
    search_keys = fields.TextField(default="")
    created_at = fields.DatetimeField()

    class Meta:
        table = "product"


class Sku(Model):
    """One sellable variant: `specs` picks one value per axis of its product."""

    id = fields.BigIntField(primary_key=True)
    code = fields.CharField(max_length=32, unique=True)
    product: fields.ForeignKeyRelation[Product] = fields.ForeignKeyField(
        "models.Product", related_name="skus", on_delete=fields.RESTRICT
    )
    specs: fields.Field[dict[str, str]] = fields.JSONField()
    barcode = fields.CharField(max_length=14, null=True, unique=True)
    list_price_fen: fields.Field[Fen] = fields.BigIntField()
    weight_grams = fields.IntField(default=0)
    is_active = fields.BooleanField(default=True)

    class Meta:
        table = "sku"


class StorePrice(Model):
    """A store's own price of a SKU; without one the list price holds."""

    id = fields.BigIntField(primary_key=True)
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", related_name="prices", on_delete=fields.CASCADE
    )
    sku: fields.ForeignKeyRelation[Sku] = fields.ForeignKeyField(
        "models.Sku", related_name="store_prices", on_delete=fields.CASCADE
    )
    price_fen: fields.Field[Fen] = fields.BigIntField()

    class Meta:
        table = "store_price"
        unique_together = (("store", "sku"),)
