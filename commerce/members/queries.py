"""What a member may read of himself."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from commerce.members import sealed
from commerce.members.rules import AddressContent
from kit import db
from kit.errors import NotFound
from kit.sealing import Sealer


@dataclass(frozen=True, slots=True)
class MemberView:
    id: int
    nickname: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AddressView:
    """An address of `member_id`, in clear: for its owner and for who brings the goods."""

    id: int
    member_id: int
    content: AddressContent
    is_default: bool


async def get_member(member_id: int) -> MemberView:
    """Raises `NotFound` when the member is gone."""
    row = await db.row("select id, nickname, created_at from member where id = $1", member_id)
    if row is None:
        raise NotFound
    return MemberView(**row)


async def list_addresses(member_id: int, sealer: Sealer) -> list[AddressView]:
    """All of them, the default first, then the newest."""
    rows = await db.rows(
        "select id, member_id, content_sealed, is_default from address"
        " where member_id = $1 order by is_default desc, id desc",
        member_id,
    )
    return [_view(row, sealer) for row in rows]


async def get_address(address_id: int, member_id: int, sealer: Sealer) -> AddressView:
    """The address, if it is this member's; else `NotFound`."""
    row = await db.row(
        "select id, member_id, content_sealed, is_default from address"
        " where id = $1 and member_id = $2",
        address_id,
        member_id,
    )
    if row is None:
        raise NotFound
    return _view(row, sealer)


def address_snapshot(address: AddressView, sealer: Sealer) -> str:
    """The address as it is now, sealed for a quote and the order made from it.

    It opens only with `open_snapshot` and the same member, and outlives the address.
    """
    return sealed.seal_snapshot(address.content, address.member_id, sealer)


def open_snapshot(snapshot: str, member_id: int, sealer: Sealer) -> AddressContent:
    """The address of an order of `member_id`; `SealBroken` when the row was altered."""
    return sealed.open_snapshot(snapshot, member_id, sealer)


def _view(row: asyncpg.Record, sealer: Sealer) -> AddressView:
    content = sealed.open_address(row["content_sealed"], row["member_id"], sealer)
    return AddressView(row["id"], row["member_id"], content, row["is_default"])
