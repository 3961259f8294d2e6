"""Stores: where they are, when they are open, where they deliver."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from kit.money import Fen


class Store(Model):
    """Positions are GCJ-02 degrees. `weekly_hours` is seven lists (Monday first) of [start, end) minutes;
    an end over 1440 runs into the next day. `fence` is a ring of [lng, lat], or null for no delivery area.
    """

    id = fields.BigIntField(primary_key=True)
    code = fields.CharField(max_length=32, unique=True)
    name = fields.CharField(max_length=64)
    city = fields.CharField(max_length=32)
    district = fields.CharField(max_length=32)
    address = fields.CharField(max_length=128)
    phone = fields.CharField(max_length=32)
    lat = fields.FloatField()
    lng = fields.FloatField()
    is_active = fields.BooleanField(default=True)
    is_paused = fields.BooleanField(default=False)
    offers_pickup = fields.BooleanField(default=True)
    offers_delivery = fields.BooleanField(default=True)
    weekly_hours: fields.Field[list[list[list[int]]]] = fields.JSONField()
    fence: fields.Field[Any] = fields.JSONField(null=True)
    delivery_fee_fen: fields.Field[Fen] = fields.BigIntField(default=0)
    minimum_order_fen: fields.Field[Fen] = fields.BigIntField(default=0)
    preparation_minutes = fields.IntField(default=15)
    created_at = fields.DatetimeField()

    class Meta:
        table = "store"


class StoreDay(Model):
    """A date that does not follow the week: a holiday, a closure (no intervals), longer hours."""

    id = fields.BigIntField(primary_key=True)
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", related_name="days", on_delete=fields.CASCADE
    )
    on_date = fields.DateField()
    intervals: fields.Field[list[list[int]]] = fields.JSONField()
    note = fields.CharField(max_length=64, default="")

    class Meta:
        table = "store_day"
        unique_together = (("store", "on_date"),)
