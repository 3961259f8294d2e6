"""Access tokens: the old endpoint that mints, the stable one that repeats (facts B)."""

from typing import Any, Final

import msgspec

from wechat.sandbox.account import Account
from wechat.sandbox.answers import Call
from wechat.sandbox.clock import china_day
from wechat.sandbox.ground import Ground
from wechat.sandbox.refusals import ApiRefusal
from wechat.sandbox.rows import Newest, Refreshes, Token

LIFE_SECONDS: Final = 7200
GRACE_SECONDS: Final = 300
REFRESH_PAUSE_SECONDS: Final = 30
REFRESHES_A_DAY: Final = 20

_TOKEN_LETTERS: Final = 136
_STABLE: Final = "stable"
_PLAIN: Final = "plain"


class Tokens:
    """The newest token of each endpoint and every token ever given."""

    def __init__(self, ground: Ground) -> None:
        self._account = ground.account
        self._store = ground.store
        self._clock = ground.clock
        self._ids = ground.ids

    def plain(self, request: Call) -> object:
        """`GET /cgi-bin/token`: a new token; the one before lives 5 more minutes."""
        args = {name: request.args.get(name) for name in ("grant_type", "appid", "secret")}
        self._check(args)
        if old := self._last(_PLAIN):
            old.expires_at = min(old.expires_at, self._clock.now() + GRACE_SECONDS)
            self._store.tokens.put(old.token, old)
        return self._answer(self._mint(_PLAIN))

    def stable(self, request: Call) -> object:
        """`POST /cgi-bin/stable_token`: the same token until its last 5 minutes."""
        asked = read_json(request)
        self._check(asked)
        force = asked.get("force_refresh", False)
        if not isinstance(force, bool):
            raise ApiRefusal(40097, "invalid args: force_refresh")
        if force:
            self._count_refresh()
            self.revoke(self._last(_STABLE))
            return self._answer(self._mint(_STABLE))
        token = self._last(_STABLE)
        if token is None or token.expires_at - self._clock.now() <= GRACE_SECONDS:
            token = self._mint(_STABLE)
        return self._answer(token)

    def check(self, request: Call) -> None:
        """Raise ApiRefusal unless the call carries a living access token."""
        said = request.args.get("access_token")
        if not said:
            raise ApiRefusal(41001, "access_token missing")
        token = self._store.tokens.find(said)
        if token is None or not token.is_alive:
            raise ApiRefusal(40001, "invalid credential, access_token is invalid or not latest")
        if self._clock.now() >= token.expires_at:
            raise ApiRefusal(42001, "access_token expired")

    def kill_used(self, request: Call) -> None:
        """As if somebody else had refreshed: the token of this call is dead, a new one stands."""
        token = self._store.tokens.find(request.args.get("access_token") or "")
        if token and token.is_alive:
            self.revoke(token)
            if token is self._last(_STABLE):
                self._mint(_STABLE)

    def kill_stable(self, request: Call) -> None:  # noqa: ARG002
        """The stable token dies unseen: normal mode goes on handing it out (facts B, step 3)."""
        self.revoke(self._last(_STABLE) or self._mint(_STABLE))

    def revoke(self, token: Token | None) -> None:
        if token:
            token.is_alive = False
            self._store.tokens.put(token.token, token)

    def _last(self, kind: str) -> Token | None:
        newest = self._store.newest.find(kind)
        return self._store.tokens.find(newest.token) if newest else None

    def _mint(self, kind: str) -> Token:
        text = f"{self._ids.digits(2)}_{self._ids.letters(_TOKEN_LETTERS)}"
        token = Token(text, self._clock.now() + LIFE_SECONDS)
        self._store.tokens.put(text, token)
        self._store.newest.put(kind, Newest(text))
        return token

    def _answer(self, token: Token) -> object:
        rest = int(token.expires_at - self._clock.now())
        return {"access_token": token.token, "expires_in": rest}

    def _check(self, said: dict[str, Any]) -> None:
        if said.get("grant_type") != "client_credential":
            raise ApiRefusal(40002, "invalid grant_type")
        check_secret(self._account, said.get("appid"), said.get("secret"))

    def _count_refresh(self) -> None:
        now = self._clock.now()
        day = china_day(now)
        row = self._store.refreshes.find(_STABLE) or Refreshes(day, 0, 0.0)
        if now < row.last_at + REFRESH_PAUSE_SECONDS:
            raise ApiRefusal(45011, "api minute-quota reach limit: force_refresh within 30 seconds")
        if row.day == day and row.count >= REFRESHES_A_DAY:
            raise ApiRefusal(45009, "reach max api daily quota limit: force_refresh")
        count = row.count + 1 if row.day == day else 1
        self._store.refreshes.put(_STABLE, Refreshes(day, count, now))


def check_secret(account: Account, appid: object, secret: object) -> None:
    """Raise ApiRefusal unless both are the mini program's own."""
    if not appid:
        raise ApiRefusal(41002, "appid missing")
    if not secret:
        raise ApiRefusal(41004, "appsecret missing")
    if appid != account.appid:
        raise ApiRefusal(40013, "invalid appid")
    if secret != account.app_secret:
        raise ApiRefusal(40125, "invalid appsecret")


def read_json(request: Call) -> dict[str, Any]:
    """The body as an object; raises ApiRefusal 43002, 44002 or 47001."""
    if request.method != "POST":
        raise ApiRefusal(43002, "require POST method")
    if not request.body:
        raise ApiRefusal(44002, "empty post data")
    try:
        return msgspec.json.decode(request.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ApiRefusal(47001, "data format error") from None
