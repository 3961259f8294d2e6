"""The human's phone: one page that plays any shopper."""

from pathlib import Path
from typing import Final

from sanic import HTTPResponse

from wechat.sandbox.answers import Call

_PAGE: Final = Path(__file__).with_name("phone.html").read_bytes()
# The page holds no text of shoppers or shops; its script fetches them and writes them as text.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
        " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'self'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def show_phone(request: Call) -> HTTPResponse:  # noqa: ARG001
    """`GET /phone`."""
    return HTTPResponse(_PAGE, 200, dict(_HEADERS), "text/html; charset=utf-8")
