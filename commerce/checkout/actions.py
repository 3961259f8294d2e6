"""From a basket to a quote, from a quote to an order that holds its goods."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson

from commerce.checkout import rules
from commerce.checkout.errors import QuoteExpired, QuoteUsed, TooManyUnpaid
from commerce.pricing.rules import PriceContext, QuotedPrice, price
from commerce.stock.errors import OutOfStock
from commerce.stock.queries import missing_stock
from commerce.stores.queries import recall_store
from commerce.stores.store import Store
from kit import db
from kit.errors import KeyReused, NotFound
from kit.geo import Point, shown_distance_m
from kit.ids import business_no, uuid7
from kit.money import Fen
from models.enums import DeliveryMethod


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a delivery goes: the sealed snapshot that the order keeps, and the point that the fence judges."""

    address_sealed: str
    point: Point


@dataclass(frozen=True, slots=True)
class Wish:
    """What a shopper wants quoted. `quantities` (sku id -> pieces) None means the whole cart."""

    store_id: int
    quantities: Mapping[int, int] | None
    destination: Destination | None

    @property
    def method(self) -> DeliveryMethod:
        return DeliveryMethod.DELIVERY if self.destination else DeliveryMethod.PICKUP


@dataclass(frozen=True, slots=True)
class MadeQuote:
    id: UUID
    price: QuotedPrice
    expires_at: datetime


_WANTED_FROM_CART = "(select sku_id, quantity from cart_line where member_id = $2)"
_WANTED_GIVEN = "unnest($2::bigint[], $3::int[])"

_GOODS = """
select wanted.sku_id, wanted.quantity, product.title, sku.specs, sku.list_price_fen,
    store_price.price_fen as store_price_fen,
    coalesce(sku.is_active and product.status = 'listed', false) as is_listed,
    coalesce(level.on_hand - level.reserved, 0) as available
from {wanted} as wanted (sku_id, quantity)
left join sku on sku.id = wanted.sku_id
left join product on product.id = sku.product_id
left join store_price on store_price.store_id = $1 and store_price.sku_id = wanted.sku_id
left join stock_level level on level.store_id = $1 and level.sku_id = wanted.sku_id
"""

_GOODS_FROM_CART = _GOODS.format(wanted=_WANTED_FROM_CART)
_GOODS_GIVEN = _GOODS.format(wanted=_WANTED_GIVEN)


async def make_quote(member_id: int, wish: Wish, *, life: timedelta, now: datetime) -> MadeQuote:
    """A price the shop stands by for `life`, for what the store can sell now.

    Refuses with the reason when the store is shut, does not reach the address or lacks the goods.
    """
    store = await recall_store(wish.store_id)
    goods = await _read_goods(member_id, wish)
    rules.check_goods(goods)
    point = wish.destination.point if wish.destination else None
    rules.check_store(store, wish.method, point, now)
    priced = price([rules.priced_item(found) for found in goods], _context(store, wish))
    rules.check_total(store, wish.method, priced)
    quote = MadeQuote(uuid7(), priced, now + life)
    await _keep_quote(quote, member_id, wish, now)
    return quote


def _context(store: Store, wish: Wish) -> PriceContext:
    if wish.destination is None:
        return PriceContext(wish.method, Fen(0))
    distance = shown_distance_m(store.point, wish.destination.point)
    return PriceContext(wish.method, store.delivery_fee_fen, distance)


async def _read_goods(member_id: int, wish: Wish) -> list[rules.FoundGoods]:
    if wish.quantities is None:
        found = await db.rows(_GOODS_FROM_CART, wish.store_id, member_id)
    else:
        skus, pieces = list(wish.quantities), list(wish.quantities.values())
        found = await db.rows(_GOODS_GIVEN, wish.store_id, skus, pieces)
    return [
        rules.FoundGoods(
            sku_id=row["sku_id"],
            quantity=row["quantity"],
            title=row["title"] or "",
            specs=orjson.loads(row["specs"] or "{}"),
            list_price_fen=Fen(row["list_price_fen"] or 0),
            store_price_fen=row["store_price_fen"],
            is_listed=row["is_listed"],
            available=row["available"],
        )
        for row in found
    ]


async def _keep_quote(quote: MadeQuote, member_id: int, wish: Wish, now: datetime) -> None:
    await db.execute(
        "insert into quote (id, member_id, store_id, method, address_sealed, lines, steps, goods_fen,"
        " discount_fen, freight_fen, payable_fen, created_at, expires_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        quote.id,
        member_id,
        wish.store_id,
        wish.method.value,
        wish.destination.address_sealed if wish.destination else None,
        orjson.dumps(quote.price.lines).decode(),
        orjson.dumps(quote.price.steps).decode(),
        quote.price.goods_fen,
        quote.price.discount_fen,
        quote.price.freight_fen,
        quote.price.payable_fen,
        now,
        quote.expires_at,
    )


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """A shopper's wish to buy what a quote says. `key` is his Idempotency-Key."""

    quote_id: UUID
    key: str
    remark: str


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    no: str
    payable_fen: Fen
    pay_by: datetime


