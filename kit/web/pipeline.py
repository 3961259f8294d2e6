"""From bytes to handler to bytes: who calls, what was sent, one answer, one log line."""

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from time import perf_counter
from typing import Any

import msgspec
import structlog
from sanic import HTTPResponse, Request
from sanic.exceptions import SanicException

from kit.errors import InvalidInput, NotFound, Refusal
from kit.ids import uuid7
from kit.strict_json import BadJson, check
from kit.web import problems
from kit.web.endpoints import Call, Endpoint, Key
from kit.web.metrics import REQUEST_SECONDS, RESPONSES
from kit.web.once import answer_once

log = structlog.get_logger()

# Slower than this, even a good answer leaves a line in the log. The others are counted: a line for
# each cost a quarter of a worker's time (a masked, flushed line is 30 microseconds and a system call).
SLOW_SECONDS = 0.5

_KEY = re.compile(r"[A-Za-z0-9_.:-]{8,64}")
# msgspec's words, and the place in the body they are about.
_SAID = re.compile(r"(.*?)(?: - at `\$([^`]*)`)?", re.DOTALL)
# In them, what the caller wrote himself: it may be somebody's number or address, and is not repeated
# unless it could be the name of a field.
_REPEATED = re.compile(r"(?<=enum value) .*|(?<=unknown field) (?!`[a-z_]{1,32}`$).*", re.DOTALL)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class UnreadableJson(Refusal):
    code = "unreadable_json"
    status = 400
    zh = "请求体不是合法的 JSON（{reason}）。"
    en = "The body is not acceptable JSON ({reason})."


class UnsupportedMediaType(Refusal):
    code = "unsupported_media_type"
    status = 415
    zh = "请以 application/json 提交，且不要压缩。"
    en = "Send application/json, uncompressed."


Serve = Callable[..., Coroutine[Any, Any, HTTPResponse]]


def serve(endpoint: Endpoint, clock: Callable[[], datetime]) -> Serve:
    """The Sanic handler of `endpoint`. Every refusal and accident becomes a problem document."""
    answer = _answerer(endpoint)
    seconds = REQUEST_SECONDS.labels(endpoint.method, endpoint.route)

    async def respond(request: Request, **path: str) -> HTTPResponse:
        began = perf_counter()
        request_id = _begin(request)
        try:
            response = await answer(request, path, clock())
        except (Exception, SanicException) as error:  # noqa: BLE001 - the outermost frame answers for all
            response = problems.render(error, request)
        response.headers["x-request-id"] = request_id
        response.headers["cache-control"] = "no-store"
        took = perf_counter() - began
        seconds.observe(took)
        _note(endpoint, response.status, took)
        return response

    return respond


def _begin(request: Request) -> str:
    given = request.headers.get("x-request-id", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else uuid7().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id


def _note(endpoint: Endpoint, status: int, took: float) -> None:
    RESPONSES.labels(endpoint.method, endpoint.route, status).inc()
    if status >= 400 or took > SLOW_SECONDS:
        log.info(
            "request",
            method=endpoint.method,
            route=endpoint.route,
            status=status,
            ms=round(took * 1000, 1),
        )


def _answerer(
    endpoint: Endpoint,
) -> Callable[[Request, Mapping[str, str], datetime], Awaitable[HTTPResponse]]:
    readers = _readers(endpoint.inputs)
    encoder = msgspec.json.Encoder()
    status = endpoint.status

    async def answer(request: Request, path: Mapping[str, str], now: datetime) -> HTTPResponse:
        viewer = await endpoint.authenticate(request) if endpoint.authenticate else None
        if endpoint.guard is not None:
            endpoint.guard(viewer)
        inputs = {name: read(request, path) for name, read in readers.items()}
        key = _idempotency_key(request) if endpoint.key is not Key.NONE else None
        call = Call(request, viewer, now, key)

        async def act() -> tuple[int, bytes]:
            result = await endpoint.handler(call, **inputs)
            return status, b"" if result is None else encoder.encode(result)

        if key is not None and viewer is not None and endpoint.key is Key.ONCE:
            code, body = await answer_once(viewer.caller, key, _mark(request), now, act)
        else:
            code, body = await act()
        return HTTPResponse(body, status=code, content_type="application/json" if body else None)

    return answer


def _mark(request: Request) -> bytes:
    """A keyed hash of method, path and body: bodies hold addresses and must not be guessable from it."""
    whole = b"\n".join((request.method.encode(), request.path.encode(), request.body))
    mark: bytes = request.app.ctx.sealer.blind_index(
        whole.decode("utf-8", "replace"), "idempotency"
    )
    return mark


Reader = Callable[[Request, Mapping[str, str]], Any]


def _readers(inputs: Mapping[str, type]) -> dict[str, Reader]:
    makers: dict[str, Callable[[type], Reader]] = {
        "path": _path_reader,
        "query": _query_reader,
        "body": _body_reader,
    }
    return {name: makers[name](shape) for name, shape in inputs.items()}


def _body_reader(shape: type) -> Reader:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape)

    def read(request: Request, _: Mapping[str, str]) -> Any:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" or "content-encoding" in request.headers:
            raise UnsupportedMediaType
        try:
            check(request.body)
            return decoder.decode(request.body)
        except BadJson as error:
            raise UnreadableJson(reason=error.reason) from None
        except msgspec.ValidationError as error:
            raise _invalid(error) from None
        except msgspec.DecodeError as error:
            raise UnreadableJson(reason=str(error)) from None

    return read


def _query_reader(shape: type) -> Reader:
    declared = [field.encode_name for field in msgspec.structs.fields(shape)]

    def read(request: Request, _: Mapping[str, str]) -> Any:
        given = request.get_args(keep_blank_values=True)
        repeated = [name for name in declared if len(given.getlist(name)) > 1]
        if repeated:
            raise InvalidInput(fields={repeated[0]: "given more than once"})
        texts = {name: values[0] for name, values in given.items()}
        _refuse_odd_text({name: texts[name] for name in declared if name in texts})
        try:
            return msgspec.convert(texts, shape, strict=False)
        except msgspec.ValidationError as error:
            raise _invalid(error) from None

    return read


def _path_reader(shape: type) -> Reader:
    def read(_: Request, path: Mapping[str, str]) -> Any:
        try:
            _refuse_odd_text(path)
            return msgspec.convert(dict(path), shape, strict=False)
        except (msgspec.ValidationError, InvalidInput):
            # A malformed name names nothing: the same answer as for one that is absent.
            raise NotFound from None

    return read


def _refuse_odd_text(texts: Mapping[str, str]) -> None:
    """PostgreSQL cannot hold NUL, UTF-8 cannot hold lone surrogates."""
    for name, text in texts.items():
        if "\x00" in text or (not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)):
            raise InvalidInput(fields={name: "has a character that cannot be stored"})


def _invalid(error: msgspec.ValidationError) -> InvalidInput:
    said = _SAID.fullmatch(str(error))
    what, where = said.groups(default="") if said else (str(error), "")
    return InvalidInput(fields={where.lstrip(".") or "$": _REPEATED.sub("", what)})


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        what = "must be 8 to 64 of A-Z a-z 0-9 _ . : -" if key else "this header is missing"
        raise InvalidInput(fields={"Idempotency-Key": what})
    return str(key)
