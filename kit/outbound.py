"""The one way out: an HTTP session per process that cannot hang, flood a host or be led elsewhere."""

from types import SimpleNamespace
from typing import Final

import aiohttp

USER_AGENT: Final = "jishi/0.1"

_TOTAL_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 3.0  # includes the wait for one of the host's connections
_CONNECTIONS_PER_HOST: Final = 20


class RedirectRefused(aiohttp.ClientError):
    """The answer points elsewhere. APIs do not move; whoever answers so is not the one we asked,
    and following would hand him our signed request or token.
    """


def open_session(
    total_seconds: float = _TOTAL_SECONDS, connections_per_host: int = _CONNECTIONS_PER_HOST
) -> aiohttp.ClientSession:
    """A session to keep for the life of the process and to close at its end. Needs a running loop.

    A request, its body included, ends after `total_seconds` with TimeoutError. A redirect raises
    RedirectRefused unless the request says `allow_redirects=False` and gets the 3xx itself.
    No cookies are kept. A single request may lower the timeout with `timeout=`.
    """
    signposts = aiohttp.TraceConfig()
    signposts.on_request_redirect.append(_refuse)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit_per_host=connections_per_host),
        timeout=aiohttp.ClientTimeout(
            total=total_seconds, connect=_CONNECT_SECONDS, sock_connect=_CONNECT_SECONDS
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        trace_configs=[signposts],
    )


async def _refuse(
    _: aiohttp.ClientSession, __: SimpleNamespace, params: aiohttp.TraceRequestRedirectParams
) -> None:
    params.response.close()
    raise RedirectRefused(f"{params.response.status} from {params.url.host}")
