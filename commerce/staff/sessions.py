"""Staff at work: a token in Redis says who; PostgreSQL says at every request what he may (A3)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from commerce.staff.errors import LoginRefused
from commerce.staff.passwords import verify_password
from commerce.staff.rules import CHAIN_ROLES, StaffViewer
from kit import db
from kit.ids import token as new_token
from kit.limits import Limit, forgive, network_of, spend
from kit.redis import Link
from models.enums import StaffRole

__all__ = ["OpenedSession", "StaffViewer", "close_session", "find_session", "log_in"]

# One working day's shift, counted from the login: a till left open overnight is closed.
LIFE: Final = timedelta(hours=8)

# Per account and network against guessing one password: whoever guesses locks out himself, not the
# owner elsewhere. Per account from everywhere against guessing from many networks: wide, because
# this one does lock the owner out. Per address against trying one password on all accounts: wide,
# because a store's staff share one address.
PER_ACCOUNT_HERE: Final = Limit("staff_login_account_here", tries=10, window_seconds=900)
PER_ACCOUNT: Final = Limit("staff_login_account", tries=100, window_seconds=900)
PER_ADDRESS: Final = Limit("staff_login_address", tries=100, window_seconds=900)

_VIEWER: Final = """
select staff.id, staff.role, staff.display_name,
    array(select store_id from staff_store where staff_id = staff.id) as store_ids
from staff
where staff.id = $1 and staff.session_epoch = $2 and staff.is_active
"""


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """`token` is shown once and stored nowhere."""

    token: str
    expires_at: datetime
    viewer: StaffViewer


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    staff_id: int
    session_epoch: int


_kept: Final = msgspec.json.Decoder(_Kept)


async def log_in(
    link: Link, account: str, password: str, *, address: str, now: datetime
) -> OpenedSession:
    """A session for eight hours. `address` is where the caller calls from.

    `LoginRefused` tells neither in words nor in time whether the account exists;
    `TooManyRequests` after ten tries of an account from one network, a hundred of it from
    everywhere, or a hundred of an address on any account in 15 minutes, existing or not.
    """
    network = network_of(address)
    here = f"{account}@{network}"
    await spend(link, PER_ADDRESS, network)
    # The narrow one first: what it refuses is no try at the account, or one network could use up
    # the tries of all.
    await spend(link, PER_ACCOUNT_HERE, here)
    await spend(link, PER_ACCOUNT, account)
    row = await db.row(
        "select id, session_epoch, password_hash from staff where account = $1 and is_active",
        account,
    )
    if not await verify_password(row["password_hash"] if row else None, password) or row is None:
        raise LoginRefused
    # The epoch read before the password was checked: a dismissal in between ends this session too.
    kept = _Kept(row["id"], row["session_epoch"])
    viewer = await _viewer(kept)
    if viewer is None:
        raise LoginRefused
    await forgive(link, PER_ACCOUNT_HERE, here)
    await forgive(link, PER_ACCOUNT, account)
    token = new_token()
    await link.call("SET", _key(token), msgspec.json.encode(kept), "EX", int(LIFE.total_seconds()))
    return OpenedSession(token, now + LIFE, viewer)


async def find_session(link: Link, token: str) -> StaffViewer | None:
    """Who works under `token`, with the role and the stores he has at this moment.

    None as soon as his session, role, grants, password or employment have ended.
    """
    found = await link.call("GET", _key(token))
    return None if found is None else await _viewer(_kept.decode(found))


async def close_session(link: Link, token: str) -> None:
    """Log out: the token opens nothing from now on."""
    await link.call("DEL", _key(token))


async def _viewer(kept: _Kept) -> StaffViewer | None:
    row = await db.row(_VIEWER, kept.staff_id, kept.session_epoch)
    if row is None:
        return None
    role = StaffRole(row["role"])
    store_ids = None if role in CHAIN_ROLES else frozenset(row["store_ids"])
    return StaffViewer(row["id"], role, store_ids, row["display_name"])


def _key(token: str) -> str:
    return f"staff_session:{hashlib.sha256(token.encode()).hexdigest()}"
