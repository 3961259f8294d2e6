"""What a measured shop consists of: rows by COPY, stock through its journal, sessions in Redis."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from random import Random
from typing import Final

import orjson

from benchmarks.walks import Ground, Shop, Shopper
from commerce.catalog.rules.search import search_keys
from commerce.members import sessions
from kit import db, pinyin
from kit.redis import Link
from scripts.town.goods import build_goods
from scripts.town.places import moved, read_places
from scripts.town.town import TownProduct

_OPEN_ALWAYS: Final = orjson.dumps([[[0, 1440]]] * 7).decode()

# Nobody is to run out but in a rush.
_PIECES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. `more_stores` join for the figure of a great chain."""

    stores: int
    more_stores: int
    products: int
    members: int
    connections: int
    buyers: int
    units: int
    rushes: int
    sheet_skus: int


FULL: Final = Size(
    stores=120,
    more_stores=20_000,
    products=400,
    members=20_000,
    connections=64,
    buyers=200,
    units=20,
    rushes=5,
    sheet_skus=20_000,
)
TINY: Final = Size(
    stores=4,
    more_stores=50,
    products=8,
    members=400,
    connections=4,
    buyers=12,
    units=3,
    rushes=2,
    sheet_skus=40,
)


async def lay_ground(size: Size, appid: str, link: Link, now: datetime) -> Ground:
    """Fill an empty, migrated database and open a session for every member."""
    dice = Random(20_261_123)
    shops = await add_stores(range(1, size.stores + 1), now)
    products = await _add_goods(size.products, now)
    skus = [sku for product in products.values() for sku in product]
    await _add_stock([shop.id for shop in shops], skus, now)
    shoppers = await _add_members(size.members, appid, link, now)
    await db.execute("analyze")
    return Ground(shoppers, shops, skus, list(products), _words(dice, size.products))


async def add_stores(numbers: range, now: datetime) -> list[Shop]:
    """Stores around real places, open round the clock."""
    dice = Random(numbers.start)
    places = read_places()
    shops = []
    records: list[tuple[object, ...]] = []
    for number in numbers:
        place = dice.choice(places)
        point = moved(place.point, dice.uniform(20, 15_000), dice.random())
        shops.append(Shop(number, point.lat, point.lng))
        names = (f"B{number:06}", f"集市·{place.name}{number}店", f"{place.city}市", place.district)
        where = ("人民路1号", "021-90000000", point.lat, point.lng)
        records.append(
            (number, *names, *where, True, False, True, True, _OPEN_ALWAYS, 600, 0, 15, now)
        )
    columns = "id code name city district address phone lat lng is_active is_paused offers_pickup"
    columns += (
        " offers_delivery weekly_hours delivery_fee_fen minimum_order_fen preparation_minutes"
    )
    await db.copy_rows("store", [*columns.split(), "created_at"], records)
    await _count_on("store")
    return shops


async def add_rush_sku(number: int, shop: Shop, units: int, now: datetime) -> int:
    """A product of one SKU of which `shop` has `units`; the SKU's id."""
    code = f"RUSH{number}"
    product_id = await db.value(
        "insert into product (code, title, category_id, brand, unit, description, specs, attributes,"
        " pictures, status, search_keys, created_at) values ($1, '抢购', 1, '', '件', '', '[]', '{}',"
        " '[]', 'listed', '', $2) returning id",
        code,
        now,
    )
    sku_id: int = await db.value(
        "insert into sku (code, product_id, specs, list_price_fen, weight_grams, is_active)"
        " values ($1, $2, '{}', 9900, 0, true) returning id",
        code,
        product_id,
    )
    await _stock_up([(shop.id, sku_id)], units, now)
    return sku_id


