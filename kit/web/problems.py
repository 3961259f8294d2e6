"""Refusals and accidents as application/problem+json (RFC 9457)."""

import re
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from sanic import HTTPResponse, Request
from sanic.exceptions import SanicException

from kit.db import TRANSIENT
from kit.errors import Refusal, TemporarilyUnavailable

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
_PREFERRED = re.compile(r"\s*([a-zA-Z]{2,3})")


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """`code` is stable; `title` and `detail` are for people, in the caller's language."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    fields: dict[str, str] | None = None
    details: dict[str, Any] | None = None


def language_of(request: Request) -> str:
    """ "en" if the caller prefers it, else "zh"."""
    wanted = _PREFERRED.match(request.headers.get("accept-language", ""))
    return "en" if wanted and wanted[1].lower() == "en" else "zh"


def render(error: BaseException, request: Request) -> HTTPResponse:
    """The answer to `error`. Anything unforeseen is a 500 and is logged with its trace."""
    if isinstance(error, Refusal):
        return refusal_response(error, request)
    if isinstance(error, SanicException):
        return _framework_response(error, request)
    if isinstance(error, TRANSIENT):
        log.warning("request.transient", error=repr(error), path=request.path)
        return refusal_response(TemporarilyUnavailable(), request)
    log.error("request.failed", path=request.path, exc_info=error)
    return _response(500, "internal_error", _sentence("internal_error", language_of(request)))


def refusal_response(refusal: Refusal, request: Request) -> HTTPResponse:
    details = dict(refusal.details)
    fields = details.pop("fields", None)
    sentence = refusal.sentence(language_of(request))
    response = _response(refusal.status, refusal.code, sentence, fields=fields, details=details)
    if refusal.status in (429, 503):
        response.headers["retry-after"] = str(details.get("retry_after_seconds", 1))
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        response.headers["www-authenticate"] = "Bearer"
    return response


def _framework_response(error: SanicException, request: Request) -> HTTPResponse:
    codes = {
        400: "bad_request",
        404: "not_found",
        405: "method_not_allowed",
        408: "request_timeout",
        413: "payload_too_large",
        415: "unsupported_media_type",
        417: "expectation_failed",
        503: "temporarily_unavailable",
    }
    status = error.status_code or 500
    code = codes.get(status, "internal_error")
    if code == "internal_error":
        log.error("request.failed", path=request.path, exc_info=error)
        status = 500
    response = _response(status, code, _sentence(code, language_of(request)))
    for name, text in (getattr(error, "headers", None) or {}).items():
        response.headers[name] = text
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["allow"] = ", ".join(_methods_of(request))
    return response


def _methods_of(request: Request) -> list[str]:
    """What the path takes. The router itself cannot say for a path with parts that vary."""
    taken = []
    for method in ("DELETE", "GET", "POST", "PUT"):
        with suppress(SanicException):
            request.app.router.get(request.path, method, None)
            taken.append(method)
    return taken


def _response(
    status: int, code: str, sentence: str, *, fields: object = None, details: object = None
) -> HTTPResponse:
    problem = Problem(
        type=f"/problems/{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=sentence,
        fields=fields or None,  # type: ignore[arg-type]
        details=details or None,  # type: ignore[arg-type]
    )
    body = msgspec.json.encode(problem, enc_hook=str)
    return HTTPResponse(body, status=status, content_type=MEDIA_TYPE)


_SENTENCES = {
    "bad_request": ("请求格式有误。", "The request cannot be read."),
    "not_found": ("找不到您要的内容。", "Not found."),
    "method_not_allowed": ("不支持该请求方法。", "This method is not allowed here."),
    "request_timeout": ("请求超时。", "The request took too long to arrive."),
    "payload_too_large": ("提交的内容过大。", "The request is too large."),
    "unsupported_media_type": ("不支持该内容类型。", "Send application/json."),
    "expectation_failed": ("不支持 Expect 请求头。", "Expectations are not supported."),
    "temporarily_unavailable": (
        "服务繁忙，请稍后再试。",
        "Temporarily unavailable, please try again.",
    ),
    "internal_error": ("服务出错了，请稍后再试。", "Something went wrong on our side."),
}


def _sentence(code: str, language: str) -> str:
    return _SENTENCES[code][language == "en"]
