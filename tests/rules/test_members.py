"""Members: one per person, sealed at rest, whatever happens at the same moment."""

import asyncio
import contextvars
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from commerce.members import actions, sealed, sessions
from commerce.members.actions import MemberRow, enter, load_members, reseal_all
from commerce.members.errors import TooManyAddresses
from commerce.members.queries import (
    address_snapshot,
    get_address,
    get_member,
    list_addresses,
    open_snapshot,
)
from commerce.members.rules import AddressContent, check_room
from commerce.members.sessions import Shopper, close_session, find_session, open_session
from commerce.ports import WechatSession
from kit import db
from kit.errors import NotFound, TemporarilyUnavailable
from kit.redis import Link
from kit.sealing import SealBroken, Sealer

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
APP = "wx0123456789abcdef"
HOME = AddressContent(
    receiver="王晓彤",
    phone="16000012345",
    region=("上海市", "上海市", "黄浦区"),
    detail="梧桐公馆3幢1201室",
    lat=31.2304,
    lng=121.4737,
)
SHOPPER = Shopper(7, "o-anna", APP)


def session_of(openid: str, unionid: str | None = None) -> WechatSession:
    return WechatSession(openid, unionid, "c2Vzc2lvbi1rZXk=")


async def new_member(sealer: Sealer, openid: str = "o-anna") -> int:
    return (await enter(APP, session_of(openid), sealer, now=NOW)).id


async def test_the_same_shopper_is_the_same_member(database, sealer):
    first = await enter(APP, session_of("o-anna"), sealer, now=NOW)
    again = await enter(APP, session_of("o-anna"), sealer, now=NOW + timedelta(days=1))
    assert (first.is_new, again.is_new) == (True, False)
    assert again.id == first.id
    assert await db.value("select count(*) from member") == 1


async def test_twenty_first_logins_at_once_make_one_member(database, sealer):
    entrants = await asyncio.gather(
        *(enter(APP, session_of("o-anna"), sealer, now=NOW) for _ in range(20))
    )
    assert len({entrant.id for entrant in entrants}) == 1
    assert sum(entrant.is_new for entrant in entrants) == 1
    assert await db.value("select count(*) from member") == 1


async def test_control_look_first_then_insert_makes_two_members(database):
    both_looked = asyncio.Barrier(2)

    async def careless() -> None:
        assert not await db.value("select id from wechat_identity where openid = 'o-anna'")
        await both_looked.wait()
        await db.execute("insert into member (nickname, created_at) values ('', $1)", NOW)

    await asyncio.gather(careless(), careless())
    assert await db.value("select count(*) from member") == 2


async def test_identities_of_one_unionid_lead_to_one_member(database, sealer):
    entrants = await asyncio.gather(
        *(enter(f"wxapp{n}", session_of(f"o-{n}", "u-anna"), sealer, now=NOW) for n in range(8))
    )
    assert len({entrant.id for entrant in entrants}) == 1
    assert await db.value("select count(*) from member") == 1
    assert await db.value("select count(*) from wechat_identity") == 8


async def test_control_without_the_lock_one_unionid_makes_two_members(database, sealer):
    statements = [
        db.one(actions._ENTER, f"wxapp{n}", f"o-{n}", "u-anna", None, NOW) for n in range(2)
    ]
    async with db.tx():
        first = await statements[0]
        # Another connection: it cannot see what is not committed yet.
        second = await asyncio.get_running_loop().create_task(
            statements[1], context=contextvars.Context()
        )
    assert first["id"] != second["id"]


async def test_the_session_key_rests_sealed_and_follows_the_newest_login(database, sealer):
    await enter(APP, WechatSession("o-anna", None, "a2V5LW9uZQ=="), sealer, now=NOW)
    await enter(APP, WechatSession("o-anna", None, "a2V5LXR3bw=="), sealer, now=NOW)
    kept = await db.value("select session_key_sealed from wechat_identity")
    assert "a2V5" not in kept
    assert sealer.open(kept, sealed.session_key_context(APP, "o-anna")) == "a2V5LXR3bw=="


async def test_an_address_comes_back_as_it_was_and_nothing_of_it_rests_in_clear(database, sealer):
    member_id = await new_member(sealer)
    made = await actions.add_address(member_id, HOME, sealer, is_default=True, now=NOW)
    address = await get_address(made, member_id, sealer)
    assert (address.content, address.is_default) == (HOME, True)
    row = await db.value("select address::text from address")
    for clear in (HOME.receiver, HOME.phone, HOME.detail, "黄浦区", "31.23"):
        assert clear not in row


