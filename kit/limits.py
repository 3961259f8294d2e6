"""How often somebody may try: counters in Redis, one script per try."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final

import structlog

from kit.errors import TooManyRequests
from kit.redis import Link

_log = structlog.stdlib.get_logger(__name__)

# One key, so any node of a cluster can run it. The clock is Redis' own: workers may disagree.
# A key without expiry (a crash between two commands of an older version) would lock for ever.
_SPEND: Final = """
local used = redis.call('incr', KEYS[1])
local left = redis.call('pttl', KEYS[1])
if left < 0 then
    left = tonumber(ARGV[2])
    redis.call('pexpire', KEYS[1], left)
end
if used > tonumber(ARGV[1]) then return left end
return 0
"""

# Only what is still counted: one taken in a window that has ended is not owed to the next.
_GIVE_BACK: Final = """
if tonumber(redis.call('get', KEYS[1]) or '0') > 0 then redis.call('decr', KEYS[1]) end
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """`tries` per subject in a window that starts with the first; `name` is part of the key."""

    name: str
    tries: int
    window_seconds: int


async def spend(link: Link, limit: Limit, subject: str) -> None:
    """Take one try of `subject`; `TooManyRequests` says when the window ends.

    Counted before the act, so that a thousand guesses at the same moment are no more than one
    by one. Without Redis nobody tries: it raises what the link raises.
    """
    spend_one = link.script("limit", _SPEND)
    left = await spend_one([_key(limit, subject)], limit.tries, limit.window_seconds * 1000)
    if left:
        raise TooManyRequests(retry_after_seconds=-(-left // 1000))


async def forgive(link: Link, limit: Limit, subject: str) -> None:
    """Give `subject` all tries back, after a success that proves who it is."""
    await link.call("DEL", _key(limit, subject))


@asynccontextmanager
async def only_failures_count(link: Link, *counted: tuple[Limit, str]) -> AsyncIterator[None]:
    """Take a try of each (limit, subject), in this order, and give them back when the body succeeds.

    Honest work is never slowed down, however much there is, and does not make room for guesses
    either. A failure stays counted and leaves a log line that names the subjects: they must not be
    personal. `TooManyRequests` before the body, as `spend` raises it; later limits are untouched.
    """
    for limit, subject in counted:
        await spend(link, limit, subject)
    try:
        yield
    except Exception as error:
        subjects = {limit.name: subject for limit, subject in counted}
        _log.warning("limit.try_failed", error=type(error).__name__, **subjects)
        raise
    for limit, subject in counted:
        await link.script("limit.give_back", _GIVE_BACK)([_key(limit, subject)])


def network_of(address: str) -> str:
    """What to count for a caller at `address`: an IPv4 address, or the /64 of an IPv6 one.

    Every IPv6 customer owns at least a /64 (RFC 6177) and can change the rest at will. Text that
    is no address (a Unix socket's peer) stands for itself.
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ip_network((ip, 64), strict=False).network_address)


def _key(limit: Limit, subject: str) -> str:
    return f"limit:{limit.name}:{subject}"
