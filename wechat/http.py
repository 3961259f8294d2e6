"""One request to WeChat: deadlines, exact bytes, bounded answers; and what an errcode asks of us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import msgspec

from commerce.ports import OutsideRefused, OutsideUnknown
from kit.errors import Refusal

CONNECT_SECONDS: Final = 3.0
API_SECONDS: Final = 5.0
# The longest answer we read is a few KB; beyond this somebody else is talking.
ANSWER_LIMIT_BYTES: Final = 1 << 20

BUSY: Final = frozenset({-1})
STALE_TOKEN: Final = frozenset({40001, 40014, 42001})
THROTTLED: Final = frozenset({45009, 45011, 44991})

# An empty or odd agent can be refused by WeChat Pay. Signatures cover the bytes of the body, so no
# compression stands between what was signed and what we read.
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "jishi",
}


@dataclass(frozen=True, slots=True)
class Call:
    """What goes out. `url` must already be percent-encoded; `body` leaves exactly as it is."""

    method: str
    url: str = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    total_seconds: float = API_SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, raw; `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """An answer of api.weixin.qq.com: `errcode` 0 is success."""

    errcode: int
    fields: Mapping[str, Any] = field(repr=False)


async def exchange(session: aiohttp.ClientSession, call: Call) -> Answer:
    """Send `call` once and read the whole answer, whatever its status.

    Raises `OutsideUnknown` for a timeout, a broken connection or an endless answer: the request
    may have been executed. Redirects are not followed: a signature belongs to one address.
    """
    timeout = aiohttp.ClientTimeout(total=call.total_seconds, sock_connect=CONNECT_SECONDS)
    try:
        async with session.request(
            call.method,
            call.url,
            data=call.body,
            headers={**_HEADERS, **call.headers},
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, await _read(response))
    # The cause is cut off: its text may hold the address, and that the secret or the token.
    except TimeoutError:
        raise OutsideUnknown(reason="timeout") from None
    except (aiohttp.ClientError, OSError):
        raise OutsideUnknown(reason="connection") from None


async def call_api(session: aiohttp.ClientSession, call: Call) -> ApiAnswer:
    """Send `call` to api.weixin.qq.com, where HTTP 200 says nothing and the body decides.

    Raises `OutsideUnknown` for anything but a JSON object with HTTP 200 (facts 0: the content
    type is not to be trusted, `errcode` is absent on success).
    """
    answer = await exchange(session, call)
    if answer.status != 200:
        raise OutsideUnknown(reason=f"http_{answer.status}")
    try:
        fields = msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise OutsideUnknown(reason="unreadable") from None
    errcode = fields.get("errcode", 0)
    if type(errcode) is not int:
        raise OutsideUnknown(reason="unreadable")
    return ApiAnswer(errcode, fields)


def refusal_of(errcode: int) -> Refusal:
    """The refusal a non-zero `errcode` means to the shop, unless an API says otherwise.

    Busy, throttled or with a dead token nothing was executed: `OutsideUnknown`, repeat later.
    All others are a no for good: `OutsideRefused`.
    """
    if errcode in BUSY | THROTTLED | STALE_TOKEN:
        return OutsideUnknown(reason=str(errcode))
    return OutsideRefused(reason=str(errcode))


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_LIMIT_BYTES:
            raise OutsideUnknown(reason="too_large")
    return bytes(body)