async def test_an_address_is_found_by_the_keyed_hash_of_its_phone(database, sealer):
    member_id = await new_member(sealer)
    made = await actions.add_address(member_id, HOME, sealer, is_default=False, now=NOW)
    index = sealed.address_phone_index(HOME.phone, sealer)
    assert await db.value("select id from address where phone_index = $1", index) == made


async def test_a_sealed_address_moved_to_another_member_does_not_open(database, sealer):
    anna, bert = await new_member(sealer, "o-anna"), await new_member(sealer, "o-bert")
    made = await actions.add_address(anna, HOME, sealer, is_default=False, now=NOW)
    await db.execute("update address set member_id = $1", bert)
    with pytest.raises(SealBroken):
        await get_address(made, bert, sealer)


async def test_foreign_addresses_are_absent(database, sealer):
    anna, bert = await new_member(sealer, "o-anna"), await new_member(sealer, "o-bert")
    made = await actions.add_address(anna, HOME, sealer, is_default=True, now=NOW)
    with pytest.raises(NotFound):
        await get_address(made, bert, sealer)
    with pytest.raises(NotFound):
        await actions.change_address(made, bert, HOME, sealer, is_default=True)
    with pytest.raises(NotFound):
        await actions.remove_address(made, bert)
    assert (await get_address(made, anna, sealer)).is_default


async def test_a_new_default_replaces_the_old_one(database, sealer):
    member_id = await new_member(sealer)
    first = await actions.add_address(member_id, HOME, sealer, is_default=True, now=NOW)
    second = await actions.add_address(member_id, HOME, sealer, is_default=True, now=NOW)
    assert [a.id for a in await list_addresses(member_id, sealer) if a.is_default] == [second]
    await actions.change_address(first, member_id, HOME, sealer, is_default=True)
    assert [a.id for a in await list_addresses(member_id, sealer)] == [first, second]


async def test_simultaneous_defaults_leave_exactly_one(database, sealer):
    member_id = await new_member(sealer)
    await asyncio.gather(
        *(actions.add_address(member_id, HOME, sealer, is_default=True, now=NOW) for _ in range(8))
    )
    addresses = await list_addresses(member_id, sealer)
    assert (len(addresses), sum(address.is_default for address in addresses)) == (8, 1)


async def nineteen_and_six_more(sealer: Sealer) -> int:
    """19 addresses, then six at once; how many are kept."""
    member_id = await new_member(sealer)
    for _ in range(19):
        await actions.add_address(member_id, HOME, sealer, is_default=False, now=NOW)
    outcomes = await asyncio.gather(
        *(
            actions.add_address(member_id, HOME, sealer, is_default=False, now=NOW)
            for _ in "123456"
        ),
        return_exceptions=True,
    )
    assert all(isinstance(each, int | TooManyAddresses) for each in outcomes)
    return await db.value("select count(*) from address where member_id = $1", member_id)


async def test_a_member_never_has_more_than_twenty_addresses(database, sealer):
    assert await nineteen_and_six_more(sealer) == 20


async def test_control_without_the_lock_there_are_more(database, sealer, monkeypatch):
    together, calls = asyncio.Barrier(6), itertools.count(1)

    async def no_lock(_: int) -> None:
        if next(calls) > 19:
            await together.wait()

    monkeypatch.setattr(actions, "_lock", no_lock)
    assert await nineteen_and_six_more(sealer) > 20


def test_the_twenty_first_address_has_no_room():
    check_room(19)
    with pytest.raises(TooManyAddresses):
        check_room(20)


async def test_a_snapshot_outlives_its_address_and_opens_for_its_member_only(database, sealer):
    member_id = await new_member(sealer)
    made = await actions.add_address(member_id, HOME, sealer, is_default=False, now=NOW)
    snapshot = address_snapshot(await get_address(made, member_id, sealer), sealer)
    await actions.remove_address(made, member_id)
    assert open_snapshot(snapshot, member_id, sealer) == HOME
    with pytest.raises(SealBroken):
        open_snapshot(snapshot, member_id + 1, sealer)


async def test_loading_members_twice_changes_nothing(database, sealer):
    rows = [
        MemberRow(
            appid=APP, openid="o-anna", nickname="小橘子", phone=HOME.phone, joined_at=NOW,
            addresses=(HOME, HOME),
        ),
        MemberRow(appid=APP, openid="o-bert", nickname="芒果", phone="16000000001", joined_at=NOW),
    ]  # fmt: skip
    loaded = await load_members(rows, NOW, sealer)
    anna = loaded[APP, "o-anna"]
    await actions.rename(anna, "橙子皮")
    assert await load_members(rows, NOW, sealer) == loaded
    assert (await get_member(anna)).nickname == "橙子皮"
    assert [address.is_default for address in await list_addresses(anna, sealer)] == [True, False]
    assert await db.value("select count(*) from member where phone_index is not null") == 2


