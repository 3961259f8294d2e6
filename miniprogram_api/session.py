"""Logging in and out, and how every other endpoint knows its shopper."""

import re
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from sanic import Request

from commerce.members import sessions
from commerce.members.actions import enter
from commerce.members.sessions import Shopper
from commerce.ports import LoginCodeRefused, OutsideRefused, OutsideUnknown
from kit import clock
from kit.errors import TemporarilyUnavailable, TooManyRequests, Unauthenticated
from kit.limits import Limit, network_of, spend
from kit.web import Api, Call, Id, Struct

_BEARER: Final = re.compile(r"(?i:bearer) ([A-Za-z0-9_-]{43})")

# A mobile carrier puts thousands of shoppers behind one address, so this only stops a flood
# that would use up the shop's calls at WeChat.
PER_ADDRESS: Final = Limit("login_address", tries=1200, window_seconds=60)


async def authenticate(request: Request) -> Shopper:
    """The shopper of the request's bearer token; `Unauthenticated` without a live session."""
    shopper = await authenticate_if_present(request)
    if shopper is None:
        raise Unauthenticated
    return shopper


async def authenticate_if_present(request: Request) -> Shopper | None:
    """None for a guest; a token that opens nothing is refused, so that the phone logs in anew."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    bearer = _BEARER.fullmatch(header)
    if bearer is None:
        raise Unauthenticated
    shopper = await sessions.find_session(request.app.ctx.link, bearer[1], now=clock.now())
    if shopper is None:
        raise Unauthenticated
    return shopper


login: Api[Any] = Api("session", "/v1")
session: Api[Shopper] = Api("session", "/v1", authenticate=authenticate)


class Login(Struct, frozen=True):
    """`code` is what `wx.login` gave; it works once, for five minutes."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class LoggedInMember(Struct, frozen=True):
    id: Id
    nickname: str
    is_new: bool


class LoggedIn(Struct, frozen=True):
    """Send `token` as `Authorization: Bearer …`. Use prolongs it: it ends after a week unused."""

    token: str
    expires_at: datetime
    member: LoggedInMember


@login.post(
    "/session",
    status=201,
    refuses=(
        LoginCodeRefused,
        TooManyRequests,
        TemporarilyUnavailable,
        OutsideRefused,
        OutsideUnknown,
    ),
)
async def log_in(call: Call[None], body: Login) -> LoggedIn:
    """Exchange a `wx.login` code for a session.

    The first login makes the member. A code cannot be used twice: repeat with a new one. A member
    has up to ten sessions; beyond them the one unused for longest ends.
    """
    ctx = call.ctx
    await spend(ctx.link, PER_ADDRESS, network_of(call.request.remote_addr or call.request.ip))
    wechat = await ctx.ports.identity.exchange_code(body.code)
    appid = ctx.settings.wechat_appid
    member = await enter(appid, wechat, ctx.sealer, now=call.now)
    shopper = Shopper(member.id, wechat.openid, appid)
    opened = await sessions.open_session(ctx.link, shopper, now=call.now)
    return LoggedIn(
        token=opened.token,
        expires_at=opened.expires_at,
        member=LoggedInMember(id=str(member.id), nickname=member.nickname, is_new=member.is_new),
    )


@session.delete("/session", status=204, refuses=(Unauthenticated, TemporarilyUnavailable))
async def log_out(call: Call[Shopper]) -> None:
    """End this session."""
    token = call.request.headers["authorization"].partition(" ")[2]
    await sessions.close_session(call.ctx.link, token, call.viewer)
