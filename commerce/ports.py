"""What the shop asks of the outside world; `server.py` binds each port to an adapter."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from kit.errors import Refusal
from kit.money import Fen


@dataclass(frozen=True, slots=True)
class WechatSession:
    """Whom a login code stands for. `session_key` never leaves the server."""

    openid: str
    unionid: str | None
    session_key: str


class LoginCodeRefused(Refusal):
    code = "login_code_refused"
    status = 401
    zh = "登录凭证无效或已过期，请重新登录。"
    en = "The login code is invalid, used or expired; call wx.login again."


class IdentityProvider(Protocol):
    async def exchange_code(self, code: str) -> WechatSession:
        """The session behind a `wx.login` code; `LoginCodeRefused` for a forged, used or expired one."""
        ...


@dataclass(frozen=True, slots=True)
class PrepayRequest:
    """One order to be paid. `expires_at` is when WeChat itself must refuse payment."""

    out_trade_no: str
    description: str
    amount_fen: Fen
    openid: str
    expires_at: datetime


class TradeState(StrEnum):
    NOT_PAID = "notpay"
    SUCCESS = "success"
    REFUND = "refund"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class TradeFact:
    """What WeChat says of a payment. Everything but number and state is absent until it is paid."""

    out_trade_no: str
    state: TradeState
    appid: str
    mchid: str
    transaction_id: str | None = None
    amount_fen: Fen | None = None
    currency: str | None = None
    openid: str | None = None
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundRequest:
    out_trade_no: str
    out_refund_no: str
    reason: str
    refund_fen: Fen
    total_fen: Fen


class RefundState(StrEnum):
    PROCESSING = "processing"
    SUCCESS = "success"
    CLOSED = "closed"
    ABNORMAL = "abnormal"


@dataclass(frozen=True, slots=True)
class RefundFact:
    """What WeChat says of a refund."""

    out_trade_no: str
    out_refund_no: str
    refund_id: str
    state: RefundState
    refund_fen: Fen
    total_fen: Fen
    succeeded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified and decrypted pay notice. `id` is WeChat's: the same on every repeat."""

    id: str
    fact: TradeFact | RefundFact


class NoticeRefused(Refusal):
    """Signature, age, serial or content is wrong: nothing may change."""

    code = "notice_refused"
    status = 401
    zh = "通知验签失败。"
    en = "The notice could not be verified."


class AlreadyPaid(Refusal):
    """Closing came too late: the money is there."""

    code = "already_paid"
    status = 409
    zh = "订单已支付。"
    en = "The order has already been paid."


class OutsideRefused(Refusal):
    """The provider understood and said no; repeating does not help. `reason` is its code."""

    code = "outside_refused"
    status = 502
    zh = "外部服务拒绝了请求（{reason}）。"
    en = "The provider refused the request ({reason})."


class OutsideUnknown(Refusal):
    """No usable answer (timeout, reset, 5xx, bad signature): it may have been done or not.

    Repeat with the same business number, or query."""

    code = "outside_unknown"
    status = 503
    zh = "外部服务暂时无响应，请稍后再试。"
    en = "The provider did not answer, please try again."


class PaymentGateway(Protocol):
    """WeChat Pay as the shop sees it. Every call may raise `OutsideRefused` or `OutsideUnknown`."""

    async def prepay(self, request: PrepayRequest) -> str:
        """The `prepay_id`. Repeating an identical request is safe; `AlreadyPaid` when it is paid."""
        ...

    def payment_sheet(self, prepay_id: str, now: datetime) -> Mapping[str, str]:
        """The signed parameters of `wx.requestPayment`."""
        ...

    async def query(self, out_trade_no: str) -> TradeFact | None:
        """The trade's state now; None when WeChat never heard of it."""
        ...

    async def close(self, out_trade_no: str) -> None:
        """From now on nobody can pay it; `AlreadyPaid` when somebody has. Idempotent."""
        ...

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Ask for a refund; the same number is one refund however often it is asked for."""
        ...

    async def query_refund(self, out_refund_no: str) -> RefundFact | None:
        """The refund's state now; None when WeChat never heard of it."""
        ...

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Verify, decrypt and parse; `NoticeRefused` otherwise. `headers` has lower-case names."""
        ...


@dataclass(frozen=True, slots=True)
class SubscribeMessage:
    """A subscribe message: `data` maps keyword names (`thing1`, `amount2`) to raw values."""

    openid: str
    template_id: str
    page: str
    data: Mapping[str, str]


class SendOutcome(StrEnum):
    SENT = "sent"
    NOT_SUBSCRIBED = "not_subscribed"
    REFUSED = "refused"


class Notifier(Protocol):
    async def send(self, message: SubscribeMessage) -> SendOutcome:
        """Send once; values are fitted to WeChat's limits by type. `OutsideUnknown`: repeat later."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world, bound once by the composition root."""

    identity: IdentityProvider
    payments: PaymentGateway
    notifier: Notifier
