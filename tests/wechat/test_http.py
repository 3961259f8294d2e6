"""The one request function against servers that misbehave."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from commerce.ports import OutsideRefused, OutsideUnknown
from tests.wechat.stub_servers import Stub, answer, as_json, stub_server
from wechat.http import ANSWER_LIMIT_BYTES, Call, call_api, exchange, refusal_of


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with stub_server() as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def refused(session: aiohttp.ClientSession, call: Call) -> str:
    with pytest.raises(OutsideUnknown) as unknown:
        await call_api(session, call)
    assert unknown.value.__cause__ is None
    return str(unknown.value.details["reason"])


async def test_bytes_leave_exactly_as_given(session: aiohttp.ClientSession, stub: Stub) -> None:
    stub.reply = lambda _: as_json({"errcode": 0})
    body = '{"a":"店","b": 1e0}'.encode()
    await call_api(session, Call("POST", f"{stub.url}/p%7Ca?x=%2B", body, {"A-B": "c"}))
    assert [(s.method, s.target, s.body) for s in stub.seen] == [("POST", "/p%7Ca?x=%2B", body)]
    assert stub.seen[0].headers["a-b"] == "c"
    assert stub.seen[0].headers["accept-encoding"] == "identity"


async def test_silence_ends_with_unknown(session: aiohttp.ClientSession, stub: Stub) -> None:
    stub.reply = lambda _: None
    assert await refused(session, Call("GET", stub.url, total_seconds=0.2)) == "timeout"


async def test_an_answer_dripping_byte_by_byte_ends_at_the_deadline(
    session: aiohttp.ClientSession, stub: Stub
) -> None:
    stub.reply = lambda _: [bytes([byte]) for byte in as_json({"errcode": 0})]
    assert await refused(session, Call("GET", stub.url, total_seconds=0.5)) == "timeout"


async def test_a_cut_connection_is_unknown(session: aiohttp.ClientSession, stub: Stub) -> None:
    stub.reply = lambda _: b""
    assert await refused(session, Call("POST", stub.url, b"{}")) == "connection"
    assert len(stub.seen) == 1, "a write is never repeated by itself"


async def test_a_body_cut_short_is_unknown(session: aiohttp.ClientSession, stub: Stub) -> None:
    stub.reply = lambda _: as_json({"errcode": 0})[:-2]
    assert await refused(session, Call("POST", stub.url, b"{}")) == "connection"


async def test_nobody_listening_is_unknown(session: aiohttp.ClientSession) -> None:
    async with stub_server() as gone:
        url = gone.url
    assert await refused(session, Call("GET", url)) == "connection"


async def test_an_endless_answer_is_cut_off(session: aiohttp.ClientSession, stub: Stub) -> None:
    stub.reply = lambda _: answer(200, b"x" * (ANSWER_LIMIT_BYTES + 1))
    assert await refused(session, Call("GET", stub.url)) == "too_large"


@pytest.mark.parametrize("status", [302, 404, 429, 500, 502])
async def test_other_statuses_than_200_are_unknown(
    session: aiohttp.ClientSession, stub: Stub, status: int
) -> None:
    stub.reply = lambda _: answer(status, b'{"errcode":0}', {"Location": f"{stub.url}/elsewhere"})
    assert await refused(session, Call("GET", stub.url)) == f"http_{status}"
    assert len(stub.seen) == 1, "redirects are not followed"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b"[]",
        b"null",
        b'{"errcode":"0"}',
        b'{"errcode":true}',
        b'{"errcode":0',
        b'{"errcode":NaN}',
        b"\xff\xfe",
        b'{"a":' * 100_000,
    ],
    ids=["empty", "html", "list", "null", "text", "bool", "cut", "nan", "not-utf8", "deep"],
)
async def test_unreadable_answers_are_unknown(
    session: aiohttp.ClientSession, stub: Stub, body: bytes
) -> None:
    stub.reply = lambda _: answer(200, body)
    assert await refused(session, Call("GET", stub.url)) == "unreadable"


async def test_any_status_is_handed_over_raw(session: aiohttp.ClientSession, stub: Stub) -> None:
    stub.reply = lambda _: answer(403, b"no", {"Request-ID": "a-1"})
    raw = await exchange(session, Call("GET", stub.url))
    assert (raw.status, raw.body, raw.headers["request-id"]) == (403, b"no", "a-1")


def test_errcodes_say_whether_coming_back_helps() -> None:
    for errcode in (-1, 45009, 45011, 44991, 40001, 40014, 42001):
        assert isinstance(refusal_of(errcode), OutsideUnknown)
    for errcode in (40013, 40164, 47003, 48001, 99999):
        assert isinstance(refusal_of(errcode), OutsideRefused)


def test_secrets_do_not_show_in_a_printed_call() -> None:
    call = Call("GET", "http://x/?secret=hunter2", b"hunter2", {"Authorization": "hunter2"})
    assert "hunter2" not in repr(call)
