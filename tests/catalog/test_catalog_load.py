"""Loading a catalogue: all of it or nothing, twice the same as once, counts under the stock's lock."""

import asyncio
from typing import Any

import asyncpg
import pytest

from commerce.catalog import actions, loading
from commerce.catalog.actions import load_catalogue
from commerce.catalog.errors import CatalogueBusy, CatalogueRefused
from commerce.catalog.loading import Tally
from kit import db
from kit.money import Fen
from tests.catalog.sheets import NOON, load, product_id, row, sku_id, store_code
from tests.factories import make_store, stock, stock_of

pytestmark = pytest.mark.usefixtures("database")


async def refusal(*rows: Any) -> list[tuple[int, str, str]]:
    with pytest.raises(CatalogueRefused) as refused:
        await load(*rows)
    return [(each.row, str(each.column), each.code) for each in refused.value.faults]


async def hold(store: int, sku: int, quantity: int) -> None:
    await db.execute(
        "insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)"
        " values ($1, $2, 'hold', 'test', 0, $3, now())",
        store,
        sku,
        quantity,
    )


async def test_a_sheet_becomes_products_skus_prices_and_stock() -> None:
    store = await make_store()
    code = await store_code(store)
    report = await load(
        row("A", specs={"口味": "原味"}, stock={code: 5}, prices={code: Fen(1190)}),
        row("A", specs={"口味": "草莓"}, stock={code: 0}),
        row("B", category=("水果",)),
    )
    assert (report.products, report.skus) == (Tally(2), Tally(3))
    assert (report.prices, report.stock) == (Tally(1), Tally(2))
    product = await db.one("select * from product where code = 'A'")
    assert (product["status"], product["created_at"]) == ("listed", NOON)
    assert await stock_of(store, await sku_id("A-01")) == (5, 0)
    assert await stock_of(store, await sku_id("A-02")) == (0, 0)
    entry = await db.one("select kind, cause, d_on_hand, at from stock_entry")
    assert (entry["kind"], entry["d_on_hand"], entry["at"]) == ("count", 5, NOON)
    assert entry["cause"].startswith("import:")


async def test_the_same_sheet_again_changes_nothing() -> None:
    code = await store_code(await make_store())
    rows = (
        row("A", specs={"口味": "原味"}, stock={code: 5}, prices={code: Fen(1190)}),
        row("A", specs={"口味": "草莓"}, barcode="6901234567892", attributes={"产地": "山东"}),
    )
    await load(*rows)
    before = await db.rows("select p.xmin, s.xmin from product p, sku s order by s.id")
    report = await load(*rows)
    assert (report.products, report.skus) == (Tally(0, 0, 1), Tally(0, 0, 2))
    assert (report.prices, report.stock) == (Tally(0, 0, 1), Tally(0, 0, 1))
    assert before == await db.rows("select p.xmin, s.xmin from product p, sku s order by s.id")
    assert await db.value("select count(*) from stock_entry") == 1
    assert await db.value("select count(*) from category") == 2


async def test_what_changed_is_written_and_counted() -> None:
    store = await make_store()
    code = await store_code(store)
    await load(row("A", stock={code: 5}, prices={code: Fen(1190)}), row("B"))
    report = await load(
        row("A", title="鲜奶", stock={code: 3}, prices={code: Fen(1000)}, price_fen=Fen(1300)),
        row("B"),
    )
    assert (report.products, report.skus) == (Tally(0, 1, 1), Tally(0, 1, 1))
    assert (report.prices, report.stock) == (Tally(0, 1, 0), Tally(0, 1, 0))
    assert await stock_of(store, await sku_id("A-01")) == (3, 0)


async def test_a_delisted_product_stays_so_and_other_skus_stay() -> None:
    await load(row("A", sku_code="X", specs={"口味": "原味"}))
    await db.execute("update product set status = 'delisted'")
    await load(row("A", sku_code="Y", specs={"口味": "草莓"}))
    assert await db.value("select status from product") == "delisted"
    assert await db.value("select count(*) from sku where is_active") == 2
    assert await db.value("select specs ->> 0 from product") == (
        '{"name": "口味", "values": ["原味", "草莓"]}'
    )


async def test_one_bad_row_and_nothing_is_written() -> None:
    await load(row("A", sku_code="X", barcode="6901234567892"))
    good = row("N", title="新品", category=("新类",))
    bad = (
        row("B", sku_code="X"),
        row("C", barcode="6901234567892"),
        row("D", stock={"NOWHERE": 1}, prices={"NEITHER": Fen(1)}),
    )
    assert sorted(await refusal(good, *bad)) == [
        (bad[0].row, "SKU编码", "sku_elsewhere"),
        (bad[1].row, "条码", "barcode_elsewhere"),
        (bad[2].row, "价格:NEITHER", "unknown_store"),
        (bad[2].row, "库存:NOWHERE", "unknown_store"),
    ]
    assert await db.value("select count(*) from product") == 1
    assert await db.value("select count(*) from category where name = '新类'") == 0


