"""One sound row in every table, and its copies: what a rule must refuse is a copy that breaks only it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Never

import orjson

from kit import db

RULES = import_module("models.migrations.0002_rules")

QUOTE, OTHER_QUOTE, FREE_QUOTE = (f"00000000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
MESSAGE, OTHER_MESSAGE = (f"00000000-0000-7000-8000-00000000000{n}" for n in (8, 9))

_QUOTE_VALUES = """900001, 900001, 'pickup', null, '[]', '[]', 1000, 100, 600, 1500,
    '2026-11-20 04:00Z', '2026-11-20 04:10Z', '2026-11-20 04:01Z'"""
_ORDER_VALUES = """'', 'pickup', null, 'unpaid', 1, null, 1000, 100, 600, 1500,
    '2026-11-20 04:01Z', '2026-11-20 04:16Z', '2026-11-20 04:16Z', null"""

SOUND = f"""
insert into store (id, code, name, city, district, address, phone, lat, lng, is_active, is_paused, offers_pickup,
    offers_delivery, weekly_hours, fence, delivery_fee_fen, minimum_order_fen, preparation_minutes, created_at)
select id, 'T' || id, '集市', '上海市', '徐汇区', '肇嘉浜路1000号', '021-64000000', 31.2, 121.4, true, false, true,
    true, '[[], [], [], [], [], [], []]', null, 600, 0, 15, '2026-01-01Z' from unnest(array[900001, 900002]) id;
insert into store_day (store_id, on_date, intervals, note) values (900001, '2026-10-01', '[]', '国庆');
insert into category (id, parent_id, name, position) values (900001, null, '乳品', 0), (900002, 900001, '鲜奶', 0);
insert into product (id, code, title, category_id, brand, unit, description, specs, attributes, pictures, status,
    search_keys, created_at)
values (900001, 'P1', '鲜牛奶', 900002, '晨野', '瓶', '', '[]', '{{}}', '[]', 'listed', '鲜牛奶', '2026-01-01Z');
insert into sku (id, code, product_id, specs, barcode, list_price_fen, weight_grams, is_active)
select id, 'S' || id, 900001, '{{}}', case id when 900001 then '6901234567892' end, 500, 1000, true
from unnest(array[900001, 900002, 900003]) id;
insert into store_price (store_id, sku_id, price_fen) values (900001, 900001, 450);
insert into stock_level (store_id, sku_id, on_hand, reserved) values (900001, 900001, 0, 0), (900001, 900002, 0, 0);
insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)
values (900001, 900001, 'count', 'sheet:1', 5, 0, '2026-11-20Z');
insert into member (id, nickname, phone_sealed, phone_index, created_at)
select id, '', null, null, '2026-01-01Z' from unnest(array[900001, 900002]) id;
insert into wechat_identity (member_id, appid, openid, unionid, session_key_sealed, seen_at)
values (900001, 'wx1', 'o-1', null, null, '2026-11-20Z');
insert into address (member_id, content_sealed, phone_index, is_default, created_at)
values (900001, 'sealed', '\\x01', true, '2026-11-20Z');
insert into staff (id, account, display_name, password_hash, role, is_active, session_epoch, created_at)
values (900001, 'li', '小李', 'x', 'clerk', true, 1, '2026-01-01Z');
insert into staff_store (staff_id, store_id) values (900001, 900001);
insert into audit_entry (at, staff_id, action, subject, details)
values ('2026-11-20Z', 900001, 'store.paused', 'store:900001', '{{}}');
insert into cart_line (member_id, sku_id, quantity, added_at) values (900001, 900001, 1, '2026-11-20Z');
insert into quote (id, member_id, store_id, method, address_sealed, lines, steps, goods_fen, discount_fen,
    freight_fen, payable_fen, created_at, expires_at, used_at)
values ('{QUOTE}', {_QUOTE_VALUES}), ('{OTHER_QUOTE}', {_QUOTE_VALUES}), ('{FREE_QUOTE}', {_QUOTE_VALUES});
insert into shop_order (id, no, member_id, store_id, quote_id, idempotency_key, unpaid_slot, remark, method,
    address_sealed, status, step_count, close_reason, goods_fen, discount_fen, freight_fen, payable_fen, placed_at,
    pay_by, close_at, paid_at)
values (900001, '100000000000000001', 900001, 900001, '{QUOTE}', 'tap-0001', 1, {_ORDER_VALUES}),
    (900002, '100000000000000002', 900001, 900001, '{OTHER_QUOTE}', 'tap-0002', 2, {_ORDER_VALUES});
