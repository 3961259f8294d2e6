"""The demo town in the shop: whole, once, the same each time, and its books add up."""

import asyncio
import re
import shutil
from collections import Counter
from pathlib import Path

import asyncpg
import httpx
import msgspec
import orjson
import pytest

from commerce.members.sealed import open_snapshot
from commerce.orders.rules import check_fulfilment
from commerce.staff.passwords import verify_password
from commerce.staff.rules import RIGHTS, Right, check_password
from config.sandbox import sandbox_config
from config.settings import Settings
from kit.sealing import Sealer
from models.enums import DeliveryMethod, FulfilmentStatus, StaffRole
from scripts.seed.accounts import demo_accounts, demo_shoppers
from scripts.town.town import Town, TownOutcome
from tests.config.test_settings import production
from tests.seed.conftest import DAY, SEED, Place, make_place
from wechat.sandbox.account import Account
from wechat.sandbox.app import running

SEED_LOCK = 728_301_458


async def test_the_town_has_the_promised_size(books: asyncpg.Connection) -> None:
    counts = await books.fetchrow("""
        select (select count(distinct city) from store) as cities,
            (select count(*) from store) as stores, (select count(*) from sku) as skus,
            (select count(*) from member) as members, (select count(*) from shop_order) as orders,
            (select count(distinct (placed_at at time zone 'Asia/Shanghai')::date) from shop_order)
                as days,
            (select count(distinct role) from staff) as roles
    """)
    assert counts["cities"] >= 3
    assert counts["stores"] >= 120
    assert counts["skus"] >= 400
    assert counts["members"] == 200
    assert counts["orders"] > 2500
    assert counts["days"] >= 28
    assert counts["roles"] == len(StaffRole)


async def test_every_invariant_holds(seeded: Place) -> None:
    code, output = await seeded.jishi("audit")
    assert code == 0, output


async def test_loading_again_changes_nothing(seeded: Place) -> None:
    before = await seeded.dump()
    code, output = await seeded.seed()
    assert code == 0
    assert "not empty" in output
    assert await seeded.dump() == before


async def test_the_same_seed_and_day_give_the_same_rows(
    seeded: Place, postgres_url: str, worker_id: str, tmp_path: Path
) -> None:
    twin = await make_place(postgres_url, tmp_path, f"twin_{worker_id}")
    # The keys: hashed telephone numbers and the mini program's id come from them.
    shutil.copy(seeded.data_dir / "demo_secrets.json", tmp_path)
    code, output = await twin.seed()
    assert code == 0, output
    ours, theirs = await seeded.dump(is_whole=False), await twin.dump(is_whole=False)
    assert [table for table in ours if ours[table] != theirs[table]] == []
    assert sum(map(len, ours.values())) > 10_000_000
    assert _files(seeded) == _files(twin)


def _files(place: Place) -> set[str]:
    return {path.name for path in (place.data_dir / "media").iterdir()}


async def test_no_personal_text_stands_in_clear(seeded: Place, town: Town) -> None:
    everything = b"\n".join((await seeded.dump()).values()).decode()
    phones = {member.phone for member in town.members}
    homes = {address.detail for member in town.members for address in member.addresses}
    assert phones.isdisjoint(re.findall(r"160000[0-9]{5}", everything))
    assert homes.isdisjoint(re.findall(r"\w+室", everything))
    # Both would be found, and what may be read is.
    assert all(re.fullmatch(r"160000[0-9]{5}", phone) for phone in phones)
    assert all(re.fullmatch(r"\w+室", home) for home in homes)
    assert all(member.nickname in everything for member in town.members)


async def test_delivered_orders_keep_an_address_that_opens(
    books: asyncpg.Connection, seeded: Place, town: Town
) -> None:
    settings = Settings.read(seeded.environ())
    sealer = Sealer(settings.sealing_keys, settings.index_key)
    kept = await books.fetch(
        "select o.member_id, o.address_sealed, i.openid from shop_order o"
        " join wechat_identity i on i.member_id = o.member_id where o.method = 'delivery'"
    )
    homes = {m.openid: {(a.receiver, a.detail) for a in m.addresses} for m in town.members}
    assert len(kept) > 500
    for member_id, address_sealed, openid in kept:
        opened = open_snapshot(address_sealed, member_id, sealer)
        assert (opened.receiver, opened.detail) in homes[openid]