async def test_a_count_below_what_orders_hold_rolls_everything_back() -> None:
    store = await make_store()
    code = await store_code(store)
    await load(row("A", sku_code="A-1"))
    await stock(store, await sku_id("A-1"), 9)
    await hold(store, await sku_id("A-1"), 4)
    low = row("A", sku_code="A-1", title="改名", stock={code: 3})
    assert await refusal(row("N"), low) == [(low.row, f"库存:{code}", "below_reserved")]
    assert await db.value("select title from product") == "鲜牛奶"
    assert await stock_of(store, await sku_id("A-1")) == (9, 4)
    enough = await load(row("A", sku_code="A-1", stock={code: 4}))
    assert enough.stock == Tally(0, 1, 0)
    assert await stock_of(store, await sku_id("A-1")) == (4, 4)


async def sell_while_loading(database: str, store: int, sku: int, counted: int) -> None:
    """Two units leave in a transaction that is open when the count reads and ends while it waits."""
    code = await store_code(store)
    till = await asyncpg.connect(database)
    try:
        sale = till.transaction()
        await sale.start()
        await till.execute(
            "insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)"
            " values ($1, $2, 'hand_over', 'till', -2, 0, now())",
            store,
            sku,
        )
        loading_now = asyncio.ensure_future(load(row("A", sku_code="A-1", stock={code: counted})))
        await _until_it_waits(till, loading_now)
        await sale.commit()
        await loading_now
    finally:
        await till.close()


async def _until_it_waits(till: asyncpg.Connection, loading_now: asyncio.Future[Any]) -> None:
    async with asyncio.timeout(10):
        while not loading_now.done() and not await till.fetchval(
            "select exists (select from pg_locks where not granted)"
        ):
            await asyncio.sleep(0.01)


async def test_a_count_and_a_sale_at_once_end_at_the_count(database: str) -> None:
    store = await make_store()
    await load(row("A", sku_code="A-1"))
    await stock(store, await sku_id("A-1"), 10)
    await sell_while_loading(database, store, await sku_id("A-1"), 20)
    assert await stock_of(store, await sku_id("A-1")) == (20, 0)


async def test_without_the_lock_the_count_would_be_wrong(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless = loading._LOCK_DIFFERENCES.replace("for update of l", "")
    assert careless != loading._LOCK_DIFFERENCES
    monkeypatch.setattr(loading, "_LOCK_DIFFERENCES", careless)
    store = await make_store()
    await load(row("A", sku_code="A-1"))
    await stock(store, await sku_id("A-1"), 10)
    await sell_while_loading(database, store, await sku_id("A-1"), 20)
    assert await stock_of(store, await sku_id("A-1")) == (18, 0)


async def test_two_imports_do_not_mix(database: str) -> None:
    other = await asyncpg.connect(database)
    try:
        async with other.transaction():
            await other.execute("select pg_advisory_xact_lock($1)", actions._LOAD_LOCK)
            with pytest.raises(CatalogueBusy):
                await load(row("A"))
        await load(row("A"))
    finally:
        await other.close()


async def test_progress_is_told_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHUNK", 2)
    code = await store_code(await make_store())
    told: list[tuple[int, int]] = []
    rows = [row(f"P{n}", stock={code: n + 1}) for n in range(5)]
    report = await load_catalogue(
        rows, NOON, on_progress=lambda done, total: told.append((done, total))
    )
    assert report.stock == Tally(5)
    assert told[-1] == (15, 15)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert await db.value("select sum(on_hand) from stock_level") == 15


async def test_people_may_buy_while_a_sheet_is_being_written(database: str) -> None:
    store = await make_store()
    await load(row("A", sku_code="A-1"), row("B", sku_code="B-1"))
    await stock(store, await sku_id("A-1"), 9)
    await stock(store, await sku_id("B-1"), 9)
    till = await asyncpg.connect(database, server_settings={"lock_timeout": "2000"})
    try:
        async with db.tx():
            # One SKU as it was, one dearer; neither counted.
            await load(row("A", sku_code="A-1"), row("B", sku_code="B-1", price_fen=Fen(1500)))
            for sku in await till.fetch("select id from sku"):
                await till.execute(
                    "insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved,"
                    " at) values ($1, $2, 'hold', 'till', 0, 1, now())",
                    store,
                    sku["id"],
                )
    finally:
        await till.close()
    assert await stock_of(store, await sku_id("B-1")) == (9, 1)


async def test_a_renamed_product_is_found_by_its_new_name_only() -> None:
    await load(row("A", title="鲜牛奶"))
    await load(row("A", title="燕麦奶"))
    found = await db.rows("select id from product where search_grams @> array['燕麦', 'ym']")
    assert [record["id"] for record in found] == [await product_id("A")]
    assert await db.rows("select id from product where search_grams @> array['鲜牛']") == []
