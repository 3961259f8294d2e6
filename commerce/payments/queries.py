"""What the clock must look after; each claim moves the next look, so no two workers ask at once."""

from datetime import datetime, timedelta

from commerce.payments import rules
from kit import db

_REFUND_PAUSE = timedelta(seconds=30)


async def claim_due_orders(now: datetime, limit: int) -> list[int]:
    """Unpaid orders to close now, the longest waiting first.

    One that cannot be closed comes round again after ten seconds, then ever later: as long as it is
    overdue already. So a few that need a human never stand in the way of the others.
    """
    found = await db.rows(
        "update shop_order set close_at = $1::timestamptz"
        "   + least(greatest($1 - pay_by, interval '10 seconds'), interval '10 minutes')"
        " where id in (select id from shop_order where status = 'unpaid' and close_at <= $1"
        "   order by close_at limit $2 for no key update skip locked) returning id, pay_by",
        now,
        limit,
    )
    return [row["id"] for row in sorted(found, key=lambda row: row["pay_by"])]


async def claim_trade_queries(now: datetime, limit: int) -> list[str]:
    """Trades to ask WeChat about now; the next look at each grows later (facts/wechat.md D6)."""
    found = await db.rows(
        "update payment set queries = queries + 1, query_at = $1 + ($3::int[])[least(queries + 2, $4)]"
        "   * interval '1 second'"
        " where id in (select id from payment where status = 'created' and query_at <= $1"
        "   and prepay_id is not null order by query_at limit $2 for update skip locked)"
        " returning out_trade_no",
        now,
        limit,
        list(rules.QUERY_PAUSES),
        len(rules.QUERY_PAUSES),
    )
    return [row["out_trade_no"] for row in found]


async def claim_refund_queries(now: datetime, limit: int) -> list[str]:
    """Refunds to ask WeChat about now: those it has accepted and not settled."""
    found = await db.rows(
        "update refund set query_at = $1::timestamptz + $3::interval"
        " where id in (select id from refund where status = 'processing' and query_at <= $1"
        "   order by query_at limit $2 for update skip locked) returning no",
        now,
        limit,
        _REFUND_PAUSE,
    )
    return [row["no"] for row in found]
