"""What must happen outside, what has already been heard, what was answered, what needs a human."""

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model


class OutboxMessage(Model):
    """Written in the transaction of its cause; delivered at least once, or parked with a reason (M1)."""

    id: fields.Field[UUID] = fields.UUIDField(primary_key=True)
    topic = fields.CharField(max_length=64)
    payload: fields.Field[dict[str, Any]] = fields.JSONField()
    created_at = fields.DatetimeField()
    due_at = fields.DatetimeField()
    attempts = fields.IntField(default=0)
    delivered_at = fields.DatetimeField(null=True)
    parked_at = fields.DatetimeField(null=True)
    last_error = fields.TextField(null=True)

    class Meta:
        table = "outbox_message"


class InboxMessage(Model):
    """A message a consumer has applied; the pair is unique, so a repeat changes nothing (M2, P6)."""

    id = fields.BigIntField(primary_key=True)
    consumer = fields.CharField(max_length=32)
    message_id = fields.CharField(max_length=128)
    at = fields.DatetimeField()

    class Meta:
        table = "inbox_message"
        unique_together = (("consumer", "message_id"),)


class IdempotencyRecord(Model):
    """The answer given to (caller, key): repeated for the same request, refused for another."""

    id = fields.BigIntField(primary_key=True)
    caller = fields.CharField(max_length=64)
    key = fields.CharField(max_length=64)
    fingerprint = fields.BinaryField()
    status = fields.IntField(null=True)
    body = fields.BinaryField(null=True)
    at = fields.DatetimeField()

    class Meta:
        table = "idempotency_record"
        unique_together = (("caller", "key"),)


class Alert(Model):
    """Something a human must look at; `cause` is unique, so it is raised once."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=48)
    cause = fields.CharField(max_length=128)
    details: fields.Field[dict[str, Any]] = fields.JSONField()
    at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)
    closed_by_id = fields.BigIntField(null=True)
    close_note = fields.CharField(max_length=200, default="")

    class Meta:
        table = "alert"
        unique_together = (("kind", "cause"),)
