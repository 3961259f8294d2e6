"""PostgreSQL itself refuses what must never be, whoever writes it: one bad row per rule."""

from dataclasses import dataclass, field

import asyncpg
import pytest

from kit import db
from tests.schema.ground import APART, OTHER_QUOTE, RULES, copy, lay, undone

CHECKED_ON = {rule: table for table, rules in RULES.CHECKS.items() for rule in rules}


@pytest.fixture
async def ground(database: str) -> None:
    await lay()


@dataclass(frozen=True)
class Bad:
    """A copy of a sound row of `table` that `rule` refuses. `implied_by` are rules no such row can keep."""

    rule: str
    changes: dict[str, object]
    table: str = ""
    implied_by: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        changes = ",".join(f"{name}={text}" for name, text in self.changes.items())
        return f"{self.rule}-{changes}"

    @property
    def place(self) -> str:
        return self.table or CHECKED_ON[self.rule]


CHECKS = [
    Bad("stock_reserved_not_negative", {"d_on_hand": 0, "d_reserved": -1}, "stock_entry"),
    Bad("stock_reserved_within_on_hand", {"d_on_hand": 0, "d_reserved": 6}, "stock_entry"),
    Bad("stock_reserved_within_on_hand", {"d_on_hand": -6, "d_reserved": 0}, "stock_entry"),
    Bad("stock_entry_moves", {"d_on_hand": 0, "d_reserved": 0}),
    *(Bad("cart_quantity", {"quantity": quantity}) for quantity in (-1, 0, 1000)),
    Bad("quote_adds_up", {"payable_fen": 1499}),
    Bad("quote_adds_up", {"payable_fen": 1501}),
    Bad("quote_not_negative", {"goods_fen": -1, "discount_fen": 0, "payable_fen": 599}),
    Bad("quote_not_negative", {"discount_fen": -1, "payable_fen": 1601}),
    Bad("quote_not_negative", {"freight_fen": -1, "payable_fen": 899}),
    Bad("quote_not_negative", {"discount_fen": 1700, "payable_fen": -100}),
    Bad("quote_life", {"expires_at": "2026-11-20 04:00Z"}),
    Bad("order_adds_up", {"payable_fen": 1499}),
    Bad("order_adds_up", {"payable_fen": 1501}),
    Bad("order_not_negative", {"goods_fen": -1, "discount_fen": 0, "payable_fen": 599}),
    Bad("order_not_negative", {"discount_fen": -1, "payable_fen": 1601}),
    Bad("order_not_negative", {"freight_fen": -1, "payable_fen": 899}),
    Bad("order_not_negative", {"discount_fen": 1700, "payable_fen": -100}),
    Bad("order_status_known", {"status": "lost"}),
    Bad("order_steps", {"step_count": 0}),
    *(Bad("order_unpaid_slot", {"unpaid_slot": slot}) for slot in (0, 6, None)),
    Bad("order_close_planned", {"close_at": None}),
    Bad("fulfilment_status_known", {"status": "lost"}),
    Bad("payment_status_known", {"status": "lost"}),
    Bad("refund_status_known", {"status": "lost"}),
    Bad("order_paid_when", {"status": "paid"}),
    Bad("order_paid_when", {"status": "completed"}),
    Bad("order_closed_why", {"status": "closed"}),
    Bad("order_closed_why", {"close_reason": "expired"}),
    Bad("order_delivered_where", {"method": "delivery"}),
    Bad(
        "line_quantity", {"quantity": 0, "goods_fen": 0, "discount_fen": 0, "payable_fen": 0}
    ),
    Bad("line_quantity", {"quantity": 1000, "goods_fen": 500_000, "payable_fen": 499_900}),
    Bad(
        "line_price",
        {"unit_price_fen": -500, "quantity": 0, "goods_fen": 0, "discount_fen": 0, "payable_fen": 0},
        implied_by=("line_quantity",),
    ),
    Bad("line_goods", {"goods_fen": 999, "payable_fen": 899}),
    Bad("line_adds_up", {"payable_fen": 901}),
    Bad("line_discount", {"discount_fen": -1, "payable_fen": 1001}),
    Bad("line_discount", {"discount_fen": 1001, "payable_fen": -1}),
    Bad("step_seq", {"seq": 0}),
    Bad("payment_amount", {"amount_fen": 0}),
    Bad("payment_success_known", {"transaction_id": None}),
    Bad("payment_success_known", {"paid_at": None}),
    Bad("refund_amount", {"amount_fen": 0}),
    Bad("refund_amount", {"amount_fen": -1}),
    Bad("refund_success_on_word", {"status": "succeeded", "settled_at": "2026-11-20 06:00Z"}),
    Bad("refund_success_on_word", {"status": "succeeded", "refund_id": "50-1"}),
    *(Bad("store_position", {"lat": lat}) for lat in (-90.001, 90.001, "NaN")),
    *(Bad("store_position", {"lng": lng}) for lng in (-180.001, 180.001, "Infinity")),
    Bad("store_fees", {"delivery_fee_fen": -1}),
    Bad("store_fees", {"minimum_order_fen": -1}),
    Bad("store_preparation", {"preparation_minutes": -1}),
    Bad("store_preparation", {"preparation_minutes": 1441}),
    Bad("sku_price", {"list_price_fen": -1}),
    Bad("sku_weight", {"weight_grams": -1}),
    *(
        Bad("sku_barcode", {"barcode": barcode})
        for barcode in ("1234567", "6901234567X", "６９０１２３４５６７", "6901234567\n", "")
    ),
    Bad("store_price_not_negative", {"price_fen": -1}),
    Bad("outbox_attempts", {"attempts": -1}),
    Bad("idempotency_answered", {"status": None}),
    Bad("idempotency_answered", {"body": None}),
]  # fmt: skip

