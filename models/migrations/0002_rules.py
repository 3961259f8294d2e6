"""The rules PostgreSQL itself keeps: checks, partial uniques, indexes, triggers (invariants.md section 1).

Tortoise creates none of these with a new table (tortoise-orm#2272), so they are SQL here.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

CHECKS = {
    "stock_level": {
        "stock_reserved_not_negative": "reserved >= 0",
        "stock_reserved_within_on_hand": "reserved <= on_hand",
    },
    "stock_entry": {"stock_entry_moves": "d_on_hand <> 0 or d_reserved <> 0"},
    "cart_line": {"cart_quantity": "quantity between 1 and 999"},
    "quote": {
        "quote_adds_up": "payable_fen = goods_fen - discount_fen + freight_fen",
        "quote_not_negative": "least(goods_fen, discount_fen, freight_fen, payable_fen) >= 0",
        "quote_life": "expires_at > created_at",
    },
    "shop_order": {
        "order_adds_up": "payable_fen = goods_fen - discount_fen + freight_fen",
        "order_not_negative": "least(goods_fen, discount_fen, freight_fen, payable_fen) >= 0",
        "order_status_known": "status in ('unpaid', 'paid', 'completed', 'closed')",
        "order_steps": "step_count >= 1",
        "order_unpaid_slot": "status <> 'unpaid' or coalesce(unpaid_slot between 1 and 5, false)",
        "order_close_planned": "status <> 'unpaid' or close_at is not null",
        "order_paid_when": "status not in ('paid', 'completed') or paid_at is not null",
        "order_closed_why": "(status = 'closed') = (close_reason is not null)",
        "order_delivered_where": "method = 'pickup' or address_sealed is not null",
    },
    "order_line": {
        "line_quantity": "quantity between 1 and 999",
        "line_price": "unit_price_fen >= 0",
        "line_goods": "goods_fen = unit_price_fen * quantity",
        "line_adds_up": "payable_fen = goods_fen - discount_fen",
        "line_discount": "discount_fen between 0 and goods_fen",
    },
    "order_step": {"step_seq": "seq >= 1"},
    "fulfilment": {
        "fulfilment_status_known": "status in ('waiting', 'preparing', 'ready', 'delivering',"
        " 'handed_over', 'cancelled')",
    },
    "payment": {
        "payment_status_known": "status in ('created', 'succeeded', 'closed')",
        "payment_amount": "amount_fen >= 1",
        "payment_success_known": "status <> 'succeeded' or (transaction_id is not null and paid_at is not null)",
    },
    "refund": {
        "refund_status_known": "status in ('requested', 'processing', 'succeeded', 'closed', 'abnormal')",
        "refund_amount": "amount_fen >= 1",
        "refund_success_on_word": "status <> 'succeeded' or (refund_id is not null and settled_at is not null)",
    },
    "store": {
        "store_position": "lat between -90 and 90 and lng between -180 and 180",
        "store_fees": "delivery_fee_fen >= 0 and minimum_order_fen >= 0",
        "store_preparation": "preparation_minutes between 0 and 1440",
    },
    "sku": {
        "sku_price": "list_price_fen >= 0",
        "sku_weight": "weight_grams >= 0",
        "sku_barcode": "barcode ~ '^[0-9]{8,14}$'",
    },
    "store_price": {"store_price_not_negative": "price_fen >= 0"},
    "outbox_message": {"outbox_attempts": "attempts >= 0"},
    "idempotency_record": {"idempotency_answered": "(status is null) = (body is null)"},
}

INDEXES = {
    "category_name_once": "unique index {name} on category (coalesce(parent_id, 0), name)",
    "product_by_category": "index {name} on product (category_id, id)",
    "product_by_grams": "index {name} on product using gin (search_grams)",
    "sku_by_product": "index {name} on sku (product_id)",
    "store_price_by_sku": "index {name} on store_price (sku_id)",
    "stock_level_by_sku": "index {name} on stock_level (sku_id)",
    "stock_entry_once": "unique index {name} on stock_entry (cause, kind, store_id, sku_id)",
    "stock_entry_by_sku": "index {name} on stock_entry (store_id, sku_id)",
    "identity_by_member": "index {name} on wechat_identity (member_id)",
    "identity_by_unionid": "index {name} on wechat_identity (unionid) where unionid is not null",
    "member_by_phone": "index {name} on member (phone_index) where phone_index is not null",
    "address_by_member": "index {name} on address (member_id)",
    "address_default_once": "unique index {name} on address (member_id) where is_default",
    "staff_store_by_store": "index {name} on staff_store (store_id)",
    "audit_by_staff": "index {name} on audit_entry (staff_id)",
    "cart_line_by_sku": "index {name} on cart_line (sku_id)",
    "quote_by_member": "index {name} on quote (member_id)",
    "quote_by_store": "index {name} on quote (store_id)",
    # A block-range index: only the purge wants it. As a b-tree it tempted the planner, while the table
    # was young, to find the one quote an order spends by reading all that had not expired.
    "quote_by_expiry": "index {name} on quote using brin (expires_at)",
    "order_quote_once": "unique index {name} on shop_order (quote_id)",
    "order_key_once": "unique index {name} on shop_order (member_id, idempotency_key)",
    "order_by_member": "index {name} on shop_order (member_id, id)",
    "order_by_store": "index {name} on shop_order (store_id, id)",
    "order_by_deadline": "index {name} on shop_order (close_at) where status = 'unpaid'",
    "order_slot_once": "unique index {name} on shop_order (member_id, unpaid_slot) where status = 'unpaid'",
    "order_line_by_sku": "index {name} on order_line (sku_id)",
    "fulfilment_by_order": "index {name} on fulfilment (order_id)",
    "fulfilment_by_store": "index {name} on fulfilment (store_id, status, id)",
    "fulfilment_code_once": (
        "unique index {name} on fulfilment (store_id, pickup_code)"
        " where status not in ('handed_over', 'cancelled')"
    ),
    "payment_by_order": "index {name} on payment (order_id)",
    "payment_kept_once": "unique index {name} on payment (order_id) where status = 'succeeded' and not is_late",
    "payment_to_query": "index {name} on payment (query_at) where status = 'created'",
    "refund_by_payment": "index {name} on refund (payment_id)",
    "refund_to_query": "index {name} on refund (query_at) where status in ('requested', 'processing')",
    "outbox_due": "index {name} on outbox_message (due_at) where delivered_at is null and parked_at is null",
    "outbox_delivered": "index {name} on outbox_message (delivered_at) where delivered_at is not null",
    "inbox_by_age": "index {name} on inbox_message (at)",
    "idempotency_by_age": "index {name} on idempotency_record (at)",
    "alert_open": "index {name} on alert (at) where closed_at is null",
}

# One- and two-letter pieces of the searched text: a GIN index over them finds any substring of
# Chinese, pinyin or digits without an extension (pg_trgm needs three letters and is contrib).
# Cut by regular expressions at odd and even places: seven times faster than letter by letter
# (0.16 ms for 200 letters); repeated pieces and pieces with blanks cost less than sorting them out.
SEARCH = """
create function search_grams(keys text) returns text[] language sql immutable parallel safe as $$
    select string_to_array(letters, null)
        || string_to_array(regexp_replace(letters, '(..)', E'\\\\1\\x01', 'g'), E'\\x01')
        || string_to_array(regexp_replace(substr(letters, 2), '(..)', E'\\\\1\\x01', 'g'), E'\\x01')
    from (select lower(keys) as letters offset 0) once
