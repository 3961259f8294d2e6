"""The people of the shop, the stores granted to them, and what they did."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from models.enums import StaffRole
from models.stores import Store


class Staff(Model):
    """`session_epoch` ends every session when it is raised: dismissal, new role, new password."""

    id = fields.BigIntField(primary_key=True)
    account = fields.CharField(max_length=32, unique=True)
    display_name = fields.CharField(max_length=32)
    password_hash = fields.CharField(max_length=128)
    role = fields.CharEnumField(StaffRole, max_length=16)
    is_active = fields.BooleanField(default=True)
    session_epoch = fields.IntField(default=1)
    created_at = fields.DatetimeField()

    class Meta:
        table = "staff"


class StaffStore(Model):
    id = fields.BigIntField(primary_key=True)
    staff: fields.ForeignKeyRelation[Staff] = fields.ForeignKeyField(
        "models.Staff", related_name="grants", on_delete=fields.CASCADE
    )
    store: fields.ForeignKeyRelation[Store] = fields.ForeignKeyField(
        "models.Store", related_name="grants", on_delete=fields.CASCADE
    )

    class Meta:
        table = "staff_store"
        unique_together = (("staff", "store"),)


class AuditEntry(Model):
    """An administrative write. The database chains the hashes and refuses change (A2)."""

    id = fields.BigIntField(primary_key=True)
    at = fields.DatetimeField()
    staff: fields.ForeignKeyNullableRelation[Staff] = fields.ForeignKeyField(
        "models.Staff", related_name="audit_entries", null=True, on_delete=fields.RESTRICT
    )
    action = fields.CharField(max_length=64)
    subject = fields.CharField(max_length=64)
    details: fields.Field[dict[str, Any]] = fields.JSONField()
    previous_hash = fields.BinaryField(null=True)
    hash = fields.BinaryField(null=True)

    class Meta:
        table = "audit_entry"
