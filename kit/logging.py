"""One line per event, as JSON or for a developer's eyes, without personal data and secrets."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["json", "console"]

MASK: Final = "***"

_SECRET_KEYS: Final = {
    *("phone", "address", "name_receiver", "receiver_name", "pickup_code", "code", "js_code"),
    *("session_key", "token", "secret", "authorization", "password"),
}
# Also access_token, app_secret, receiver_phone, x-auth-token; not status_code.
_SECRET_ENDINGS: Final = ("_phone", "_address", "_token", "_secret", "_password", "_session_key")

# A mainland mobile number, also behind a country code or in groups of 3, 4 and 4.
_PHONE: Final = re.compile(
    r"(?<![0-9])((?:00)?86[ -]?)?(1[3-9][0-9])[ -]?[0-9]{4}[ -]?([0-9]{4})(?![0-9])"
)
# "access_token=…&" in a URL, '"session_key": "…"' in a body, "(secret)=(…)" of PostgreSQL.
_ASSIGNMENT: Final = re.compile(
    r"((?:session_key|token|secret|authorization|password|js_code)[\"')]*\s*[=:]\s*[\"'(]*"
    r"(?:bearer\s+)?)[^\s&\"'),;}]+",
    re.IGNORECASE,
)
_MAYBE_PHONE: Final = re.compile(r"1[3-9][0-9][ -]?[0-9]{4}")  # ten times quicker to say no
_DEEPEST: Final = 8
# Whatever could end a line, steer a terminal or not be written at all.
_CONTROLS: Final = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000))
}
_CONTROLS_BUT_NEWLINE: Final = {code: text for code, text in _CONTROLS.items() if code != 0x0A}


def configure(format: Format) -> None:  # noqa: A002 - the word the setting has
    """Send structlog and the standard library's logging, from INFO on, to standard output.

    Call it once per process, after frameworks have set up their own handlers: it removes them.
    Context is bound with `structlog.contextvars`; `request_id` is bound by the HTTP pipeline.
    """
    json_lines = format == "json"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            mask,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([_render_json] if json_lines else _console()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer)
        if json_lines
        else structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.root.handlers[:] = [_ToStructlog()]
    logging.root.setLevel(logging.INFO)
    # It tells every step of every schedule at INFO; what it misses comes as an event (jobs/clock.py).
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


def mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A structlog processor: hides secrets by key, mainland phone numbers and tokens in any text.

    What comes out holds only JSON's types; unknown objects have become their masked text.
    """
    return {key: _masked(key, value, 0) for key, value in event.items()}


def _masked(key: object, value: object, depth: int) -> object:
    if value is None or value is True or value is False:
        return value
    if isinstance(key, str) and _is_secret(key):
        return MASK
    if isinstance(value, str):
        # 32 hexadecimal digits may look like a phone number, and must be found again as given.
        return value if key == "request_id" and len(value) == 32 else _masked_text(value)
    if isinstance(value, int):
        text = str(value)
        return _masked_text(text) if _PHONE.fullmatch(text) else value
    return value if isinstance(value, float) else _masked_container(key, value, depth + 1)


def _masked_container(key: object, value: object, depth: int) -> object:
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {_masked_text(str(k)): _masked(k, inner, depth) for k, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_masked(key, inner, depth) for inner in value]
    if isinstance(value, (bytes, bytearray)):
        return _masked_text(value.decode(errors="backslashreplace"))
    return _masked_text(str(value))


def _masked_text(text: str) -> str:
    if _MAYBE_PHONE.search(text):
        text = _PHONE.sub(r"\1\2****\3", text)
    if "=" in text or ":" in text:
        text = _ASSIGNMENT.sub(rf"\1{MASK}", text)
    return text


@lru_cache(4096)
def _is_secret(key: str) -> bool:
    name = key.lower().replace("-", "_")
    return name in _SECRET_KEYS or name.endswith(_SECRET_ENDINGS)


def _render_json(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    try:
        return orjson.dumps(event)
    except TypeError:  # a lone surrogate or an integer over 64 bits: slower, but not silent
        return json.dumps(event).encode()


def _console() -> list[Processor]:
    return [
        _escape_controls,
        structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(),
            # The pretty one of rich prints local variables, and thereby what was masked.
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


def _escape_controls(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """JSON escapes by itself. A traceback keeps its lines, for a developer to read."""
    for key, value in event.items():
        if isinstance(value, str):
            is_traceback = key in {"exception", "stack"}
            event[key] = value.translate(_CONTROLS_BUT_NEWLINE if is_traceback else _CONTROLS)
    return event


class _ToStructlog(logging.Handler):
    """Hands the records of sanic, tortoise, asyncio and the like to the same pipe."""

    def __init__(self) -> None:
        super().__init__()
        self._log: Any = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - words that do not fit their pattern must not break a caller
            text = str(record.msg)
        cause = {"exc_info": record.exc_info} if record.exc_info else {}
        self._log.log(record.levelno, text, logger=record.name, **cause)
