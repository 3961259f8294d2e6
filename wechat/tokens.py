"""The access token of one app, shared through Redis by every process (facts B)."""

import asyncio
import secrets
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import msgspec
import stamina
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from commerce.ports import OutsideRefused, OutsideUnknown
from kit.clock import now, shanghai
from kit.errors import Refusal
from wechat.accounts import WechatAccount
from wechat.http import BUSY, STALE_TOKEN, THROTTLED, ApiAnswer, Call, call_api

# WeChat renews by itself in the last five minutes of a token's life.
_FRESH_SECONDS: Final = 300
# In those minutes it may still give the old token; asking for each message would eat the quota.
_ASKED_LATELY_SECONDS: Final = 10
_LOCK_SECONDS: Final = 10
_WAIT_SECONDS: Final = 3.0
_POLL_SECONDS: Final = 0.1
# `force_refresh` is limited by WeChat to 20 a day, 30 s apart, and kills the token at once.
_FORCE_PAUSE_SECONDS: Final = 35
_FORCE_DAILY: Final = 19
_FORCE_COUNT_SECONDS: Final = 2 * 86_400
# A silent Redis must not hold up messages: the process then stands on its own memory.
_REDIS_SECONDS: Final = 1.0
_REDIS_PAUSE_SECONDS: Final = 5.0

_REDIS_DOWN: Final = b""

_DELETE_IF_EQUAL: Final = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
)
_TRIES: Final = stamina.AsyncRetryingCaller(
    attempts=3, wait_initial=0.3, wait_max=1.0, wait_jitter=0.3
)

_log = structlog.stdlib.get_logger(__name__)


class _Held(msgspec.Struct, frozen=True):
    """A token as Redis keeps it; instants are Unix seconds."""

    token: str
    expires_at: float
    asked_at: float

    def is_fresh(self) -> bool:
        at = now().timestamp()
        lately = at - self.asked_at < _ASKED_LATELY_SECONDS and at < self.expires_at
        return lately or self.expires_at - at > _FRESH_SECONDS


