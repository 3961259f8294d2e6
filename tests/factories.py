"""Believable rows for tests; every value a test relies on is stated by the test itself."""

from datetime import UTC, datetime
from itertools import count

import orjson

from kit import db

_numbers = count(1)

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ALWAYS_OPEN = [[[0, 1440]] for _ in range(7)]

# 徐家汇, GCJ-02.
LAT, LNG = 31.194, 121.437


async def make_store(
    *,
    name: str = "集市·徐家汇店",
    lat: float = LAT,
    lng: float = LNG,
    hours: list[list[list[int]]] | None = None,
    delivery_fee_fen: int = 600,
    minimum_order_fen: int = 0,
) -> int:
    """A store that is open round the clock and delivers within about two kilometres; its id."""
    fence = [
        [lng - 0.02, lat - 0.02],
        [lng + 0.02, lat - 0.02],
        [lng + 0.02, lat + 0.02],
        [lng - 0.02, lat + 0.02],
    ]
    return await db.value(
        "insert into store (code, name, city, district, address, phone, lat, lng, is_active, is_paused,"
        " offers_pickup, offers_delivery, weekly_hours, fence, delivery_fee_fen, minimum_order_fen,"
        " preparation_minutes, created_at)"
        " values ($1, $2, '上海市', '徐汇区', '肇嘉浜路1000号', '021-64000000', $3, $4, true, false, true, true,"
        " $5, $6, $7, $8, 15, $9) returning id",
        f"SH{next(_numbers):04}",
        name,
        lat,
        lng,
        orjson.dumps(hours or ALWAYS_OPEN).decode(),
        orjson.dumps(fence).decode(),
        delivery_fee_fen,
        minimum_order_fen,
        LONG_AGO,
    )


async def make_category(name: str | None = None, parent_id: int | None = None) -> int:
    return await db.value(
        "insert into category (parent_id, name, position) values ($1, $2, 0) returning id",
        parent_id,
        name or f"分类{next(_numbers)}",
    )


async def make_sku(
    *,
    title: str = "鲜牛奶",
    price_fen: int = 1290,
    category_id: int | None = None,
    status: str = "listed",
) -> int:
    """A product with one SKU; the SKU's id."""
    number = next(_numbers)
    product_id = await db.value(
        "insert into product (code, title, category_id, brand, unit, description, specs, attributes,"
        " pictures, status, search_keys, created_at)"
        " values ($1, $2::text, $3, '晨野', '瓶', '', $4, '{}', '[]', $5, $2::text, $6) returning id",
        f"P{number:06}",
        title,
        category_id or await make_category(),
        orjson.dumps([{"name": "规格", "values": ["950ml"]}]).decode(),
        status,
        LONG_AGO,
    )
    return await db.value(
        "insert into sku (code, product_id, specs, barcode, list_price_fen, weight_grams, is_active)"
        " values ($1, $2, $3, null, $4, 1000, true) returning id",
        f"S{number:06}",
        product_id,
        orjson.dumps({"规格": "950ml"}).decode(),
        price_fen,
    )


async def stock(store_id: int, sku_id: int, quantity: int) -> None:
    """Put `quantity` on the shelf, through the journal."""
    await db.execute(
        "insert into stock_level (store_id, sku_id, on_hand, reserved) values ($1, $2, 0, 0)"
        " on conflict do nothing",
        store_id,
        sku_id,
    )
    if quantity:
        await db.execute(
            "insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)"
            " values ($1, $2, 'count', $3, $4, 0, $5)",
            store_id,
            sku_id,
            f"test:{next(_numbers)}",
            quantity,
            LONG_AGO,
        )


async def stock_of(store_id: int, sku_id: int) -> tuple[int, int]:
    """(on hand, reserved)."""
    level = await db.one(
        "select on_hand, reserved from stock_level where store_id = $1 and sku_id = $2",
        store_id,
        sku_id,
    )
    return level["on_hand"], level["reserved"]


PASSWORD = "sieben-bruecken"
# Of PASSWORD at the lowest cost argon2 knows: verified in microseconds, and the code is the real one.
_CHEAP_HASH = (
    "$argon2id$v=19$m=8,t=1,p=1$bAsy2xcgRBeWTnAIfGYcUQ$p7fjh6//53CY9d7Ah7KKgxu/udQI6a6XHsEbn4BwOmU"
)


async def make_staff(account: str, role: str, *store_ids: int) -> int:
    """Somebody of the shop who logs in with PASSWORD; his id."""
    staff_id = await db.value(
        "insert into staff (account, display_name, password_hash, role, is_active, session_epoch,"
        " created_at) values ($1, $1, $2, $3, true, 1, $4) returning id",
        account,
        _CHEAP_HASH,
        role,
        LONG_AGO,
    )
    await db.execute_many(
        "insert into staff_store (staff_id, store_id) values ($1, $2)",
        [(staff_id, store_id) for store_id in store_ids],
    )
    return staff_id