# Rules of triggers: each has a name of its own, like a constraint.
TRIGGERS = [
    Bad("stock_level_carried", {"sku_id": 900003}, "stock_entry"),
    Bad("stock_level_journaled", {"on_hand": 1}, "stock_level"),
    Bad("refund_within_payment", {"amount_fen": 1001}, "refund"),
]

# (rule, table, what the copy repeats)
ONCE = [
    ("category_name_once", "category", {"name": "乳品", "parent_id": None}),
    ("stock_entry_once", "stock_entry", {"cause": "sheet:1"}),
    ("address_default_once", "address", {"is_default": True}),
    ("order_quote_once", "shop_order", {"quote_id": OTHER_QUOTE}),
    ("order_key_once", "shop_order", {"idempotency_key": "tap-0002"}),
    ("order_slot_once", "shop_order", {"unpaid_slot": 1}),
    ("fulfilment_code_once", "fulfilment", {"pickup_code": "12345678"}),
    ("fulfilment_code_once", "fulfilment", {"pickup_code": "12345678", "status": "ready"}),
    ("payment_kept_once", "payment", {"order_id": 900001}),
]

# Beside the rule: what looks like a repeat and is none.
NOT_AGAIN = [
    ("category", {"name": "乳品", "parent_id": 900002}),
    ("stock_entry", {"cause": "sheet:1", "kind": "hold"}),
    ("address", {"is_default": True, "member_id": 900002}),
    ("shop_order", {"idempotency_key": "tap-0001", "member_id": 900002}),
    ("shop_order", {"unpaid_slot": 1, "member_id": 900002}),
    ("shop_order", {"unpaid_slot": 1, "status": "closed", "close_reason": "expired"}),
    ("fulfilment", {"pickup_code": "12345678", "status": "handed_over"}),
    ("fulfilment", {"pickup_code": "12345678", "status": "cancelled"}),
    ("fulfilment", {"pickup_code": "12345678", "store_id": 900002}),
    ("payment", {"order_id": 900001, "is_late": True}),
    ("payment", {"order_id": 900001, "status": "closed"}),
    ("refund", {"amount_fen": 1000}),
]

# Tortoise names these by a hash: (table, columns).
UNIQUE = [
    ("store", ("code",)),
    ("store_day", ("store_id", "on_date")),
    ("product", ("code",)),
    ("sku", ("code",)),
    ("sku", ("barcode",)),
    ("store_price", ("store_id", "sku_id")),
    ("stock_level", ("store_id", "sku_id")),
    ("wechat_identity", ("appid", "openid")),
    ("staff", ("account",)),
    ("staff_store", ("staff_id", "store_id")),
    ("cart_line", ("member_id", "sku_id")),
    ("shop_order", ("no",)),
    ("order_line", ("order_id", "sku_id")),
    ("order_step", ("order_id", "seq")),
    ("payment", ("out_trade_no",)),
    ("payment", ("transaction_id",)),
    ("refund", ("no",)),
    ("inbox_message", ("consumer", "message_id")),
    ("idempotency_record", ("caller", "key")),
    ("alert", ("kind", "cause")),
]


