"""The rows the simulator keeps; times are Unix seconds of its own clock."""

import msgspec


class Shopper(msgspec.Struct):
    openid: str
    unionid: str | None
    nickname: str
    session_key: str


class Code(msgspec.Struct):
    openid: str
    expires_at: float
    is_used: bool = False


class Token(msgspec.Struct):
    token: str
    expires_at: float
    is_alive: bool = True


class Newest(msgspec.Struct):
    token: str


class Refreshes(msgspec.Struct):
    day: str
    count: int
    last_at: float


class Message(msgspec.Struct):
    openid: str
    template_id: str
    title: str
    page: str | None
    data: dict[str, dict[str, str]]
    at: float


class Prepay(msgspec.Struct):
    out_trade_no: str
    created_at: float


class Trade(msgspec.Struct):
    out_trade_no: str
    fingerprint: str
    openid: str
    description: str
    amount_fen: int
    attach: str
    notify_url: str
    device_id: str
    created_at: float
    expires_at: float
    state: str = "NOTPAY"
    transaction_id: str | None = None
    success_at: float | None = None
    refund_nos: list[str] = []


class Refund(msgspec.Struct):
    out_refund_no: str
    refund_id: str
    out_trade_no: str
    fingerprint: str
    refund_fen: int
    reason: str
    notify_url: str | None
    funds_account: str
    created_at: float
    settles_at: float
    status: str = "PROCESSING"
    success_at: float | None = None


class Delivery(msgspec.Struct):
    """One attempt to bring a notice; `status` None when no HTTP answer came."""

    at: float
    mode: str
    status: int | None
    error: str | None = None


class Notice(msgspec.Struct):
    id: str
    event_type: str
    out_trade_no: str
    out_refund_no: str | None
    url: str
    plain: str
    body: str
    due_at: float | None
    attempts: int = 0
    deliveries: list[Delivery] = []


class Sheet(msgspec.Struct):
    id: str
    openid: str
    out_trade_no: str
    state: str
    at: float


class Count(msgspec.Struct):
    count: int