async def test_the_shelves_hold_what_the_town_says(books: asyncpg.Connection, town: Town) -> None:
    found = await books.fetch(
        "select store.code, sku.code, on_hand from stock_level"
        " join store on store.id = store_id join sku on sku.id = sku_id"
    )
    assert {(store, sku): on_hand for store, sku, on_hand in found} == town.stock


async def test_after_loading_the_journal_is_again_the_only_door(books: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="through stock_entry only"):
        async with books.transaction():
            await books.execute("update stock_level set on_hand = on_hand + 1")
    with pytest.raises(asyncpg.CheckViolationError, match="starts at zero"):
        async with books.transaction():
            await books.execute(
                "insert into stock_level (store_id, sku_id, on_hand, reserved)"
                " select store_id, sku_id, 1, 0 from stock_level limit 1"
            )
    shelf = await books.fetchrow("select id, store_id, sku_id, on_hand from stock_level limit 1")
    await books.execute(
        "insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)"
        " values ($1, $2, 'count', 'test', 3, 0, now())",
        shelf["store_id"],
        shelf["sku_id"],
    )
    now = await books.fetchval("select on_hand from stock_level where id = $1", shelf["id"])
    assert now == shelf["on_hand"] + 3


async def test_staff_find_work_and_nobody_owes_money(books: asyncpg.Connection, town: Town) -> None:
    found = await books.fetch(
        "select f.status, count(*) from shop_order o join fulfilment f on f.order_id = o.id"
        " where o.status = 'paid' group by 1"
    )
    outcomes = Counter(order.outcome for order in town.orders)
    assert dict(found) == {
        status: outcomes[outcome]
        for status, outcome in {
            FulfilmentStatus.WAITING: TownOutcome.PAID,
            FulfilmentStatus.PREPARING: TownOutcome.PREPARING,
            FulfilmentStatus.READY: TownOutcome.READY,
            FulfilmentStatus.DELIVERING: TownOutcome.DELIVERING,
        }.items()
        if outcomes[outcome]
    }
    assert len(found) >= 3
    assert await books.fetchval("select count(*) from shop_order where status = 'unpaid'") == 0


async def test_every_fulfilment_went_its_lawful_way(books: asyncpg.Connection) -> None:
    ways = await books.fetch(
        "select o.method, array_agg(s.old order by seq), array_agg(s.new order by seq)"
        " from order_step s join shop_order o on o.id = s.order_id"
        " where s.subject = 'fulfilment' group by o.id"
    )
    for method, olds, news in ways:
        assert (olds[0], news[0]) == (None, "waiting")
        assert olds[1:] == news[:-1]
        for old, new in zip(olds[1:], news[1:], strict=True):
            check_fulfilment(DeliveryMethod(method), FulfilmentStatus(old), FulfilmentStatus(new))


async def test_staff_acted_only_in_their_stores_and_within_their_rights(
    books: asyncpg.Connection,
) -> None:
    strangers = await books.fetchval(
        "select count(*) from order_step s join shop_order o on o.id = s.order_id"
        " where s.actor = 'staff' and not exists (select from staff_store g"
        "   where g.staff_id = s.actor_id and g.store_id = o.store_id)"
    )
    assert strangers == 0
    taken = await books.fetch(
        "select distinct s.new, o.method, staff.role from order_step s"
        " join staff on staff.id = s.actor_id join shop_order o on o.id = s.order_id"
        " where s.actor = 'staff' and s.subject = 'fulfilment' and s.new <> 'cancelled'"
    )
    for new, method, role in taken:
        assert _right(new, method) in RIGHTS[StaffRole(role)], (new, role)


def _right(new: str, method: str) -> Right:
    if new == "handed_over":
        return Right.REDEEM if method == "pickup" else Right.DELIVER
    return Right.DELIVER if new == "delivering" else Right.PREPARE


async def test_the_audit_trail_tells_every_step_of_the_staff(books: asyncpg.Connection) -> None:
    steps = await books.fetchval(
        "select count(*) from order_step where actor = 'staff'"
        " and new not in ('completed', 'cancelled')"
    )
    assert await books.fetchval("select count(*) from audit_entry") == steps > 5000