$$;
alter table product add column search_grams text[]
    generated always as (search_grams(search_keys)) stored;
"""

SEARCH_BACK = """
alter table product drop column search_grams;
drop function search_grams(text);
"""

# The journal is the only door to the balance (S2): an entry moves it, and the checks on
# stock_level refuse the whole statement when there is not enough (S1).
STOCK = """
create function apply_stock_entry() returns trigger language plpgsql as $$
begin
    update stock_level
        set on_hand = on_hand + new.d_on_hand, reserved = reserved + new.d_reserved
        where store_id = new.store_id and sku_id = new.sku_id;
    if not found then
        raise exception 'store % does not carry sku %', new.store_id, new.sku_id
            using errcode = 'check_violation', constraint = 'stock_level_carried';
    end if;
    return null;
end $$;
create trigger apply_stock_entry after insert on stock_entry
    for each row execute function apply_stock_entry();

create function refuse_direct_balance() returns trigger language plpgsql as $$
begin
    if pg_trigger_depth() = 1 then
        raise exception 'stock_level is written through stock_entry only'
            using errcode = 'check_violation', constraint = 'stock_level_journaled';
    end if;
    return coalesce(new, old);
end $$;
create trigger refuse_direct_balance before update or delete on stock_level
    for each row execute function refuse_direct_balance();
create function refuse_opening_balance() returns trigger language plpgsql as $$
begin
    raise exception 'a stock_level starts at zero and moves through stock_entry'
        using errcode = 'check_violation', constraint = 'stock_level_journaled';
end $$;
create trigger refuse_opening_balance before insert on stock_level
    for each row when (new.on_hand <> 0 or new.reserved <> 0) execute function refuse_opening_balance();
"""

STOCK_BACK = """
drop trigger apply_stock_entry on stock_entry;
drop function apply_stock_entry();
drop trigger refuse_direct_balance on stock_level;
drop function refuse_direct_balance();
drop trigger refuse_opening_balance on stock_level;
drop function refuse_opening_balance();
"""

APPEND_ONLY = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name
        using errcode = 'check_violation', constraint = tg_table_name || '_append_only';
end $$;
create trigger append_only before update or delete on stock_entry for each row execute function refuse_change();
create trigger append_only before update or delete on order_step for each row execute function refuse_change();
create trigger append_only before update or delete on audit_entry for each row execute function refuse_change();
create trigger never_truncated before truncate on stock_entry execute function refuse_change();
create trigger never_truncated before truncate on order_step execute function refuse_change();
create trigger never_truncated before truncate on audit_entry execute function refuse_change();
"""

