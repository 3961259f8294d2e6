"""Redis, twice: a multiplexed link for what is counted in thousands a second, a client for the rest.

The link costs about 10 µs a call where a client library costs 50 to 90 (facts/stack.md), because
everything asked for in one turn of the loop leaves in one write on one connection. So nothing that
blocks or changes the connection belongs on it: no BLPOP, SUBSCRIBE, MULTI or WATCH.
"""

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha1
from typing import Any, Final, cast

import hiredis
import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from kit.errors import TemporarilyUnavailable
from kit.tasks import spawn

Word = str | bytes | int | float

_CONNECT_SECONDS: Final = 1.0
_SHORTEST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 2.0
# A connection silent for this many timeouts is cut: a lost network path says nothing by itself.
_PATIENCE: Final = 4

# What a server says while it loads its file or is busy: later is better than never.
_PASSING: Final = ("LOADING", "MASTERDOWN", "BUSY", "TRYAGAIN", "CLUSTERDOWN")

_log = structlog.stdlib.get_logger(__name__)


class RedisUnavailable(TemporarilyUnavailable):
    """No connection, or a server not ready: the command did not run."""


class RedisNoAnswer(RedisUnavailable):
    """Sent, and no answer in time: it may have run. Ask again under the same request id."""


class RedisError(Exception):
    """The server refused the command itself ("WRONGTYPE ...", "ERR ..."): a fault of ours."""


class Link:
    """One connection that many callers share, kept alive for as long as the link is open.

    `url` is redis://, rediss:// or unix://, with user, password and database. A caller may give up
    at any time (timeout or cancellation); the answers of the others keep their order.
    """

    def __init__(self, url: str, timeout_seconds: float = 0.25) -> None:
        self._address: dict[str, Any] = dict(parse_url(url))
        self._timeout = timeout_seconds
        self._connection: _Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._failures = 0

    @property
    def is_alive(self) -> bool:
        """Whether a call made now would be sent."""
        return self._connection is not None and self._connection.is_open

    async def open(self) -> None:
        """Try to connect, and go on trying in the background until `close`.

        Returns after the first attempt whatever came of it: a shop without Redis still opens.
        """
        await self._attempt()
        self._keeper = spawn(self._keep(), "redis.link")

    async def close(self) -> None:
        """Cut the connection; unanswered calls end in RedisNoAnswer, later ones are refused."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._connection is not None:
            self._connection.cut()
            await self._connection.ended.wait()

    def call(self, *words: Word) -> Awaitable[Any]:
        """The reply to one command: bytes, int, None or a list of these.

        Raises RedisUnavailable at once while there is no connection; awaiting raises RedisNoAnswer
        after the timeout or when the connection breaks, and RedisError when the server refuses.
        """
        if self._connection is None or not self._connection.is_open:
            raise RedisUnavailable
        return self._connection.call(words)

    def script(self, name: str, lua: str) -> "Script":
        """`lua` as something to call; the server learns it when it does not know it."""
        return Script(self, name, lua)

    async def _keep(self) -> None:
        while True:
            if self._connection is not None:
                await self._connection.ended.wait()
                self._connection = None
                _log.warning("redis.link_lost")
            await asyncio.sleep(_pause_seconds(self._failures))
            await self._attempt()

    async def _attempt(self) -> None:
        try:
            self._connection = await self._connect()
        except (OSError, TimeoutError, RedisUnavailable, RedisError) as error:
            self._failures += 1
            # Not the whole error: a refused AUTH must not repeat what it was given.
            _log.warning("redis.link_refused", cause=type(error).__name__, failures=self._failures)
        else:
            self._failures = 0
            _log.info("redis.link_up")

    async def _connect(self) -> "_Connection":
        async with asyncio.timeout(_CONNECT_SECONDS):
            connection = await self._dial()
            try:
                for words in self._greeting():
                    await connection.call(words)
            except BaseException:
                connection.cut()
                raise
        return connection

    async def _dial(self) -> "_Connection":
        loop, address = asyncio.get_running_loop(), self._address

        def make() -> _Connection:
            return _Connection(self._timeout)

        if "path" in address:
            return (await loop.create_unix_connection(make, address["path"]))[1]
        secure = address.get("connection_class") is SSLConnection
        host, port = address.get("host", "localhost"), address.get("port", 6379)
        context = ssl.create_default_context() if secure else None
        return (await loop.create_connection(make, host, port, ssl=context))[1]

    def _greeting(self) -> list[tuple[Word, ...]]:
        address = self._address
        greeting: list[tuple[Word, ...]] = []
        if "password" in address:
            account = (address["username"],) if "username" in address else ()
            greeting.append(("AUTH", *account, address["password"]))
        if address.get("db"):
            greeting.append(("SELECT", address["db"]))
        # A server that is loading its file accepts connections and refuses this.
        return [*greeting, ("PING",)]


class Script:
    """A Lua script of the house. All its keys must be passed as keys, for a cluster's sake."""

    def __init__(self, link: Link, name: str, lua: str) -> None:
        self.name = name
        self._link = link
        self._lua = lua
        self._sha = sha1(lua.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, keys: Sequence[Word], *args: Word) -> Any:
        """Run it once and return its reply. Raises what `Link.call` raises."""
        try:
            return await self._link.call("EVALSHA", self._sha, len(keys), *keys, *args)
        except RedisError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        # The server was restarted or is another one: it ran nothing, and EVAL teaches it.
        _log.info("redis.script_taught", script=self.name)
        return await self._link.call("EVAL", self._lua, len(keys), *keys, *args)


