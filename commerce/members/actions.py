"""What changes a member: logging in, a new name, addresses; and new keys for what is sealed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from commerce.members import sealed
from commerce.members.rules import AddressContent, check_nickname, check_room
from commerce.ports import WechatSession
from kit import db
from kit.errors import NotFound
from kit.sealing import SealBroken, Sealer

# One statement finds or makes the member. The identity goes in first, under an id drawn for a
# member who may never be born: whoever loses the race for (appid, openid) reads the winner's id
# from `on conflict`, and no member is left without an identity.
_ENTER: Final = """
with fresh as (select nextval(pg_get_serial_sequence('member', 'id')) as id),
entered as (
    insert into wechat_identity (member_id, appid, openid, unionid, session_key_sealed, seen_at)
    select coalesce(
            (select member_id from wechat_identity where unionid = $3 order by id limit 1), fresh.id
        ), $1, $2, $3, $4, $5
    from fresh
    on conflict (appid, openid) do update set
        unionid = coalesce(excluded.unionid, wechat_identity.unionid),
        session_key_sealed = coalesce(
            excluded.session_key_sealed, wechat_identity.session_key_sealed
        ),
        seen_at = greatest(excluded.seen_at, wechat_identity.seen_at)
    returning member_id
),
born as (
    insert into member (id, nickname, created_at)
    select fresh.id, '', $5 from fresh join entered on entered.member_id = fresh.id
    returning id
)
select entered.member_id as id, coalesce(member.nickname, '') as nickname,
    exists (select from born) as is_new
from entered left join member on member.id = entered.member_id
"""


@dataclass(frozen=True, slots=True)
class Entrant:
    """The member who has just logged in; `is_new` when this login made him one."""

    id: int
    nickname: str
    is_new: bool


async def enter(appid: str, session: WechatSession, sealer: Sealer, *, now: datetime) -> Entrant:
    """The member behind `session`, made at his first login however many logins he sends at once.

    A new identity with a known unionid joins the member who has it; the session key is kept sealed.
    """
    context = sealed.session_key_context(appid, session.openid)
    session_key = sealer.seal(session.session_key, context)
    async with db.tx():
        if session.unionid is not None:
            # Two first logins of one person from two apps meet in no unique index.
            await db.value(
                "select pg_advisory_xact_lock(hashtextextended('unionid ' || $1, 0))",
                session.unionid,
            )
        return Entrant(
            **await db.one(_ENTER, appid, session.openid, session.unionid, session_key, now)
        )


async def rename(member_id: int, nickname: str) -> None:
    """Raises `PhoneInNickname`, and `NotFound` when the member is gone."""
    check_nickname(nickname)
    if not await db.execute(
        "update member set nickname = $2 where id = $1", member_id, nickname.strip()
    ):
        raise NotFound


async def add_address(
    member_id: int, content: AddressContent, sealer: Sealer, *, is_default: bool, now: datetime
) -> int:
    """Keep an address and answer its id; `TooManyAddresses` beyond 20, also when they race."""
    async with db.tx():
        await _lock(member_id)
        check_room(await db.value("select count(*) from address where member_id = $1", member_id))
        if is_default:
            await _clear_default(member_id)
        address_id: int = await db.value(
            "insert into address (member_id, content_sealed, phone_index, is_default, created_at)"
            " values ($1, $2, $3, $4, $5) returning id",
            member_id,
            sealed.seal_address(content, member_id, sealer),
            sealed.address_phone_index(content.phone, sealer),
            is_default,
            now,
        )
    return address_id


async def change_address(
    address_id: int, member_id: int, content: AddressContent, sealer: Sealer, *, is_default: bool
) -> None:
    """Replace the whole address; `NotFound` when it is not this member's."""
    async with db.tx():
        await _lock(member_id)
        if is_default:
            await _clear_default(member_id)
        changed = await db.execute(
            "update address set content_sealed = $3, phone_index = $4, is_default = $5"
            " where id = $1 and member_id = $2",
            address_id,
            member_id,
            sealed.seal_address(content, member_id, sealer),
            sealed.address_phone_index(content.phone, sealer),
            is_default,
        )
        if not changed:
            raise NotFound


async def remove_address(address_id: int, member_id: int) -> None:
    """Forget the address; orders keep their own copy. `NotFound` when it is not this member's."""
    if not await db.execute(
        "delete from address where id = $1 and member_id = $2", address_id, member_id
    ):
        raise NotFound


async def _lock(member_id: int) -> None:
    """One writer of a member's addresses at a time: their number and the default are counted."""
    await db.value("select id from member where id = $1 for no key update", member_id)


