"""The phone and the levers over HTTP: `/sandbox/...`, JSON, for tests and for the human page."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from sanic import HTTPResponse

from wechat.sandbox.answers import Call
from wechat.sandbox.clock import rfc3339
from wechat.sandbox.faults import Fault
from wechat.sandbox.ground import Ground
from wechat.sandbox.login import Logins
from wechat.sandbox.messages import Messages
from wechat.sandbox.notices import Mode, Notices
from wechat.sandbox.refunds import Refunds, Settled
from wechat.sandbox.refusals import PhoneRefusal
from wechat.sandbox.rows import Message, Notice, Shopper, Trade
from wechat.sandbox.sheets import PaymentRequest, Sheets
from wechat.sandbox.trades import Trades

Asked = TypeVar("Asked", bound=msgspec.Struct)
Answer = tuple[int, object]

MOST_COPIES: Final = 1000
_encode: Final = msgspec.json.Encoder().encode


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A typing error in a test must not pass in silence."""


class NewShopper(Strict):
    """`unionid` null makes a shopper without one; absent, one is drawn."""

    nickname: Annotated[str, msgspec.Meta(min_length=1, max_length=32)] | None = None
    openid: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    unionid: Annotated[str, msgspec.Meta(max_length=128)] | msgspec.UnsetType | None = msgspec.UNSET


class Consent(Strict):
    template_id: str
    accept: bool = True
    count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


class Resend(Strict):
    times: Annotated[int, msgspec.Meta(ge=1, le=MOST_COPIES)] = 1
    mode: Mode = "ok"
    refund_no: str | None = None


class ClockChange(Strict):
    offset_seconds: float | None = None
    notice_speed: Annotated[float, msgspec.Meta(gt=0, le=1e6)] | None = None


class PastTrade(Strict):
    """A trade as the shop's books have it; `paid_at` in Unix seconds."""

    out_trade_no: Annotated[str, msgspec.Meta(min_length=6, max_length=32)]
    transaction_id: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    openid: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    description: Annotated[str, msgspec.Meta(min_length=1, max_length=127)]
    amount_fen: Annotated[int, msgspec.Meta(ge=1)]
    paid_at: float


class Settlement(Strict):
    state: Settled


def json_answer(status: int, body: object) -> HTTPResponse:
    """`body` as JSON bytes."""
    return HTTPResponse(_encode(body), status, content_type="application/json")


def panel(
    work: Callable[..., Answer] | Callable[..., Awaitable[Answer]],
) -> Callable[..., Awaitable[HTTPResponse]]:
    """A handler that answers what `work` returns, and its refusals as `{"message": ...}`."""

    async def handle(request: Call, **path: str) -> HTTPResponse:
        try:
            answer = work(request, **path)
            status, body = answer if isinstance(answer, tuple) else await answer
        except PhoneRefusal as refusal:
            status, body = refusal.status, {"message": refusal.message}
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            status, body = 400, {"message": str(error)}
        return json_answer(status, body)

    return handle


class Phone:
    """What a shopper does with thumbs: log in, consent, pay, read."""

    def __init__(self, logins: Logins, messages: Messages, sheets: Sheets) -> None:
        self._logins = logins
        self._messages = messages
        self._sheets = sheets

    def add_shopper(self, request: Call) -> Answer:
        asked = _read(request, NewShopper)
        unionid = self._logins.draw_unionid() if asked.unionid is msgspec.UNSET else asked.unionid
        shopper = self._logins.add(asked.openid, asked.nickname, unionid)
        return 201, _shopper(shopper)

    def shoppers(self, request: Call) -> Answer:  # noqa: ARG002
        return 200, {"items": [_shopper(shopper) for shopper in self._logins.everyone()]}

    def templates(self, request: Call) -> Answer:  # noqa: ARG002
        return 200, {"items": list(self._messages.templates.values())}

    def login_code(self, request: Call, openid: str) -> Answer:  # noqa: ARG002
        return 200, {"code": self._logins.give_code(openid)}

    def subscribe(self, request: Call, openid: str) -> Answer:
        asked = _read(request, Consent)
        self._logins.demand(openid)
        credit = self._messages.subscribe(
            openid, asked.template_id, accept=asked.accept, count=asked.count
        )
        return 200, {"credit": credit}

    def messages(self, request: Call, openid: str) -> Answer:  # noqa: ARG002
        self._logins.demand(openid)
        return 200, {"items": [_message(row) for row in self._messages.of_shopper(openid)]}

    def open_sheet(self, request: Call, openid: str) -> Answer:
        self._logins.demand(openid)
        return 201, self._sheets.view(self._sheets.open(openid, _read(request, PaymentRequest)))

    def sheets(self, request: Call, openid: str) -> Answer:  # noqa: ARG002
        self._logins.demand(openid)
        return 200, {"items": [self._sheets.view(row) for row in self._sheets.of_shopper(openid)]}

    def confirm(self, request: Call, sheet_id: str) -> Answer:  # noqa: ARG002
        trade = self._sheets.confirm(sheet_id)
        return 200, {"trade_state": trade.state, "transaction_id": trade.transaction_id}

    def decline(self, request: Call, sheet_id: str) -> Answer:  # noqa: ARG002
        return 200, {"trade_state": self._sheets.decline(sheet_id).state}