async def test_the_demo_accounts_log_in(books: asyncpg.Connection, seeded: Place) -> None:
    accounts = demo_accounts(seeded.data_dir)
    hashes = dict(await books.fetch("select account, password_hash from staff"))
    assert {account.role for account in accounts} == set(StaffRole)
    for account in accounts:
        check_password(account.password, account.account)
        assert await verify_password(hashes[account.account], account.password)
    assert len(set(hashes.values())) == 1
    assert (seeded.data_dir / "demo_accounts.json").stat().st_mode & 0o777 == 0o600


async def test_the_demo_shoppers_are_members(books: asyncpg.Connection, seeded: Place) -> None:
    appid = Settings.read(seeded.environ()).wechat_appid
    members = await books.fetch(
        "select i.openid, m.nickname from wechat_identity i join member m on m.id = i.member_id"
        " where i.appid = $1",
        appid,
    )
    shoppers = {(shopper.openid, shopper.nickname) for shopper in demo_shoppers(seeded.data_dir)}
    assert len(shoppers) == 12
    assert shoppers <= {(openid, nickname) for openid, nickname in members}


async def test_every_product_has_its_picture(books: asyncpg.Connection, seeded: Place) -> None:
    found = await books.fetch("select pictures from product")
    names = [name for row in found for name in orjson.loads(row["pictures"])]
    assert len(names) == len(found) == len(set(names))
    assert set(names) == _files(seeded)


async def test_a_killed_load_leaves_an_empty_shop_and_nobody_painting(
    postgres_url: str, worker_id: str, tmp_path: Path
) -> None:
    place = await make_place(postgres_url, tmp_path, f"killed_{worker_id}")
    process = await place.start("seed", "--seed", str(SEED), "--day", f"{DAY}")
    watch = await asyncpg.connect(place.url)
    try:
        async with asyncio.timeout(60):
            while len(painters := _children(process.pid)) < 2 or not await _is_loading(watch):
                assert process.returncode is None
                await asyncio.sleep(0.02)
        process.kill()
        await process.wait()
        async with asyncio.timeout(20):
            while await _is_loading(watch) or any(map(_is_alive, painters)):
                await asyncio.sleep(0.02)
        assert await watch.fetchval("select count(*) from store") == 0
        assert await watch.fetchval("select count(*) from staff") == 0
    finally:
        await watch.close()


async def _is_loading(connection: asyncpg.Connection) -> bool:
    return await connection.fetchval(
        "select exists (select from pg_locks where locktype = 'advisory' and objid = $1"
        " and database = (select oid from pg_database where datname = current_database()))",
        SEED_LOCK,
    )


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_of_two_loads_at_once_one_is_told_so(
    postgres_url: str, worker_id: str, tmp_path: Path
) -> None:
    place = await make_place(postgres_url, tmp_path, f"busy_{worker_id}")
    other = await asyncpg.connect(place.url)
    try:
        await other.execute("select pg_advisory_lock($1)", SEED_LOCK)
        code, output = await place.seed()
    finally:
        await other.close()
    assert code == 1
    assert "Another process is loading" in output
    assert demo_accounts(tmp_path) == []


async def test_production_is_not_seeded(tmp_path: Path) -> None:
    place = Place("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    code, output = await place.jishi("seed", **production(tmp_path))
    assert code == 1
    assert "production is not seeded" in output


async def test_a_day_that_has_not_begun_is_refused(tmp_path: Path) -> None:
    place = Place("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    code, output = await place.jishi("seed", "--day", "2999-01-01")
    assert code == 2
    assert "has not begun" in output


async def test_the_seed_itself_puts_its_shoppers_on_the_phone(seeded: Place) -> None:
    settings = Settings.read(seeded.environ())
    async with (
        running(msgspec.convert(sandbox_config(settings), Account)) as url,
        httpx.AsyncClient(base_url=url) as sandbox,
    ):
        code, output = await seeded.jishi("seed", JISHI_SANDBOX_PORT=url.rpartition(":")[2])
        assert code == 0, output
        known = (await sandbox.get("/sandbox/shoppers")).json()["items"]
    assert {one["openid"] for one in known} == {
        one.openid for one in demo_shoppers(seeded.data_dir)
    }


async def test_without_a_sandbox_the_seed_says_so_and_is_content(seeded: Place) -> None:
    code, output = await seeded.seed()
    assert code == 0
    assert "The sandbox does not answer" in output