insert into order_line (order_id, sku_id, title, specs, quantity, unit_price_fen, goods_fen, discount_fen, payable_fen)
values (900001, 900001, '鲜牛奶', '{{}}', 2, 500, 1000, 100, 900);
insert into order_step (order_id, seq, subject, old, new, actor, actor_id, note, at)
values (900001, 1, 'order', null, 'unpaid', 'member', 900001, '', '2026-11-20 04:01Z');
insert into fulfilment (order_id, store_id, method, status, pickup_code, created_at)
values (900001, 900001, 'pickup', 'waiting', '12345678', '2026-11-20 04:02Z');
insert into payment (id, order_id, out_trade_no, status, amount_fen, openid, expires_at, prepay_id, prepaid_at,
    transaction_id, paid_at, is_late, queries, query_at, created_at)
values (900001, 900001, '100000000000000001', 'succeeded', 1500, 'o-1', '2026-11-20 04:16Z', null, null, '42-1',
    '2026-11-20 04:02Z', false, 0, null, '2026-11-20 04:01Z');
insert into refund (payment_id, no, cause, status, amount_fen, reason, refund_id, requested_at, query_at, settled_at)
values (900001, '1-cancelled', 'cancelled', 'requested', 500, '订单取消', null, '2026-11-20 05:00Z', null, null);
insert into outbox_message (id, topic, payload, created_at, due_at, attempts)
values ('{MESSAGE}', 'order.paid', '{{}}', '2026-11-20Z', '2026-11-20Z', 0);
insert into inbox_message (consumer, message_id, at) values ('wechat_pay', 'm-1', '2026-11-20Z');
insert into idempotency_record (caller, key, fingerprint, status, body, at)
values ('member:900001', 'tap-0001', '\\x01', 201, '\\x7b7d', '2026-11-20Z');
insert into alert (kind, cause, details, at, close_note) values ('k', 'c', '{{}}', '2026-11-20Z', '');
"""

# What a copy changes to collide with nothing.
APART: dict[str, dict[str, object]] = {
    "store": {"code": "T3"},
    "store_day": {"on_date": "2026-10-02"},
    "category": {"name": "酸奶", "parent_id": 900001},
    "product": {"code": "P2"},
    "sku": {"code": "S4", "barcode": "6901234567885"},
    "store_price": {"sku_id": 900002},
    "stock_level": {"sku_id": 900003, "on_hand": 0, "reserved": 0},
    "stock_entry": {"cause": "sheet:2"},
    "member": {},
    "wechat_identity": {"openid": "o-2"},
    "address": {"is_default": False},
    "staff": {"account": "wang"},
    "staff_store": {"store_id": 900002},
    "audit_entry": {},
    "cart_line": {"sku_id": 900002},
    "quote": {"id": "00000000-0000-7000-8000-000000000004"},
    "shop_order": {
        "no": "100000000000000003",
        "quote_id": FREE_QUOTE,
        "idempotency_key": "tap-0003",
        "unpaid_slot": 3,
    },
    "order_line": {"sku_id": 900002},
    "order_step": {"seq": 2},
    "fulfilment": {"pickup_code": "87654321"},
    "payment": {
        "order_id": 900002,
        "out_trade_no": "100000000000000002",
        "transaction_id": "42-2",
    },
    "refund": {"no": "1-late"},
    "outbox_message": {"id": OTHER_MESSAGE},
    "inbox_message": {"message_id": "m-2"},
    "idempotency_record": {"key": "tap-0002"},
    "alert": {"cause": "d"},
}


async def lay() -> None:
    """Put one sound row into every table."""
    await db.execute(SOUND)


async def copy(table: str, changes: dict[str, object]) -> None:
    """Insert a copy of the first row of `table` with `changes`, under a new id unless they give one."""
    columns = [
        row["column_name"]
        for row in await db.rows(
            "select column_name from information_schema.columns where table_schema = 'public'"
            " and table_name = $1 and is_generated = 'NEVER' and (column_name <> 'id' or $2)"
            " order by ordinal_position",
            table,
            "id" in changes,
        )
    ]
    names = ", ".join(f'"{name}"' for name in columns)
    await db.execute(
        f"insert into {table} ({names}) select {names} from jsonb_populate_record(null::{table},"
        f" (select to_jsonb(first) || $1::jsonb from {table} first order by id limit 1))",
        orjson.dumps(changes).decode(),
    )


class _Undone(Exception):
    """Ends a transaction that must leave nothing."""


@asynccontextmanager
async def undone() -> AsyncIterator[None]:
    """A transaction that is rolled back whatever happens in it."""
    try:
        async with db.tx():
            yield
            _undo()
    except _Undone:
        return


def _undo() -> Never:
    raise _Undone
