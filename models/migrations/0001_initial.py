from tortoise import migrations
from tortoise.migrations import operations as ops
from models.enums import (
    ActorKind,
    CloseReason,
    DeliveryMethod,
    FulfilmentStatus,
    OrderStatus,
    PaymentStatus,
    ProductStatus,
    RefundCause,
    RefundStatus,
    StaffRole,
    StepSubject,
    StockKind,
)
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from uuid import uuid4
from tortoise import fields


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("kind", fields.CharField(max_length=48)),
                ("cause", fields.CharField(max_length=128)),
                ("details", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("closed_by_id", fields.BigIntField(null=True)),
                ("close_note", fields.CharField(default="", max_length=200)),
            ],
            options={
                "table": "alert",
                "app": "models",
                "unique_together": (("kind", "cause"),),
                "pk_attr": "id",
                "table_description": "Something a human must look at; `cause` is unique, so it is raised once.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Category",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "parent",
                    fields.ForeignKeyField(
                        "models.Category",
                        source_field="parent_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="children",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("name", fields.CharField(max_length=32)),
                ("position", fields.IntField(default=0)),
            ],
            options={"table": "category", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="IdempotencyRecord",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("caller", fields.CharField(max_length=64)),
                ("key", fields.CharField(max_length=64)),
                ("fingerprint", fields.BinaryField()),
                ("status", fields.IntField(null=True)),
                ("body", fields.BinaryField(null=True)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "idempotency_record",
                "app": "models",
                "unique_together": (("caller", "key"),),
                "pk_attr": "id",
                "table_description": "The answer given to (caller, key): repeated for the same request, refused for another.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="InboxMessage",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("consumer", fields.CharField(max_length=32)),
                ("message_id", fields.CharField(max_length=128)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "inbox_message",
                "app": "models",
                "unique_together": (("consumer", "message_id"),),
                "pk_attr": "id",
                "table_description": "A message a consumer has applied; the pair is unique, so a repeat changes nothing (M2, P6).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Member",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("nickname", fields.CharField(default="", max_length=64)),
                ("phone_sealed", fields.TextField(null=True, unique=False)),
                ("phone_index", fields.BinaryField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "member", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Address",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="addresses",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("content_sealed", fields.TextField(unique=False)),
                ("phone_index", fields.BinaryField()),
                ("is_default", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "address",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`content_sealed` holds receiver, phone, region, detail and position; nothing of it stands in clear.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OutboxMessage",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("topic", fields.CharField(max_length=64)),
                ("payload", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("attempts", fields.IntField(default=0)),
                (
                    "delivered_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("parked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_error", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "outbox_message",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Written in the transaction of its cause; delivered at least once, or parked with a reason (M1).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Product",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("title", fields.CharField(max_length=128)),
                (
                    "category",
                    fields.ForeignKeyField(
                        "models.Category",
                        source_field="category_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="products",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("brand", fields.CharField(default="", max_length=64)),
                ("unit", fields.CharField(default="件", max_length=16)),
                ("description", fields.TextField(default="", unique=False)),
                ("specs", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("attributes", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("pictures", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                (
                    "status",
                    fields.CharEnumField(
                        description="DRAFT: draft\nLISTED: listed\nDELISTED: delisted",
                        enum_type=ProductStatus,
                        max_length=16,
                    ),
                ),
                ("search_keys", fields.TextField(default="", unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "product",
                "app": "models",
                "pk_attr": "id",
                "table_description": '`specs` is the matrix\' axes: [{"name": "口味", "values": ["原味", …]}]; `attributes` is {"产地": "山东"}.',
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Sku",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                (
                    "product",
                    fields.ForeignKeyField(
                        "models.Product",
                        source_field="product_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="skus",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("specs", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("barcode", fields.CharField(null=True, unique=True, max_length=14)),
                ("list_price_fen", fields.BigIntField()),
                ("weight_grams", fields.IntField(default=0)),
                ("is_active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "sku",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One sellable variant: `specs` picks one value per axis of its product.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CartLine",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="cart_lines",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "sku",
                    fields.ForeignKeyField(
                        "models.Sku",
                        source_field="sku_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="cart_lines",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("quantity", fields.IntField()),
                ("added_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "cart_line",
                "app": "models",
                "unique_together": (("member", "sku"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Staff",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("account", fields.CharField(unique=True, max_length=32)),
                ("display_name", fields.CharField(max_length=32)),
                ("password_hash", fields.CharField(max_length=128)),
                (
                    "role",
                    fields.CharEnumField(
                        description="HEADQUARTERS: headquarters\nMERCHANDISER: merchandiser\nSTORE_MANAGER: store_manager\nCLERK: clerk\nGUIDE: guide\nRIDER: rider",
                        enum_type=StaffRole,
                        max_length=16,
                    ),
                ),
                ("is_active", fields.BooleanField(default=True)),
                ("session_epoch", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "staff",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`session_epoch` ends every session when it is raised: dismissal, new role, new password.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "staff",
                    fields.ForeignKeyField(
                        "models.Staff",
                        source_field="staff_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="audit_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("action", fields.CharField(max_length=64)),
                ("subject", fields.CharField(max_length=64)),
                ("details", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("previous_hash", fields.BinaryField(null=True)),
                ("hash", fields.BinaryField(null=True)),
            ],
            options={
                "table": "audit_entry",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An administrative write. The database chains the hashes and refuses change (A2).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Store",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=32)),
                ("name", fields.CharField(max_length=64)),
                ("city", fields.CharField(max_length=32)),
                ("district", fields.CharField(max_length=32)),
                ("address", fields.CharField(max_length=128)),
                ("phone", fields.CharField(max_length=32)),
                ("lat", fields.FloatField()),
                ("lng", fields.FloatField()),
                ("is_active", fields.BooleanField(default=True)),
                ("is_paused", fields.BooleanField(default=False)),
                ("offers_pickup", fields.BooleanField(default=True)),
                ("offers_delivery", fields.BooleanField(default=True)),
                ("weekly_hours", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("fence", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("delivery_fee_fen", fields.BigIntField(default=0)),
                ("minimum_order_fen", fields.BigIntField(default=0)),
                ("preparation_minutes", fields.IntField(default=15)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "store",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Positions are GCJ-02 degrees. `weekly_hours` is seven lists (Monday first) of [start, end) minutes;",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Quote",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="quotes",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="quotes",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "method",
                    fields.CharEnumField(
                        description="PICKUP: pickup\nDELIVERY: delivery",
                        enum_type=DeliveryMethod,
                        max_length=16,
                    ),
                ),
                ("address_sealed", fields.TextField(null=True, unique=False)),
                ("lines", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("steps", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("goods_fen", fields.BigIntField()),
                ("discount_fen", fields.BigIntField()),
                ("freight_fen", fields.BigIntField()),
                ("payable_fen", fields.BigIntField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "quote",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A price the shop stands by until `expires_at`, for one order (O4).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("no", fields.CharField(unique=True, max_length=18)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "quote",
                    fields.ForeignKeyField(
                        "models.Quote",
                        source_field="quote_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="orders",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("idempotency_key", fields.CharField(max_length=64)),
                ("remark", fields.CharField(default="", max_length=200)),
                (
                    "method",
                    fields.CharEnumField(
                        description="PICKUP: pickup\nDELIVERY: delivery",
                        enum_type=DeliveryMethod,
                        max_length=16,
                    ),
                ),
                ("address_sealed", fields.TextField(null=True, unique=False)),
                (
                    "status",
                    fields.CharEnumField(
                        description="UNPAID: unpaid\nPAID: paid\nCOMPLETED: completed\nCLOSED: closed",
                        enum_type=OrderStatus,
                        max_length=16,
                    ),
                ),
                ("step_count", fields.IntField(default=1)),
                (
                    "close_reason",
                    fields.CharEnumField(
                        null=True,
                        description="EXPIRED: expired\nCANCELLED_BY_MEMBER: cancelled_by_member\nCANCELLED_BY_STAFF: cancelled_by_staff",
                        enum_type=CloseReason,
                        max_length=32,
                    ),
                ),
                ("goods_fen", fields.BigIntField()),
                ("discount_fen", fields.BigIntField()),
                ("freight_fen", fields.BigIntField()),
                ("payable_fen", fields.BigIntField()),
                ("placed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("pay_by", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("paid_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "shop_order",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`no` is what people read and what WeChat knows as out_trade_no. Only `move_order` writes `status`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Fulfilment",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "order",
                    fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="fulfilments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="fulfilments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "method",
                    fields.CharEnumField(
                        description="PICKUP: pickup\nDELIVERY: delivery",
                        enum_type=DeliveryMethod,
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="WAITING: waiting\nPREPARING: preparing\nREADY: ready\nDELIVERING: delivering\nHANDED_OVER: handed_over\nCANCELLED: cancelled",
                        enum_type=FulfilmentStatus,
                        max_length=16,
                    ),
                ),
                ("pickup_code", fields.CharField(null=True, max_length=8)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "handed_over_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "fulfilment",
                "app": "models",
                "pk_attr": "id",
                "table_description": "How goods of a paid order reach the shopper. Only `move_fulfilment` writes `status`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OrderLine",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "order",
                    fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="lines",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "sku",
                    fields.ForeignKeyField(
                        "models.Sku",
                        source_field="sku_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="order_lines",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("title", fields.CharField(max_length=128)),
                ("specs", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("quantity", fields.IntField()),
                ("unit_price_fen", fields.BigIntField()),
                ("goods_fen", fields.BigIntField()),
                ("discount_fen", fields.BigIntField()),
                ("payable_fen", fields.BigIntField()),
            ],
            options={
                "table": "order_line",
                "app": "models",
                "unique_together": (("order", "sku"),),
                "pk_attr": "id",
                "table_description": "What was sold, as it was called and priced then.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OrderStep",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "order",
                    fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="steps",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("seq", fields.IntField()),
                (
                    "subject",
                    fields.CharEnumField(
                        description="ORDER: order\nFULFILMENT: fulfilment",
                        enum_type=StepSubject,
                        max_length=16,
                    ),
                ),
                ("old", fields.CharField(null=True, max_length=16)),
                ("new", fields.CharField(max_length=16)),
                (
                    "actor",
                    fields.CharEnumField(
                        description="MEMBER: member\nSTAFF: staff\nSYSTEM: system\nWECHAT: wechat",
                        enum_type=ActorKind,
                        max_length=16,
                    ),
                ),
                ("actor_id", fields.BigIntField(null=True)),
                ("note", fields.CharField(default="", max_length=200)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "order_step",
                "app": "models",
                "unique_together": (("order", "seq"),),
                "pk_attr": "id",
                "table_description": "The timeline: `seq` runs 1..n per order without a gap (O2).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Payment",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "order",
                    fields.ForeignKeyField(
                        "models.Order",
                        source_field="order_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="payments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("out_trade_no", fields.CharField(unique=True, max_length=32)),
                (
                    "status",
                    fields.CharEnumField(
                        description="CREATED: created\nSUCCEEDED: succeeded\nCLOSED: closed",
                        enum_type=PaymentStatus,
                        max_length=16,
                    ),
                ),
                ("amount_fen", fields.BigIntField()),
                ("openid", fields.CharField(max_length=128)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("prepay_id", fields.CharField(null=True, max_length=64)),
                ("prepaid_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("transaction_id", fields.CharField(null=True, unique=True, max_length=64)),
                ("paid_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("is_late", fields.BooleanField(default=False)),
                ("queries", fields.IntField(default=0)),
                ("query_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payment",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One trade at WeChat. Kept = succeeded and not late; at most one per order (P2).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "payment",
                    fields.ForeignKeyField(
                        "models.Payment",
                        source_field="payment_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="refunds",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("no", fields.CharField(unique=True, max_length=64)),
                (
                    "cause",
                    fields.CharEnumField(
                        description="CANCELLED: cancelled\nLATE_PAYMENT: late_payment",
                        enum_type=RefundCause,
                        max_length=16,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(
                        description="REQUESTED: requested\nPROCESSING: processing\nSUCCEEDED: succeeded\nCLOSED: closed\nABNORMAL: abnormal",
                        enum_type=RefundStatus,
                        max_length=16,
                    ),
                ),
                ("amount_fen", fields.BigIntField()),
                ("reason", fields.CharField(max_length=80)),
                ("refund_id", fields.CharField(null=True, max_length=64)),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("query_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("settled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "refund",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A refund intent and its fate. `no` is derived from the intent, so it is asked for once (P4).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StaffStore",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "staff",
                    fields.ForeignKeyField(
                        "models.Staff",
                        source_field="staff_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="grants",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="grants",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "staff_store",
                "app": "models",
                "unique_together": (("staff", "store"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StockEntry",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="stock_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "sku",
                    fields.ForeignKeyField(
                        "models.Sku",
                        source_field="sku_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="stock_entries",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "kind",
                    fields.CharEnumField(
                        description="HOLD: hold\nRELEASE: release\nHAND_OVER: hand_over\nCOUNT: count",
                        enum_type=StockKind,
                        max_length=16,
                    ),
                ),
                ("cause", fields.CharField(max_length=64)),
                ("d_on_hand", fields.IntField()),
                ("d_reserved", fields.IntField()),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "stock_entry",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One movement. (cause, kind, store, sku) is unique, so nothing is taken or given back twice (S4).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StockLevel",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="stock",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "sku",
                    fields.ForeignKeyField(
                        "models.Sku",
                        source_field="sku_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="stock",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("on_hand", fields.IntField(default=0)),
                ("reserved", fields.IntField(default=0)),
            ],
            options={
                "table": "stock_level",
                "app": "models",
                "unique_together": (("store", "sku"),),
                "pk_attr": "id",
                "table_description": "Never written by the program: a trigger on `stock_entry` keeps it (S1, S2).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StoreDay",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="days",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("on_date", fields.DateField()),
                ("intervals", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("note", fields.CharField(default="", max_length=64)),
            ],
            options={
                "table": "store_day",
                "app": "models",
                "unique_together": (("store", "on_date"),),
                "pk_attr": "id",
                "table_description": "A date that does not follow the week: a holiday, a closure (no intervals), longer hours.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StorePrice",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "store",
                    fields.ForeignKeyField(
                        "models.Store",
                        source_field="store_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="prices",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "sku",
                    fields.ForeignKeyField(
                        "models.Sku",
                        source_field="sku_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="store_prices",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("price_fen", fields.BigIntField()),
            ],
            options={
                "table": "store_price",
                "app": "models",
                "unique_together": (("store", "sku"),),
                "pk_attr": "id",
                "table_description": "A store's own price of a SKU; without one the list price holds.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WechatIdentity",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "models.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="identities",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("appid", fields.CharField(max_length=32)),
                ("openid", fields.CharField(max_length=128)),
                ("unionid", fields.CharField(null=True, max_length=128)),
                ("session_key_sealed", fields.TextField(null=True, unique=False)),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "wechat_identity",
                "app": "models",
                "unique_together": (("appid", "openid"),),
                "pk_attr": "id",
                "table_description": "`openid` is per appid; `unionid` ties one person's identities together.",
            },
            bases=["Model"],
        ),
    ]