APPEND_ONLY_BACK = """
drop trigger append_only on stock_entry;
drop trigger append_only on order_step;
drop trigger append_only on audit_entry;
drop trigger never_truncated on stock_entry;
drop trigger never_truncated on order_step;
drop trigger never_truncated on audit_entry;
drop function refuse_change();
"""

# Refunds that still stand never exceed what was paid (P4), whoever asks at the same moment:
# the payment row is the lock.
REFUNDS = """
create function refund_within_payment() returns trigger language plpgsql as $$
declare paid bigint; asked numeric;
begin
    select amount_fen into paid from payment
        where id = new.payment_id and status = 'succeeded' for update;
    select coalesce(sum(amount_fen), 0) into asked from refund
        where payment_id = new.payment_id and status <> 'closed' and id <> new.id;
    if paid is null or asked + new.amount_fen > paid then
        raise exception 'refunds exceed the payment'
            using errcode = 'check_violation', constraint = 'refund_within_payment';
    end if;
    return new;
end $$;
create trigger refund_within_payment before insert or update of amount_fen, payment_id on refund
    for each row execute function refund_within_payment();
"""

REFUNDS_BACK = """
drop trigger refund_within_payment on refund;
drop function refund_within_payment();
"""

# Each administrative write carries the hash of the one before it (A2); the lock makes one chain.
AUDIT = """
create function audit_hash(previous bytea, entry audit_entry) returns bytea language sql immutable as $$
    select sha256(
        coalesce(previous, ''::bytea)
        || convert_to(
            jsonb_build_array(
                extract(epoch from entry.at), entry.staff_id, entry.action, entry.subject, entry.details
            )::text,
            'UTF8'
        )
    )
$$;
create function chain_audit_entry() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(728301456);
    select hash into new.previous_hash from audit_entry order by id desc limit 1;
    new.id := nextval(pg_get_serial_sequence('audit_entry', 'id'));
    new.hash := audit_hash(new.previous_hash, new);
    return new;
end $$;
create trigger chain_audit_entry before insert on audit_entry
    for each row execute function chain_audit_entry();
"""

AUDIT_BACK = """
drop trigger chain_audit_entry on audit_entry;
drop function chain_audit_entry();
drop function audit_hash(bytea, audit_entry);
"""

# Each worker keeps the stores in memory and asks once a second for those touched since it last
# looked (commerce/stores/directory.py). A time or a sequence would miss a slow commit; the number
# of the transaction, read from the oldest one still running, cannot.
STORES = """
alter table store add column changed_in xid8 not null default pg_current_xact_id();
create index store_by_change on store (changed_in);
create function note_store_change() returns trigger language plpgsql as $$
begin
    new.changed_in := pg_current_xact_id();
    return new;
end $$;
create trigger note_store_change before update on store
    for each row execute function note_store_change();
create function note_store_day_change() returns trigger language plpgsql as $$
begin
    update store set changed_in = pg_current_xact_id() where id in (old.store_id, new.store_id);
    return null;
end $$;
create trigger note_store_day_change after insert or update or delete on store_day
    for each row execute function note_store_day_change();
"""

STORES_BACK = """
drop trigger note_store_day_change on store_day;
drop function note_store_day_change();
drop trigger note_store_change on store;
drop function note_store_change();
alter table store drop column changed_in;
"""

# The limit is counted under the member's lock: two taps that each add the hundredth kind must not
# both find 99. A line that is there already may always change its quantity.
CARTS = """
create function limit_cart_lines() returns trigger language plpgsql as $$
begin
    perform 1 from member where id = new.member_id for no key update;
    if (select count(*) from cart_line where member_id = new.member_id and sku_id <> new.sku_id) >= 100 then
        raise exception 'a cart has at most 100 lines'
            using errcode = 'check_violation', constraint = 'cart_line_limit';
    end if;
    return new;
end $$;
create trigger limit_cart_lines before insert on cart_line
    for each row execute function limit_cart_lines();
"""

CARTS_BACK = """
drop trigger limit_cart_lines on cart_line;
drop function limit_cart_lines();
"""


def _checks() -> ops.RunSQL:
    """One operation for all: Tortoise copies the whole state of the models for each."""
    added, dropped = [], []
    for table, rules in CHECKS.items():
        for name, rule in rules.items():
            added.append(f"alter table {table} add constraint {name} check ({rule})")
            dropped.append(f"alter table {table} drop constraint {name}")
    return ops.RunSQL(";\n".join(added), ";\n".join(dropped))


def _indexes() -> ops.RunSQL:
    return ops.RunSQL(
        ";\n".join(f"create {what.format(name=name)}" for name, what in INDEXES.items()),
        ";\n".join(f"drop index {name}" for name in INDEXES),
    )


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]

    operations = [
        ops.RunSQL(SEARCH, SEARCH_BACK),
        _checks(),
        _indexes(),
        ops.RunSQL(STOCK, STOCK_BACK),
        ops.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
        ops.RunSQL(REFUNDS, REFUNDS_BACK),
        ops.RunSQL(AUDIT, AUDIT_BACK),
        ops.RunSQL(STORES, STORES_BACK),
        ops.RunSQL(CARTS, CARTS_BACK),
    ]