async def refused(table: str, changes: dict[str, object]) -> str | None:
    """The name of the rule that refuses this copy; None when it goes in. Nothing stays."""
    try:
        async with undone():
            await copy(table, APART[table] | changes)
    except asyncpg.IntegrityConstraintViolationError as error:
        return str(error.constraint_name)
    return None


async def refused_without(
    rules: dict[str, str], table: str, changes: dict[str, object]
) -> str | None:
    """The same with `rules` (name -> table) taken away for the moment."""
    async with undone():
        for rule, place in rules.items():
            await db.execute(f"alter table {place} drop constraint {rule}")
        return await refused(table, changes)


@pytest.mark.parametrize("table", APART)
async def test_a_sound_copy_goes_into(ground: None, table: str) -> None:
    assert await refused(table, {}) is None


@pytest.mark.parametrize("bad", CHECKS, ids=str)
async def test_a_check_refuses(ground: None, bad: Bad) -> None:
    kept = {rule: CHECKED_ON[rule] for rule in bad.implied_by}
    assert await refused_without(kept, bad.place, bad.changes) == bad.rule
    # Without the rule the row goes in: nothing else would have refused it.
    without = kept | {bad.rule: CHECKED_ON[bad.rule]}
    assert await refused_without(without, bad.place, bad.changes) is None


@pytest.mark.parametrize("bad", TRIGGERS, ids=str)
async def test_a_trigger_refuses(ground: None, bad: Bad) -> None:
    assert await refused(bad.place, bad.changes) == bad.rule


@pytest.mark.parametrize(("rule", "table", "changes"), ONCE)
async def test_a_repeat_is_refused_by(
    ground: None, rule: str, table: str, changes: dict[str, object]
) -> None:
    assert await refused(table, changes) == rule


@pytest.mark.parametrize(("table", "changes"), NOT_AGAIN)
async def test_what_is_no_repeat_goes_into(
    ground: None, table: str, changes: dict[str, object]
) -> None:
    assert await refused(table, changes) is None


@pytest.mark.parametrize(("table", "columns"), UNIQUE, ids=str)
async def test_the_same_again_is_refused_in(
    ground: None, table: str, columns: tuple[str, ...]
) -> None:
    names = ", ".join(columns)
    same = await db.one(f"select {names} from {table} order by id limit 1")
    rule = await refused(table, {name: _plain(same[name]) for name in columns})
    assert rule == await _unique_name(table, columns)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int) else str(value)


async def _unique_name(table: str, columns: tuple[str, ...]) -> str | None:
    for row in await unique_indexes():
        if (row["table"], tuple(row["columns"])) == (table, columns):
            return str(row["name"])
    return None


async def unique_indexes() -> list[asyncpg.Record]:
    """Every unique index that is not a primary key: table, name, columns (none for expressions)."""
    return await db.rows(
        """
        select t.relname::text as "table", i.relname::text as name,
            array(select a.attname::text from unnest(x.indkey) with ordinality k (attnum, place)
                join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
                order by place) as columns
        from pg_index x join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
        where x.indisunique and not x.indisprimary and t.relnamespace = 'public'::regnamespace
            and t.relname not like 'tortoise%'
        """
    )


def test_every_check_has_its_bad_row() -> None:
    assert {bad.rule for bad in CHECKS} == set(CHECKED_ON)


async def test_every_unique_index_has_its_repeat(database: str) -> None:
    named = {rule for rule, _, _ in ONCE}
    assert named == {name for name, what in RULES.INDEXES.items() if what.startswith("unique")}
    others = {
        (row["table"], tuple(row["columns"]))
        for row in await unique_indexes()
        if row["name"] not in named
    }
    assert others == set(UNIQUE)


async def test_every_table_has_a_sound_row(database: str) -> None:
    tables = await db.rows(
        "select tablename from pg_tables where schemaname = 'public' and tablename not like 'tortoise%'"
    )
    assert {row["tablename"] for row in tables} == set(APART)