async def test_loading_keeps_the_session_key_of_a_member_who_logged_in(database, sealer):
    await new_member(sealer, "o-anna")
    row = MemberRow(appid=APP, openid="o-anna", nickname="x", phone=HOME.phone, joined_at=NOW)
    await load_members([row], NOW, sealer)
    assert await db.value("select session_key_sealed is not null from wechat_identity")


async def test_resealing_moves_everything_to_the_newest_key(database):
    old = Sealer({"k1": b"1" * 32}, b"i" * 32)
    both = Sealer({"k2": b"2" * 32, "k1": b"1" * 32}, b"i" * 32)
    row = MemberRow(
        appid=APP, openid="o-anna", nickname="x", phone=HOME.phone, joined_at=NOW, addresses=(HOME,)
    )
    member_id = (await load_members([row], NOW, old))[APP, "o-anna"]
    await enter(APP, session_of("o-anna"), old, now=NOW)
    seen: list[tuple[str, int]] = []
    outcome = await reseal_all(both, lambda table, rows: seen.append((table, rows)))
    assert (outcome.count, outcome.broken) == (3, [])
    assert seen == [("address", 1), ("member", 1), ("wechat_identity", 1)]
    only_new = Sealer({"k2": b"2" * 32}, b"i" * 32)
    assert [a.content for a in await list_addresses(member_id, only_new)] == [HOME]
    assert (await reseal_all(both, lambda *_: None)).count == 0


async def test_resealing_names_what_no_key_opens_and_goes_on(database):
    lost = Sealer({"k0": b"0" * 32}, b"i" * 32)
    row = MemberRow(appid=APP, openid="o-anna", nickname="x", phone=HOME.phone, joined_at=NOW)
    broken = (await load_members([row], NOW, lost))[APP, "o-anna"]
    old = Sealer({"k1": b"1" * 32}, b"i" * 32)
    await load_members(
        [MemberRow(appid=APP, openid="o-b", nickname="y", phone=HOME.phone, joined_at=NOW)],
        NOW,
        old,
    )
    both = Sealer({"k2": b"2" * 32, "k1": b"1" * 32}, b"i" * 32)
    outcome = await reseal_all(both, lambda *_: None)
    assert (outcome.count, outcome.broken) == (1, [f"member:{broken}"])


async def test_a_session_is_found_by_its_token_and_kept_as_a_hash_only(link):
    opened = await open_session(link, SHOPPER, now=NOW)
    assert await find_session(link, opened.token, now=NOW) == SHOPPER
    assert opened.expires_at == NOW + timedelta(days=7)
    keys = await link.call("KEYS", "*")
    values = [await link.call("DUMP", key) for key in keys]
    assert all(opened.token.encode() not in text for text in (*keys, *values))


async def test_a_session_slides_without_a_write_at_every_request(link):
    opened = await open_session(link, SHOPPER, now=NOW)
    [key] = await link.call("KEYS", "session:*")
    await link.call("EXPIRE", key, 1000)
    await find_session(link, opened.token, now=NOW + timedelta(hours=23))
    assert await link.call("TTL", key) <= 1000
    await find_session(link, opened.token, now=NOW + timedelta(hours=25))
    assert await link.call("TTL", key) > 600_000


async def test_the_eleventh_session_ends_the_one_unused_for_longest(link):
    opened = [await open_session(link, SHOPPER, now=NOW + timedelta(minutes=n)) for n in range(10)]
    later = NOW + timedelta(days=2)
    await find_session(link, opened[0].token, now=later)
    opened.append(await open_session(link, SHOPPER, now=later))
    alive = [await find_session(link, each.token, now=later) is not None for each in opened]
    assert alive == [True, False, *[True] * 9]


async def test_a_log_out_is_not_undone_by_a_request_of_the_same_moment(link):
    opened = await open_session(link, SHOPPER, now=NOW)
    later = NOW + timedelta(days=2)
    await asyncio.gather(
        find_session(link, opened.token, now=later), close_session(link, opened.token, SHOPPER)
    )
    assert await find_session(link, opened.token, now=later) is None
    assert await link.call("ZCARD", "sessions:7") == 0


async def test_without_redis_a_session_is_unknown_rather_than_refused():
    with pytest.raises(TemporarilyUnavailable):
        await find_session(Link("redis://127.0.0.1:1"), "t" * 43, now=NOW)


def test_ten_sessions_a_week_each_is_what_the_shopper_is_promised():
    assert (10, timedelta(days=7)) == (sessions.MOST_SESSIONS, sessions.LIFE)