async def _add_goods(wanted: int, now: datetime) -> dict[int, list[int]]:
    """The demo town's goods, over and over until there are `wanted`: product id -> SKU ids."""
    categories, town_products = build_goods()
    numbers = {category.code: number for number, category in enumerate(categories, 1)}
    parents: list[tuple[object, ...]] = [
        (numbers[c.code], numbers.get(c.parent_code or ""), c.name, c.position) for c in categories
    ]
    await db.copy_rows("category", ["id", "parent_id", "name", "position"], parents)
    products: dict[int, list[int]] = {}
    product_rows: list[tuple[object, ...]] = []
    sku_rows: list[tuple[object, ...]] = []
    for number, product in enumerate(islice(_again_and_again(town_products), wanted), 1):
        first = len(sku_rows) + 1
        products[number] = list(range(first, first + len(product.skus)))
        product_rows.append(_product_row(number, product, numbers[product.category_code], now))
        sku_rows += [
            (first + nth, f"S{first + nth:07}", number, _json(sku.specs), f"29{first + nth:011}",
             sku.list_price_fen, sku.weight_grams, True)
            for nth, sku in enumerate(product.skus)
        ]  # fmt: skip
    columns = "id code title category_id brand unit description specs attributes pictures status"
    await db.copy_rows("product", [*columns.split(), "search_keys", "created_at"], product_rows)
    columns = "id code product_id specs barcode list_price_fen weight_grams is_active"
    await db.copy_rows("sku", columns.split(), sku_rows)
    for table in ("category", "product", "sku"):
        await _count_on(table)
    return products


def _again_and_again(products: Sequence[TownProduct]) -> Iterator[TownProduct]:
    while True:
        yield from products


def _product_row(
    number: int, product: TownProduct, category: int, now: datetime
) -> tuple[object, ...]:
    code = f"P{number:06}"
    keys = search_keys(product.title, product.brand, category=(), codes=[code])
    axes = [{"name": name, "values": values} for name, values in product.specs.items()]
    names = (
        number,
        code,
        product.title,
        category,
        product.brand,
        product.unit,
        product.description,
    )
    return (*names, _json(axes), _json(product.attributes), '["a.webp"]', "listed", keys, now)


async def _add_stock(stores: Iterable[int], skus: Sequence[int], now: datetime) -> None:
    for store in stores:  # all at once would outlast the statement timeout
        await _stock_up([(store, sku) for sku in skus], _PIECES, now)


async def _stock_up(shelves: Sequence[tuple[int, int]], pieces: int, now: datetime) -> None:
    await db.copy_rows(
        "stock_level",
        ["store_id", "sku_id", "on_hand", "reserved"],
        [(store, sku, 0, 0) for store, sku in shelves],
    )
    await db.copy_rows(
        "stock_entry",
        ["store_id", "sku_id", "kind", "cause", "d_on_hand", "d_reserved", "at"],
        [(store, sku, "count", "bench", pieces, 0, now) for store, sku in shelves],
    )


async def _add_members(wanted: int, appid: str, link: Link, now: datetime) -> list[Shopper]:
    numbers = range(1, wanted + 1)
    openids = [f"oBench{number:022}" for number in numbers]
    await db.copy_rows(
        "member", ["id", "nickname", "created_at"], [(n, f"会员{n}", now) for n in numbers]
    )
    await db.copy_rows(
        "wechat_identity",
        ["member_id", "appid", "openid", "seen_at"],
        [(n, appid, openid, now) for n, openid in zip(numbers, openids, strict=True)],
    )
    await _count_on("member")
    people = [
        sessions.Shopper(n, openid, appid) for n, openid in zip(numbers, openids, strict=True)
    ]
    # The first alone: it teaches Redis the script, which a thousand at once would all do.
    opened = [await sessions.open_session(link, people[0], now=now)]
    opened += await asyncio.gather(
        *(sessions.open_session(link, one, now=now) for one in people[1:])
    )
    return [Shopper(session.token, openid) for session, openid in zip(opened, openids, strict=True)]


async def _count_on(table: str) -> None:
    """Ids were given by hand: the next one comes after them."""
    await db.execute(
        f"select setval(pg_get_serial_sequence('{table}', 'id'), (select max(id) from {table}))"  # noqa: S608
    )


def _words(dice: Random, products: int) -> list[str]:
    """What people type: a piece of a title, its pinyin initials, a brand, a code."""
    _, town_products = build_goods()
    titles = [product.title for product in town_products[:products]]
    words = [title[at : at + 2] for title in titles for at in (0, max(len(title) - 2, 0))]
    words += [pinyin.initials(title)[:4] for title in titles]
    words += [product.brand for product in town_products[:products]]
    words += [f"P{dice.randint(1, products):06}" for _ in range(20)]
    return words


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