class Levers:
    """What only a simulator has: sight of everything, faults, another time."""

    def __init__(
        self, ground: Ground, *, trades: Trades, refunds: Refunds, notices: Notices
    ) -> None:
        self._clock = ground.clock
        self._timers = ground.timers
        self._faults = ground.faults
        self._trades = trades
        self._refunds = refunds
        self._notices = notices

    def trade(self, request: Call, out_trade_no: str) -> Answer:  # noqa: ARG002
        trade = self._trades.find(out_trade_no)
        if trade is None:
            raise PhoneRefusal(404, "没有这笔订单 no such trade")
        notices = self._notices.of_trade(out_trade_no)
        return 200, self._trades.view(trade) | {
            "openid": trade.openid,
            "description": trade.description,
            "attach": trade.attach,
            "notify_url": trade.notify_url,
            "created_at": rfc3339(trade.created_at),
            "expires_at": rfc3339(trade.expires_at),
            "refunds": self._refunds.of(trade),
            "notices": [_notice(notice) for notice in notices],
            "deliveries": _deliveries(notices),
        }

    def remember_trade(self, request: Call) -> Answer:
        past = _read(request, PastTrade)
        trade = Trade(
            out_trade_no=past.out_trade_no,
            fingerprint="",
            openid=past.openid,
            description=past.description,
            amount_fen=past.amount_fen,
            attach="",
            notify_url="",
            device_id="",
            created_at=past.paid_at,
            expires_at=past.paid_at,
            state="SUCCESS",
            transaction_id=past.transaction_id,
            success_at=past.paid_at,
        )
        self._trades.remember(trade)
        return 201, {"out_trade_no": past.out_trade_no}

    async def resend(self, request: Call, out_trade_no: str) -> Answer:
        asked = _read(request, Resend)
        statuses = await self._notices.resend(
            out_trade_no, asked.refund_no, mode=asked.mode, times=asked.times
        )
        return 200, {"statuses": statuses}

    def add_fault(self, request: Call) -> Answer:
        return 201, {"id": self._faults.add(_read(request, Fault))}

    def clear_faults(self, request: Call) -> Answer:  # noqa: ARG002
        self._faults.clear()
        return 200, {}

    def move_clock(self, request: Call) -> Answer:
        asked = _read(request, ClockChange)
        offset, speed = asked.offset_seconds, asked.notice_speed
        self._timers.move(
            offset=self._clock.offset if offset is None else offset,
            speed=self._clock.speed if speed is None else speed,
        )
        return 200, {
            "offset_seconds": self._clock.offset,
            "notice_speed": self._clock.speed,
            "now": rfc3339(self._clock.now()),
        }

    def settle(self, request: Call, out_refund_no: str) -> Answer:
        refund = self._refunds.settle(out_refund_no, _read(request, Settlement).state)
        return 200, self._refunds.view(refund)


def _read(request: Call, kind: type[Asked]) -> Asked:
    return msgspec.json.decode(request.body or b"{}", type=kind)


def _shopper(shopper: Shopper) -> dict[str, str | None]:
    return {
        "openid": shopper.openid,
        "unionid": shopper.unionid,
        "nickname": shopper.nickname,
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "template_id": message.template_id,
        "title": message.title,
        "page": message.page,
        "data": message.data,
        "at": rfc3339(message.at),
    }


def _notice(notice: Notice) -> dict[str, Any]:
    due_at = notice.due_at
    return {
        "id": notice.id,
        "event_type": notice.event_type,
        "refund_no": notice.out_refund_no,
        "attempts": notice.attempts,
        "next_at": None if due_at is None else rfc3339(due_at),
    }


def _deliveries(notices: list[Notice]) -> list[dict[str, Any]]:
    rows = [(each.at, each, notice) for notice in notices for each in notice.deliveries]
    return [
        {
            "notice_id": notice.id,
            "event_type": notice.event_type,
            "at": rfc3339(at),
            "mode": each.mode,
            "status": each.status,
            "error": each.error,
        }
        for at, each, notice in sorted(rows, key=lambda row: row[0])
    ]