async def _clear_default(member_id: int) -> None:
    await db.execute(
        "update address set is_default = false where member_id = $1 and is_default", member_id
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """A member to load. The first of `addresses` is the default one."""

    appid: str
    openid: str
    nickname: str
    phone: str
    joined_at: datetime
    addresses: tuple[AddressContent, ...] = ()


async def load_members(
    rows: Sequence[MemberRow], now: datetime, sealer: Sealer
) -> dict[tuple[str, str], int]:
    """Keep those that are not there yet; the member of each (appid, openid).

    Repeating it changes nothing, whatever a member has changed since.
    """
    ids: dict[tuple[str, str], int] = {}
    async with db.tx():
        for row in rows:
            entrant = await db.one(_ENTER, row.appid, row.openid, None, None, row.joined_at)
            ids[row.appid, row.openid] = entrant["id"]
            if entrant["is_new"]:
                await _load_content(entrant["id"], row, now, sealer)
    return ids


async def _load_content(member_id: int, row: MemberRow, now: datetime, sealer: Sealer) -> None:
    await db.execute(
        "update member set nickname = $2, phone_sealed = $3, phone_index = $4 where id = $1",
        member_id,
        row.nickname,
        sealer.seal(row.phone, sealed.phone_context(member_id)),
        sealed.member_phone_index(row.phone, sealer),
    )
    for place, content in enumerate(row.addresses):
        await add_address(member_id, content, sealer, is_default=place == 0, now=now)


@dataclass(slots=True)
class Resealed:
    """What a rotation came to: texts sealed anew, and rows that no key opens ("table:id")."""

    count: int = 0
    broken: list[str] = field(default_factory=list)


class _Column(NamedTuple):
    """Where sealed texts are, and how their context follows from the row's `owner` columns."""

    table: str
    column: str
    id_type: str
    owner: str
    context: Callable[..., str]


# Orders and quotes keep snapshots of addresses: the seal is ours wherever the text is copied.
_SEALED: Final = (
    _Column("address", "content_sealed", "bigint", "member_id", sealed.address_context),
    _Column("member", "phone_sealed", "bigint", "id", sealed.phone_context),
    _Column(
        "wechat_identity",
        "session_key_sealed",
        "bigint",
        "appid, openid",
        sealed.session_key_context,
    ),
    _Column("quote", "address_sealed", "uuid", "member_id", sealed.snapshot_context),
    _Column("shop_order", "address_sealed", "bigint", "member_id", sealed.snapshot_context),
)
_LOWEST: Final[dict[str, object]] = {"bigint": 0, "uuid": UUID(int=0)}
_BATCH: Final = 500


async def reseal_all(sealer: Sealer, progress: Callable[[str, int], None]) -> Resealed:
    """Seal anew, with the newest key, whatever an older one sealed: then the old one may go.

    Works in batches while the shop is open and can be stopped and repeated. `progress` is told
    the table and how many more of its rows were looked at. Rows that no key opens are left alone.
    """
    outcome = Resealed()
    for column in _SEALED:
        last = _LOWEST[column.id_type]
        while rows := await _next_rows(column, last):
            last = rows[-1]["id"]
            await _reseal(column, rows, sealer, outcome)
            progress(column.table, len(rows))
    return outcome


async def _next_rows(column: _Column, last: Any) -> list[asyncpg.Record]:
    return await db.rows(
        f"select id, {column.column} as sealed, {column.owner} from {column.table}"  # noqa: S608
        f" where {column.column} is not null and id > $1 order by id limit {_BATCH}",
        last,
    )


async def _reseal(
    column: _Column, rows: list[asyncpg.Record], sealer: Sealer, outcome: Resealed
) -> None:
    fresh: list[tuple[Any, str, str]] = []
    for row in rows:
        if not sealer.is_stale(row["sealed"]):
            continue
        context = column.context(*(row[name] for name in column.owner.split(", ")))
        try:
            text = sealer.open(row["sealed"], context)
        except SealBroken:
            outcome.broken.append(f"{column.table}:{row['id']}")
            continue
        fresh.append((row["id"], row["sealed"], sealer.seal(text, context)))
    # Only where the old text still stands: a shopper may change his address meanwhile.
    outcome.count += await db.execute(
        f"update {column.table} set {column.column} = fresh.anew"  # noqa: S608
        f" from unnest($1::{column.id_type}[], $2::text[], $3::text[]) as fresh (id, old, anew)"
        f" where {column.table}.id = fresh.id and {column.table}.{column.column} = fresh.old",
        *map(list, zip(*fresh, strict=True)) if fresh else ([], [], []),
    )
