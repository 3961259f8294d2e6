"""Every invariant as a query that returns no row (docs/invariants.md lists them by id).

All run in one read-only snapshot, so a busy shop can be audited while it sells.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg
import orjson

# $1 is now. Each query says what is wrong in its rows; the first few are shown.
INVARIANTS: Final[Mapping[str, str]] = {
    "S1": """
        select store_id, sku_id, on_hand, reserved from stock_level
        where reserved < 0 or reserved > on_hand""",
    "S2": """
        select store_id, sku_id, level.on_hand, level.reserved, said.on_hand as journal_on_hand,
            said.reserved as journal_reserved
        from stock_level level full join (
            select store_id, sku_id, sum(d_on_hand) as on_hand, sum(d_reserved) as reserved
            from stock_entry group by 1, 2
        ) said using (store_id, sku_id)
        where coalesce(level.on_hand, 0) <> coalesce(said.on_hand, 0)
            or coalesce(level.reserved, 0) <> coalesce(said.reserved, 0)""",
    "S3": """
        select level.store_id, level.sku_id, level.reserved, held.quantity
        from stock_level level left join (
            select o.store_id, l.sku_id, sum(l.quantity) as quantity
            from shop_order o join order_line l on l.order_id = o.id
            where o.status in ('unpaid', 'paid') group by 1, 2
        ) held using (store_id, sku_id)
        where level.reserved <> coalesce(held.quantity, 0)""",
    "S4": """
        select cause, kind, store_id, sku_id, count(*) from stock_entry
        group by 1, 2, 3, 4 having count(*) > 1""",
    "S5": """
        select o.no, l.sku_id, sum(e.d_reserved) as held
        from shop_order o join order_line l on l.order_id = o.id
        join stock_entry e on e.cause = 'order:' || o.no and e.sku_id = l.sku_id
        where o.status in ('closed', 'completed')
        group by 1, 2 having sum(e.d_reserved) <> 0""",
    "O1": """
        select o.no, o.payable_fen, sum(l.payable_fen) + o.freight_fen as lines
        from shop_order o left join order_line l on l.order_id = o.id
        group by o.id having o.payable_fen <> coalesce(sum(l.payable_fen), 0) + o.freight_fen
            or o.goods_fen <> coalesce(sum(l.goods_fen), 0)
            or o.discount_fen <> coalesce(sum(l.discount_fen), 0)""",
    "O2": """
        select o.no, 'seq' as wrong from shop_order o join order_step s on s.order_id = o.id
        group by o.id having count(*) <> max(s.seq) or min(s.seq) <> 1 or max(s.seq) <> o.step_count
        union all
        select o.no, 'last step' from shop_order o
        where o.status <> (select new from order_step where order_id = o.id and subject = 'order'
            order by seq desc limit 1)
        union all
        select o.no, 'broken chain' from shop_order o join (
            select order_id, old, lag(new) over (partition by order_id order by seq) as previous,
                row_number() over (partition by order_id order by seq) as place
            from order_step where subject = 'order'
        ) s on s.order_id = o.id
        where s.old is distinct from s.previous
        union all
        select o.no, 'unknown step' from shop_order o join order_step s on s.order_id = o.id
        where s.subject = 'order' and (coalesce(s.old, ''), s.new) not in (
            ('', 'unpaid'), ('unpaid', 'paid'), ('unpaid', 'closed'), ('paid', 'completed'), ('paid', 'closed'))
        union all
        select o.no, 'time falls' from shop_order o join (
            select order_id, at, lag(at) over (partition by order_id order by seq) as previous from order_step
        ) s on s.order_id = o.id where s.at < s.previous""",
    "O3": """
        select member_id, idempotency_key, count(*) from shop_order group by 1, 2 having count(*) > 1""",
    "O4": """
        select o.no, 'amounts' as wrong from shop_order o join quote q on q.id = o.quote_id
        where (o.payable_fen, o.goods_fen, o.discount_fen, o.freight_fen, o.store_id, o.member_id)
            <> (q.payable_fen, q.goods_fen, q.discount_fen, q.freight_fen, q.store_id, q.member_id)
            or q.used_at is null or q.used_at > q.expires_at
        union all
        select o.no, 'line' from shop_order o join quote q on q.id = o.quote_id
        join order_line l on l.order_id = o.id
        where not exists (
            select 1 from jsonb_to_recordset(q.lines) as w (sku_id bigint, quantity int, unit_price_fen bigint,
                payable_fen bigint)
            where (w.sku_id, w.quantity, w.unit_price_fen, w.payable_fen)
                = (l.sku_id, l.quantity, l.unit_price_fen, l.payable_fen))""",
    "O6": """
        select no, pay_by from shop_order o where status = 'unpaid' and pay_by < $1::timestamptz - interval '2 minutes'
            and not exists (select 1 from alert a where a.cause like o.no || ':%' and a.closed_at is null)""",
    "P1": """
        select o.no, p.amount_fen, o.payable_fen from payment p join shop_order o on o.id = p.order_id
        where p.status = 'succeeded' and (p.amount_fen <> o.payable_fen or not exists (
            select 1 from wechat_identity i where i.member_id = o.member_id and i.openid = p.openid))""",
    "P2": """
        select order_id, count(*) from payment where status = 'succeeded' and not is_late
        group by 1 having count(*) > 1""",
    "P3": """
        select o.no, o.status from shop_order o
        where (o.status in ('paid', 'completed')) and o.payable_fen > 0 and not exists (
            select 1 from payment p where p.order_id = o.id and p.status = 'succeeded' and not p.is_late)
        union all
        select o.no, o.status from shop_order o join payment p on p.order_id = o.id
        where (o.status = 'unpaid' and p.status = 'succeeded') or (o.status = 'closed' and p.status = 'created')""",
    "P4": """
        select p.out_trade_no, p.amount_fen, sum(r.amount_fen) from refund r join payment p on p.id = r.payment_id
        where r.status <> 'closed' group by p.id
        having sum(r.amount_fen) > p.amount_fen or p.status <> 'succeeded'
        union all
        select no, payable_fen, 0 from shop_order o where status = 'closed' and exists (
            select 1 from payment p where p.order_id = o.id and p.status = 'succeeded'
                and p.amount_fen <> coalesce((select sum(amount_fen) from refund r where r.payment_id = p.id
                    and (r.status in ('requested', 'processing', 'succeeded') or exists (
                        select 1 from alert a where a.cause = r.no and a.closed_at is null))), 0))""",
    "P5": """
        select p.out_trade_no, p.paid_at from payment p
        where p.status = 'succeeded' and p.is_late and not exists (
            select 1 from refund r where r.payment_id = p.id)
        union all
        select r.no, r.requested_at from refund r
        where r.status in ('requested', 'processing') and r.requested_at < $1::timestamptz - interval '5 minutes'
            and (r.status = 'requested' or r.query_at is null)
            and not exists (select 1 from alert a where a.cause = r.no and a.closed_at is null)
            and not exists (select 1 from outbox_message m where m.topic = 'refund.requested'
                and m.payload->>'refund_no' = r.no and m.delivered_at is null)""",
    "P8": """
        select no from refund where status = 'succeeded' and (refund_id is null or settled_at is null)""",
    "D1": """
        select o.no, o.status, count(f.id) from shop_order o
        left join fulfilment f on f.order_id = o.id and f.status <> 'cancelled'
        group by o.id having (o.status in ('paid', 'completed'))::int <> count(f.id)
        union all
        select o.no, 'other store', f.store_id from shop_order o join fulfilment f on f.order_id = o.id
        where f.store_id <> o.store_id or f.method <> o.method
        union all
        select o.no, 'without a code', f.id from shop_order o join fulfilment f on f.order_id = o.id
        where f.method = 'pickup' and f.pickup_code is null
        union all
        select o.no, 'untold step', max(s.seq) from shop_order o
        join fulfilment f on f.order_id = o.id and f.status <> 'cancelled'
        left join order_step s on s.order_id = o.id and s.subject = 'fulfilment' and s.new = f.status
        group by o.id, f.id having count(s.id) = 0""",
    "D3": """
        select o.no, o.status, f.status as fulfilment from shop_order o join fulfilment f on f.order_id = o.id
        where (f.status = 'handed_over') <> (o.status = 'completed') and f.status <> 'cancelled'
        union all
        select o.no, 'handed over twice', count(*)::text from shop_order o join order_step s on s.order_id = o.id
        where s.subject = 'fulfilment' and s.new = 'handed_over' group by o.id
        having count(*) > (select count(*) from fulfilment f where f.order_id = o.id)""",
    "M1": """
        select id, topic, due_at, attempts from outbox_message
        where delivered_at is null and parked_at is null and due_at < $1::timestamptz - interval '60 seconds'
        union all
        select id, topic, parked_at, attempts from outbox_message m where parked_at is not null
            and not exists (select 1 from alert a where a.kind = 'outbox_parked' and a.cause = m.id::text and a.closed_at is null)""",
    "M2": """
        select consumer, message_id, count(*) from inbox_message group by 1, 2 having count(*) > 1""",
    "A2": """
        select id, action from (
            select e, lag(hash) over (order by id) as previous, id, action, previous_hash, hash
            from audit_entry e
        ) chained
        where previous_hash is distinct from previous or hash <> audit_hash(previous_hash, e)""",
    "V1": """
        select 'address' as place, id from address where content_sealed ~ '1[3-9][0-9]{9}'
        union all
        select 'member', id from member where nickname ~ '1[3-9][0-9]{9}'
        union all
        select 'remark', id from shop_order where remark ~ '1[3-9][0-9]{9}'
        union all
        select 'order', id from shop_order where address_sealed ~ '(^|[^0-9A-Za-z_-])1[3-9][0-9]{9}($|[^0-9A-Za-z_-])'
        """,
}

SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: how many rows say so, and the first of them."""

    id: str
    count: int
    rows: list[str]


async def audit(connection: asyncpg.Connection, now: datetime) -> list[Violation]:
    """Check every invariant in one snapshot; an empty list is a clean house."""
    violations = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("set local statement_timeout = 0")
        for name, query in INVARIANTS.items():
            arguments = (now,) if "$1" in query else ()
            found = await connection.fetch(query, *arguments)
            if found:
                shown = [
                    orjson.dumps(dict(row), default=str).decode() for row in found[:SHOWN_ROWS]
                ]
                violations.append(Violation(name, len(found), shown))
    return violations