def client(url: str, max_connections: int = 20) -> Redis:
    """redis-py for everything the link cannot do: pub/sub, scans, blocking commands.

    No command is repeated by itself: the default of ten repetitions runs a write twice when only
    its reply was lost. Waits up to 2 s for a free connection. Replies are bytes. Close with aclose().
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=2,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=5,
        health_check_interval=15,
    )
    return Redis.from_pool(pool)


class _Demoted(RedisUnavailable):
    """The server became a replica: connecting anew leads to whoever is the primary now."""


class _Connection(asyncio.Protocol):
    """Requests in one direction, replies in the same order in the other."""

    def __init__(self, timeout_seconds: float) -> None:
        self.ended = asyncio.Event()
        self.is_open = False
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout_seconds
        self._step = timeout_seconds / 5
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._out: list[bytes] = []
        self._reader = hiredis.Reader(replyError=_refusal)
        self._timer: asyncio.TimerHandle | None = None

    def call(self, words: Sequence[Word]) -> asyncio.Future[Any]:
        # First of all, because it raises on words of a wrong type. (Its stub allows one word only.)
        packed = hiredis.pack_command(tuple(words))  # type: ignore[arg-type]
        answer: asyncio.Future[Any] = self._loop.create_future()
        now = self._loop.time()
        self._waiting.append((answer, now))
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(packed)
        if self._timer is None:
            self._timer = self._loop.call_at(now + self._step, self._expire, now + self._step)
        return answer

    def cut(self) -> None:
        """End it now. The callers hear of it when the transport reports the loss."""
        self.is_open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one only by its deeds
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                answer, _ = self._waiting.popleft()
                _settle(answer, reply)
                if type(reply) is _Demoted:
                    self.cut()
        except (hiredis.HiredisError, IndexError):
            _log.error("redis.link_out_of_step")  # not RESP, or a reply nobody asked for
            self.cut()

    def connection_lost(self, _: Exception | None) -> None:
        self.is_open = False
        self._out = []
        if self._timer is not None:
            self._timer.cancel()
        while self._waiting:
            _settle(self._waiting.popleft()[0], RedisNoAnswer())
        self.ended.set()

    def _flush(self) -> None:
        if self._out and self.is_open:
            self._transport.write(b"".join(self._out))
        self._out = []

    def _expire(self, due: float) -> None:
        """One timer for all callers instead of one each; it is off by at most a step."""
        now = self._loop.time()
        self._timer = None
        # A late timer means that the loop itself was held up: the answers may lie unread (uvloop
        # runs timers before it reads), so nobody is given up in this round.
        if now < due + self._step:
            if self._waiting and now >= self._waiting[0][1] + self._timeout * _PATIENCE:
                self.cut()
                return
            for answer, asked_at in self._waiting:
                if now < asked_at + self._timeout:
                    break
                _settle(answer, RedisNoAnswer())  # it stays in line: its reply may still come
        if self._waiting:
            self._timer = self._loop.call_at(now + self._step, self._expire, now + self._step)


def _settle(answer: asyncio.Future[Any], reply: object) -> None:
    if answer.done():
        return
    if isinstance(reply, Exception):
        answer.set_exception(reply)
    else:
        answer.set_result(reply)


def _refusal(message: str) -> Exception:
    """What hiredis makes of an error reply."""
    if message.startswith("READONLY"):
        return _Demoted()
    return RedisUnavailable() if message.startswith(_PASSING) else RedisError(message)


def _pause_seconds(failures: int, draw: Callable[[], float] = random.random) -> float:
    """Half to all of a pause that doubles, so that many workers do not come back in step."""
    pause = min(_LONGEST_PAUSE_SECONDS, _SHORTEST_PAUSE_SECONDS * (1 << min(failures, 10)))
    return pause * (0.5 + draw() / 2)