class AccessTokens:
    """Calls business APIs of api.weixin.qq.com with the app's token.

    One refresh at a time over all processes that share `redis`; without Redis each process
    remembers its own token, which is harmless because `stable_token` gives all of them the same.
    """

    def __init__(
        self, account: WechatAccount, session: aiohttp.ClientSession, redis: Redis
    ) -> None:
        self._account = account
        self._session = session
        self._redis = redis
        self._key = f"wx:token:{account.appid}"
        self._memory: _Held | None = None
        self._redis_again_at = 0.0
        self._renewing = asyncio.Lock()
        self._renewals = 0
        self._failure: Refusal | None = None

    async def call(self, path: str, body: bytes) -> ApiAnswer:
        """POST JSON `body` to `path` with the token; the answer may carry any errcode.

        A dead token is replaced and the call repeated once: WeChat did not execute it.
        Raises `OutsideUnknown` when there is no usable answer or no token to be had now,
        `OutsideRefused` when WeChat denies us a token (secret, IP list, frozen account).
        """
        token = await self.token()
        answer = await self._post(path, body, token)
        if answer.errcode in STALE_TOKEN:
            answer = await self._post(path, body, await self._replace(token))
        return answer

    async def token(self) -> str:
        """A token good for minutes at least; raises as `call` does."""
        held = await self._read()
        if held is None or not held.is_fresh():
            held = await self._renew()
        return held.token

    async def _post(self, path: str, body: bytes, token: str) -> ApiAnswer:
        url = f"{self._account.api_url}{path}?access_token={quote(token, safe='')}"
        headers = {"Content-Type": "application/json"}
        return await call_api(self._session, Call("POST", url, body, headers))

    async def _replace(self, dead: str) -> str:
        """Another token than `dead`, forced out of WeChat only when it insists on `dead`."""
        held = await self._read()
        if held is not None and held.token != dead:
            return held.token
        await self._forget(held)
        held = await self._renew()
        if held.token != dead:
            return held.token
        if await self._may_force():
            return (await self._fetch(force=True)).token
        forced = await self._await_token(other_than=dead)
        return forced.token if forced else dead

    async def _renew(self) -> _Held:
        """One renewal per process; those who waited for a failed one share its failure."""
        renewals = self._renewals
        async with self._renewing:
            if self._renewals != renewals and self._failure:
                raise type(self._failure)(**self._failure.details)
            if self._renewals != renewals and self._memory and self._memory.is_fresh():
                return self._memory
            self._failure = None
            try:
                return await self._renew_shared()
            except Refusal as failure:
                self._failure = failure
                raise
            finally:
                self._renewals += 1

    async def _renew_shared(self) -> _Held:
        """One renewal over all processes, or our own after three seconds of waiting."""
        ours = secrets.token_hex(8)
        is_winner = await self._take_lock(ours)
        try:
            held = await self._read() if is_winner else await self._await_token()
            if held is not None and held.is_fresh():
                return held
            return await self._fetch(force=False)
        finally:
            if is_winner:
                await self._ask_redis(None, "EVAL", _DELETE_IF_EQUAL, 1, f"{self._key}:lock", ours)

    async def _take_lock(self, ours: str) -> bool:
        words = ("SET", f"{self._key}:lock", ours, "NX", "EX", _LOCK_SECONDS)
        return bool(await self._ask_redis("OK", *words))

    async def _await_token(self, other_than: str | None = None) -> _Held | None:
        """What another process is fetching, if it arrives in three seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _WAIT_SECONDS
        while loop.time() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
            held = await self._read()
            if held and held.token != other_than and held.is_fresh():
                return held
        return None

    async def _fetch(self, *, force: bool) -> _Held:
        """Ask WeChat and keep the answer; ends before the lock does."""
        try:
            async with asyncio.timeout(_LOCK_SECONDS - 2):
                held = await _TRIES(_Busy, self._ask_wechat, force=force)
        except TimeoutError:
            raise OutsideUnknown(reason="timeout") from None
        self._memory = held
        life = max(int(held.expires_at - held.asked_at) - 60, 1)
        await self._ask_redis(None, "SET", self._key, msgspec.json.encode(held), "EX", life)
        return held

    async def _ask_wechat(self, *, force: bool) -> _Held:
        body = msgspec.json.encode(
            {
                "grant_type": "client_credential",
                "appid": self._account.appid,
                "secret": self._account.app_secret,
                "force_refresh": force,
            }
        )
        url = f"{self._account.api_url}/cgi-bin/stable_token"
        headers = {"Content-Type": "application/json"}
        asked_at = now()
        answer = await call_api(self._session, Call("POST", url, body, headers))
        if answer.errcode:
            raise _refusal_of(answer.errcode)
        return _held_in(answer, asked_at)

    async def _may_force(self) -> bool:
        """Whether this process is the one to force now. Without Redis nobody is."""
        words = ("SET", f"{self._key}:forced", "1", "NX", "EX", _FORCE_PAUSE_SECONDS)
        if not await self._ask_redis(None, *words):
            return False
        day = f"{self._key}:forced:{shanghai(now()):%Y%m%d}"
        count = await self._ask_redis(_FORCE_DAILY + 1, "INCR", day)
        await self._ask_redis(None, "EXPIRE", day, _FORCE_COUNT_SECONDS)
        _log.warning("wechat.token_forced", appid=self._account.appid, today=count)
        return bool(count <= _FORCE_DAILY)

    async def _read(self) -> _Held | None:
        raw = await self._ask_redis(_REDIS_DOWN, "GET", self._key)
        if raw == _REDIS_DOWN:
            return self._memory
        try:
            self._memory = msgspec.json.decode(raw or b"null", type=_Held | None)
        except (msgspec.DecodeError, ValueError):
            return None
        return self._memory

    async def _forget(self, held: _Held | None) -> None:
        self._memory = None
        if held is not None:
            raw = msgspec.json.encode(held)
            await self._ask_redis(None, "EVAL", _DELETE_IF_EQUAL, 1, self._key, raw)

    async def _ask_redis(self, otherwise: Any, *words: bytes | str | int) -> Any:
        """The answer, or `otherwise` when Redis gives none; it is then left alone for a while."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._redis_again_at:
            return otherwise
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                return await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._redis_again_at = loop.time() + _REDIS_PAUSE_SECONDS
            _log.warning("wechat.token_redis_down", error=type(error).__name__)
            return otherwise


class _Busy(OutsideUnknown):
    """WeChat had no time; asking again is safe."""


def _refusal_of(errcode: int) -> Refusal:
    if errcode in BUSY:
        return _Busy(reason=str(errcode))
    if errcode in THROTTLED:
        return OutsideUnknown(reason=str(errcode))
    # Here 40001 is a wrong secret, not a stale token: nothing heals by itself.
    _log.error("wechat.token_refused", errcode=errcode)
    return OutsideRefused(reason=str(errcode))


def _held_in(answer: ApiAnswer, asked_at: datetime) -> _Held:
    token, life = answer.fields.get("access_token"), answer.fields.get("expires_in")
    if not (isinstance(token, str) and token and type(life) is int and 0 < life <= 7200):
        raise OutsideUnknown(reason="unreadable")
    return _Held(token, asked_at.timestamp() + life, asked_at.timestamp())
