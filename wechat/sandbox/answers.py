"""How WeChat answers: signed Pay v3 answers, errcode bodies, and what a fault makes of them."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from sanic import HTTPResponse
from sanic.request import Request

from wechat.sandbox.faults import Fault
from wechat.sandbox.ground import Ground
from wechat.sandbox.refusals import ApiRefusal, PayRefusal

Call = Request[Any, Any]
PayWork = Callable[..., tuple[int, object]]
ApiWork = Callable[..., object]
Handler = Callable[..., Any]

HANG_SECONDS: Final = 30.0
_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body>502</body></html>"
_encode: Final = msgspec.json.Encoder().encode

# Kinds of fault that spoil a call before WeChat does anything.
_PAY_SPOILS: Final = {
    "error_500": PayRefusal(500, "SYSTEM_ERROR", "系统异常，请稍后重试"),
    "error_429": PayRefusal(429, "FREQUENCY_LIMITED", "频率限制，请降低请求频率"),
}
_API_SPOILS: Final = {
    "error_500": ApiRefusal(-1, "system error"),
    "error_429": ApiRefusal(45011, "api minute-quota reach limit, must slower, retry next minute"),
}


class PayDoor:
    """Lets a signed request in and signs what goes out (facts D1, D2)."""

    def __init__(self, ground: Ground) -> None:
        self._gate = ground.gate
        self._seal = ground.seal
        self._faults = ground.faults
        self._clock = ground.clock
        self._ids = ground.ids

    def guard(self, call: str, work: PayWork) -> Handler:
        """A handler that runs `work(request, **path)` behind the signature and the faults."""

        async def handle(request: Call, **path: str) -> HTTPResponse:
            fault = self._faults.strike(call)
            kind = fault.kind if fault else ""
            if fault and kind == "timeout_before":
                return await _hang_up(request, fault)
            if kind == "html":
                return HTTPResponse(_HTML, 502, content_type="text/html")
            status, body, inner = self._decide(kind, work, request, path)
            if fault and kind == "timeout_after":
                return await _hang_up(request, fault)
            return self._answer(status, body, inner, forged=kind == "wrong_signature")

        return handle

    def _decide(
        self, kind: str, work: PayWork, request: Call, path: dict[str, str]
    ) -> tuple[int, bytes, int]:
        if spoil := _PAY_SPOILS.get(kind):
            return spoil.status, _encode(spoil.body()), spoil.inner
        try:
            self._gate.check(request, self._clock.now())
            status, answer = work(request, **path)
        except PayRefusal as refusal:
            return refusal.status, _encode(refusal.body()), refusal.inner
        return status, b"" if answer is None else _encode(answer), 0

    def _answer(self, status: int, body: bytes, inner: int, *, forged: bool) -> HTTPResponse:
        signed = body + b" " if forged else body
        headers = self._seal.headers(signed, int(self._clock.now()), self._ids.hex(32))
        headers["Request-ID"] = f"{self._ids.hex(32).upper()}-{inner}"
        kind = "application/json" if body else None
        return HTTPResponse(body or None, status, headers, kind)


class ApiDoor:
    """Answers of api.weixin.qq.com: HTTP 200, the body decides, labelled text/plain (facts 0)."""

    def __init__(self, ground: Ground) -> None:
        self._faults = ground.faults

    def guard(self, call: str, work: ApiWork, killed: Callable[[Call], None]) -> Handler:
        """A handler around `work(request)`; `killed` is what the fault `token_killed` does first."""

        async def handle(request: Call) -> HTTPResponse:
            fault = self._faults.strike(call)
            kind = fault.kind if fault else ""
            if fault and kind == "timeout_before":
                return await _hang_up(request, fault)
            if kind == "html":
                return HTTPResponse(_HTML, 502, content_type="text/html")
            if kind == "token_killed":
                killed(request)
            body = _encode(_attempt(kind, work, request))
            if fault and kind == "timeout_after":
                return await _hang_up(request, fault)
            return HTTPResponse(body, 200, content_type="text/plain; charset=utf-8")

        return handle


def _attempt(kind: str, work: ApiWork, request: Call) -> object:
    if spoil := _API_SPOILS.get(kind):
        return spoil.body()
    try:
        return work(request)
    except ApiRefusal as refusal:
        return refusal.body()


async def _hang_up(request: Call, fault: Fault) -> HTTPResponse:
    """Say nothing for the fault's seconds, then cut the line: the caller never learns more."""
    await asyncio.sleep(HANG_SECONDS if fault.seconds is None else fault.seconds)
    cast("asyncio.Transport", request.transport).abort()
    return HTTPResponse(status=504)