# One statement is one transaction and one round trip: the quote is spent, the order, its lines and
# its first step are written, the goods are held and the cart is emptied, or nothing at all. The
# order's lines come from the stored quote, never from the client (O4).
_PLACE = """
with slot as (
    select number from generate_series(1, 5) as free (number)
    where not exists (select 1 from shop_order
        where member_id = $2 and status = 'unpaid' and unpaid_slot = free.number)
    order by number limit 1
), spent as (
    update quote set used_at = $4
    where id = $1 and member_id = $2 and used_at is null and expires_at > $4
        and exists (select 1 from slot)
    returning *
), line as (
    select wanted.* from spent, jsonb_to_recordset(spent.lines) as wanted (
        sku_id bigint, title text, specs jsonb, quantity int, unit_price_fen bigint,
        goods_fen bigint, discount_fen bigint, payable_fen bigint)
), placed as (
    insert into shop_order (no, member_id, store_id, quote_id, idempotency_key, remark, method,
        address_sealed, status, step_count, unpaid_slot, goods_fen, discount_fen, freight_fen,
        payable_fen, placed_at, pay_by, close_at)
    select $5, member_id, store_id, id, $3, $6, method, address_sealed, 'unpaid', 1,
        (select number from slot), goods_fen, discount_fen, freight_fen, payable_fen, $4, $7, $7
    from spent
    returning id, no, store_id, payable_fen, pay_by
), sold as (
    insert into order_line (order_id, sku_id, title, specs, quantity, unit_price_fen, goods_fen,
        discount_fen, payable_fen)
    select placed.id, line.sku_id, line.title, line.specs, line.quantity, line.unit_price_fen,
        line.goods_fen, line.discount_fen, line.payable_fen
    from placed, line order by line.sku_id
), told as (
    insert into order_step (order_id, seq, subject, old, new, actor, actor_id, note, at)
    select id, 1, 'order', null, 'unpaid', 'member', $2, '', $4 from placed
), held as (
    insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)
    select placed.store_id, line.sku_id, 'hold', 'order:' || placed.no, 0, line.quantity, $4
    from placed, line order by line.sku_id
), emptied as (
    delete from cart_line using line where member_id = $2 and cart_line.sku_id = line.sku_id
)
select no, payable_fen, pay_by from placed
"""


async def place_order(
    member_id: int, intent: OrderIntent, *, window: timedelta, now: datetime
) -> PlacedOrder:
    """Turn a quote into an order with its goods held until `now + window`; once per key.

    The same key and intent again: the same answer. `KeyReused` for another intent under the key,
    `OutOfStock` with what is missing, `QuoteUsed`, `QuoteExpired`, `TooManyUnpaid`, `NotFound`.
    """
    rules.check_remark(intent.remark)
    try:
        placed = await db.row(
            _PLACE,
            intent.quote_id,
            member_id,
            intent.key,
            now,
            business_no(now),
            intent.remark,
            now + window,
        )
    except asyncpg.CheckViolationError as error:
        if error.constraint_name in ("stock_reserved_within_on_hand", "stock_level_carried"):
            raise OutOfStock(missing=await _missing(intent.quote_id)) from None
        raise
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "order_key_once":
            return await _placed_before(member_id, intent, now)
        if error.constraint_name in ("shop_order_no_key", "order_slot_once"):
            return await place_order(member_id, intent, window=window, now=now)
        raise
    if placed is None:
        return await _placed_before(member_id, intent, now)
    return PlacedOrder(placed["no"], Fen(placed["payable_fen"]), placed["pay_by"])


async def _placed_before(member_id: int, intent: OrderIntent, now: datetime) -> PlacedOrder:
    """The answer given to this key before, or why the quote can no longer be used."""
    known = await db.row(
        "select no, payable_fen, pay_by, quote_id, remark from shop_order"
        " where member_id = $1 and idempotency_key = $2",
        member_id,
        intent.key,
    )
    if known is not None:
        if (known["quote_id"], known["remark"]) != (intent.quote_id, intent.remark):
            raise KeyReused
        return PlacedOrder(known["no"], Fen(known["payable_fen"]), known["pay_by"])
    quote = await db.row(
        "select used_at, expires_at from quote where id = $1 and member_id = $2",
        intent.quote_id,
        member_id,
    )
    if quote is None:
        raise NotFound
    if quote["used_at"] is not None:
        raise QuoteUsed
    if quote["expires_at"] <= now:
        raise QuoteExpired
    raise TooManyUnpaid


async def _missing(quote_id: UUID) -> list[dict[str, object]]:
    quote = await db.one("select store_id, lines from quote where id = $1", quote_id)
    lines = orjson.loads(quote["lines"])
    quantities = {line["sku_id"]: line["quantity"] for line in lines}
    return await missing_stock(quote["store_id"], quantities)
