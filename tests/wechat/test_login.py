"""Login codes against a stub of `jscode2session`."""

from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import stamina

import wechat.login
from commerce.ports import (
    IdentityProvider,
    LoginCodeRefused,
    OutsideRefused,
    OutsideUnknown,
    WechatSession,
)
from kit.errors import Refusal, TooManyRequests
from tests.wechat.stub_servers import Stub, as_json, stub_server
from wechat.accounts import WechatAccount
from wechat.http import Call
from wechat.login import WechatLogin

KEY = "HyVFkGl5F5OQWJZZaNzBBg=="


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with stub_server() as server:
        yield server


@pytest.fixture
async def login(stub: Stub) -> AsyncIterator[IdentityProvider]:
    async with aiohttp.ClientSession() as session:
        with stamina.set_testing(True, attempts=3, cap=True):
            yield WechatLogin(WechatAccount("wx1", "se/cr+et", stub.url), session)


async def test_a_code_becomes_a_session(login: IdentityProvider, stub: Stub) -> None:
    stub.reply = lambda _: as_json({"openid": "o1", "session_key": KEY, "unionid": "u1"})
    assert await login.exchange_code("0a+b/c") == WechatSession("o1", "u1", KEY)
    target = urlsplit(stub.seen[0].target)
    assert (stub.seen[0].method, target.path) == ("GET", "/sns/jscode2session")
    assert parse_qs(target.query) == {
        "appid": ["wx1"],
        "secret": ["se/cr+et"],
        "js_code": ["0a+b/c"],
        "grant_type": ["authorization_code"],
    }


@pytest.mark.parametrize("unionid", [{}, {"unionid": ""}, {"unionid": None}])
async def test_an_unbound_app_has_no_unionid(
    login: IdentityProvider, stub: Stub, unionid: dict[str, str]
) -> None:
    stub.reply = lambda _: as_json({"errcode": 0, "openid": "o1", "session_key": KEY, **unionid})
    assert await login.exchange_code("c") == WechatSession("o1", None, KEY)


@pytest.mark.parametrize(
    ("errcode", "refusal"),
    [
        (40029, LoginCodeRefused),
        (40163, LoginCodeRefused),
        (40226, OutsideRefused),
        (40013, OutsideRefused),
        (40125, OutsideRefused),
        (45011, TooManyRequests),
        (-1, OutsideUnknown),
    ],
)
async def test_each_errcode_has_its_refusal(
    login: IdentityProvider, stub: Stub, errcode: int, refusal: type[Refusal]
) -> None:
    stub.reply = lambda _: as_json({"errcode": errcode, "errmsg": "rid: 1"})
    with pytest.raises(refusal):
        await login.exchange_code("c")


async def test_a_busy_wechat_sees_the_same_code_once_more(
    login: IdentityProvider, stub: Stub
) -> None:
    def reply(_: object) -> bytes:
        first = len(stub.seen) == 1
        return as_json({"errcode": -1} if first else {"openid": "o1", "session_key": KEY})

    stub.reply = reply
    assert (await login.exchange_code("c")).openid == "o1"
    assert len({seen.target for seen in stub.seen}) == 1


async def test_after_a_timeout_the_code_is_not_shown_again(
    login: IdentityProvider, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wechat.login, "Call", partial(Call, total_seconds=0.2))
    stub.reply = lambda _: None
    with pytest.raises(OutsideUnknown):
        await login.exchange_code("c")
    assert len(stub.seen) == 1


@pytest.mark.parametrize(
    "fields",
    [{}, {"openid": "o1"}, {"openid": "", "session_key": KEY}, {"openid": 1, "session_key": KEY}],
)
async def test_half_an_answer_logs_nobody_in(
    login: IdentityProvider, stub: Stub, fields: dict[str, object]
) -> None:
    stub.reply = lambda _: as_json(fields)
    with pytest.raises(OutsideUnknown):
        await login.exchange_code("c")


@pytest.mark.parametrize("code", ["", "x" * 257, "a\nb", "a\x00", "码"])
async def test_what_cannot_be_a_code_is_refused_without_asking(
    login: IdentityProvider, stub: Stub, code: str
) -> None:
    with pytest.raises(LoginCodeRefused):
        await login.exchange_code(code)
    assert stub.seen == []
