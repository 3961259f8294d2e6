"""Where WeChat calls us: verified, applied once, answered within its five seconds."""

from typing import Any

import structlog
from sanic import HTTPResponse, Request, Sanic

from commerce.payments.actions import apply_notice
from commerce.ports import NoticeRefused
from kit import clock
from kit.db import TRANSIENT

log = structlog.get_logger()

PAY_NOTICE_PATH = "/wechat/pay/notice"

# WeChat's own limit is far below; a notice carries one small encrypted object.
_LARGEST_NOTICE = 64 * 1024


def mount(app: "Sanic[Any, Any]") -> None:
    """Route the notices of payments and refunds."""
    app.add_route(pay_notice, PAY_NOTICE_PATH, methods=["POST"], name="wechat_pay_notice")


async def pay_notice(request: Request) -> HTTPResponse:
    """A payment or a refund has moved (facts/wechat.md D6). 4xx or 5xx make WeChat repeat it."""
    now = clock.now()
    if len(request.body) > _LARGEST_NOTICE:
        return _answer(413, "通知过大")
    try:
        headers = {name.lower(): text for name, text in request.headers.items()}
        notice = request.app.ctx.ports.payments.read_notice(headers, request.body, now)
    except NoticeRefused as refusal:
        log.warning("notice.refused", reason=str(refusal), ip=request.remote_addr or request.ip)
        return _answer(401, "验签失败")
    try:
        await apply_notice(notice, request.app.ctx.account, now)
    except TRANSIENT as error:
        log.warning("notice.again", notice=notice.id, error=repr(error))
        return _answer(503, "请稍后重试")
    log.info("notice.heard", notice=notice.id)
    return HTTPResponse(status=204)


def _answer(status: int, message: str) -> HTTPResponse:
    body = '{"code":"FAIL","message":"%s"}' % message  # noqa: UP031 - braces of JSON
    return HTTPResponse(body, status=status, content_type="application/json")
