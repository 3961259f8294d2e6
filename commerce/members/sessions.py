"""Who is logged in: opaque tokens whose SHA-256 alone is kept, in Redis.

Losing Redis costs every shopper one silent login.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from kit.ids import token as new_token
from kit.redis import Link

LIFE: Final = timedelta(days=7)
MOST_SESSIONS: Final = 10

# A session in use is prolonged once a day: sliding, without a write at every request.
_PROLONG_AFTER: Final = timedelta(days=1)

# A member's sessions by last use. Those beyond the limit are returned and ended by a second call:
# their keys lie on other nodes of a cluster.
_ENLIST: Final = """
redis.call('zadd', KEYS[1], ARGV[1], ARGV[2])
redis.call('expire', KEYS[1], ARGV[4])
local surplus = redis.call('zrange', KEYS[1], 0, -1 - ARGV[3])
if #surplus > 0 then redis.call('zrem', KEYS[1], unpack(surplus)) end
return surplus
"""


@dataclass(frozen=True, slots=True)
class Shopper:
    """A logged-in member, through one identity."""

    member_id: int
    openid: str
    appid: str

    @property
    def caller(self) -> str:
        return f"member:{self.member_id}"


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """`token` is shown to the shopper once and stored nowhere."""

    token: str
    expires_at: datetime


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What Redis keeps of a session; `used_at` is in whole seconds and at most a day old."""

    member_id: int
    openid: str
    appid: str
    used_at: int


_kept: Final = msgspec.json.Decoder(_Kept)


async def open_session(link: Link, shopper: Shopper, *, now: datetime) -> OpenedSession:
    """A new session of `shopper`; beyond ten, the ones unused for longest end."""
    token = new_token()
    digest = _digest(token)
    # First the index: a crash in between leaves an entry without session, never the reverse.
    await _enlist(link, shopper.member_id, digest, now)
    await link.call("SET", _key(digest), _value(shopper, now), "EX", _seconds(LIFE))
    return OpenedSession(token, now + LIFE)


async def find_session(link: Link, token: str, *, now: datetime) -> Shopper | None:
    """Whose session `token` opens, in one round trip (once a day, three)."""
    digest = _digest(token)
    found = await link.call("GET", _key(digest))
    if found is None:
        return None
    kept = _kept.decode(found)
    shopper = Shopper(kept.member_id, kept.openid, kept.appid)
    if now.timestamp() - kept.used_at > _seconds(_PROLONG_AFTER):
        await _prolong(link, shopper, digest, now)
    return shopper


async def close_session(link: Link, token: str, shopper: Shopper) -> None:
    """Log out: the token opens nothing from now on."""
    digest = _digest(token)
    await link.call("DEL", _key(digest))
    await link.call("ZREM", _index(shopper.member_id), digest)


async def _prolong(link: Link, shopper: Shopper, digest: str, now: datetime) -> None:
    # XX: a log-out of the same moment must not be undone.
    kept = await link.call("SET", _key(digest), _value(shopper, now), "XX", "EX", _seconds(LIFE))
    if kept is not None:
        await _enlist(link, shopper.member_id, digest, now)


async def _enlist(link: Link, member_id: int, digest: str, now: datetime) -> None:
    enlist = link.script("session.enlist", _ENLIST)
    used_at = int(now.timestamp() * 1000)
    surplus = await enlist([_index(member_id)], used_at, digest, MOST_SESSIONS, _seconds(LIFE))
    if surplus:
        await link.call("DEL", *(_key(old.decode()) for old in surplus))


def _value(shopper: Shopper, now: datetime) -> bytes:
    kept = _Kept(shopper.member_id, shopper.openid, shopper.appid, int(now.timestamp()))
    return msgspec.json.encode(kept)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _key(digest: str) -> str:
    return f"session:{digest}"


def _index(member_id: int) -> str:
    return f"sessions:{member_id}"


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
