"""Loads the demo town into an empty shop: all of it in one transaction, or nothing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

from commerce.catalog.actions import load_catalogue
from commerce.catalog.pictures import store_picture
from commerce.members.actions import load_members
from commerce.staff.actions import load_staff
from commerce.stores.actions import load_stores, set_paused
from kit import db
from kit.sealing import Sealer
from scripts.seed import rows
from scripts.seed.accounts import demo_password, keep_people
from scripts.seed.deals import Known
from scripts.seed.drawing import painted
from scripts.seed.shelves import Row
from scripts.seed.story import COUNTED, write_story
from scripts.town.town import Town

# What was done of which part, and how much there is to do.
Tell = Callable[[str, int, int], None]

# Any constant; held until the transaction ends.
_SEED_LOCK: Final = 728_301_458

# The members are up to 700 days old, and their shops a little older.
_FOUNDED: Final = timedelta(days=730)

# Large enough to be fast, small enough to stay far under the client's 10 s per statement.
_CHUNK: Final = 4_000

_IS_EMPTY: Final = """
select not exists (select from store) and not exists (select from product)
    and not exists (select from member) and not exists (select from staff)
"""

# Without them a journal of 80,000 entries takes 1 s instead of 7 s; foreign keys are still checked.
# The balances are written beside it, and `jishi audit` proves that they agree. In a transaction
# that fails, and after it, everything is as before.
_JOURNALING: Final = """
alter table stock_level {0} trigger refuse_opening_balance;
alter table stock_entry {0} trigger apply_stock_entry;
"""

# The order of foreign keys.
_STORY_TABLES: Final = (
    "stock_level",
    "stock_entry",
    "quote",
    "shop_order",
    "order_line",
    "order_step",
    "fulfilment",
    "payment",
    "refund",
    "audit_entry",
)


class ShopNotEmpty(Exception):
    """Somebody is there already; nothing was written."""


class BeingLoaded(Exception):
    """Another process loads the town at this moment; nothing was written."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the town is built on: whose mini program it is, where pictures and people are kept."""

    appid: str
    sealer: Sealer
    data_dir: Path


async def is_empty() -> bool:
    """Whether the shop has no stores, goods or people yet."""
    return bool(await db.value(_IS_EMPTY))


async def load_town(town: Town, site: Site, dice: Random, tell: Tell) -> None:
    """Write `town`, with the numbers that `dice` throw, in one transaction.

    Raises `ShopNotEmpty` or `BeingLoaded`; ValueError when the town breaks the shop's rules,
    `CatalogueRefused` or `PictureRefused` when its goods do.
    """
    async with db.tx():
        await _claim()
        with painted(town.products) as pictures:
            # Before the rows: nobody could log in to a town whose password was lost.
            password = demo_password(site.data_dir)
            keep_people(site.data_dir, town, password)
            known = await _load_nouns(town, site, password, tell)
            await _write(write_story(town, known, site.sealer, dice), tell)
            await _hang_pictures(pictures, site.data_dir / "media", tell)
        # Autovacuum would come to it within a minute; the first shopper is faster.
        for table in ("store", "product", "sku", "store_price", *_STORY_TABLES):
            await db.execute(f"analyze {table}")


async def _claim() -> None:
    """Let this transaction take longer than a shopper's, and be the only one that loads."""
    await db.execute("set local statement_timeout = '60s'")
    await db.execute("set local idle_in_transaction_session_timeout = '10min'")
    if not await db.value("select pg_try_advisory_xact_lock($1)", _SEED_LOCK):
        raise BeingLoaded
    if not await is_empty():
        raise ShopNotEmpty


async def _load_nouns(town: Town, site: Site, password: str, tell: Tell) -> Known:
    """Everything that is there before the first order."""
    founded = town.as_of - _FOUNDED
    store_ids = await load_stores(rows.store_rows(town), founded)
    await _shut_stores(town, store_ids)
    await load_staff(rows.staff_rows(town, password), founded)
    members = rows.member_rows(town, site.appid)
    member_ids = await load_members(members, town.as_of - COUNTED, site.sealer)
    tell("People", len(members), len(members))
    await load_catalogue(
        rows.catalogue_rows(town),
        town.as_of - COUNTED,
        on_progress=lambda done, total: tell("Goods", done, total),
    )
    return Known(
        store_ids=store_ids,
        sku_ids=dict(await db.rows("select code, id from sku")),
        member_ids={openid: number for (_, openid), number in member_ids.items()},
        staff_ids=dict(await db.rows("select account, id from staff")),
        order_ids=await _new_ids("shop_order", len(town.orders)),
        payment_ids=await _new_ids("payment", len(town.orders)),
    )


async def _shut_stores(town: Town, store_ids: Mapping[str, int]) -> None:
    for store in town.stores:
        if store.is_paused:
            await set_paused(store_ids[store.code], is_paused=True)
    closed = [store.code for store in town.stores if not store.is_active]
    await db.execute("update store set is_active = false where code = any($1::text[])", closed)


async def _new_ids(table: str, count: int) -> list[int]:
    drawn = await db.rows(
        "select nextval(pg_get_serial_sequence($1, 'id')) as id from generate_series(1, $2)",
        table,
        count,
    )
    return [row["id"] for row in drawn]


async def _write(story: Mapping[str, Sequence[Row]], tell: Tell) -> None:
    total = sum(len(records) for records in story.values())
    done = 0
    await db.execute(_JOURNALING.format("disable"))
    for table in _STORY_TABLES:
        records = story[table]
        columns = list(records[0])
        for start in range(0, len(records), _CHUNK):
            part = [tuple(row[name] for name in columns) for row in records[start : start + _CHUNK]]
            await db.copy_rows(table, columns, part)
            done += len(part)
            tell("Stock and orders", done, total)
    await db.execute(_JOURNALING.format("enable"))


async def _hang_pictures(
    pictures: Mapping[str, Awaitable[bytes]], media_dir: Path, tell: Tell
) -> None:
    names = []
    for picture in pictures.values():
        names.append(store_picture(await picture, media_dir))
        tell("Pictures", len(names), len(pictures))
    await db.execute(
        "update product set pictures = jsonb_build_array(name)"
        " from unnest($1::text[], $2::text[]) as hung (code, name) where product.code = hung.code",
        list(pictures),
        names,
    )
