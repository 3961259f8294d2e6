"""Orders at WeChat Pay: created, asked for, closed (facts D4, D5)."""

import hashlib
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

import kit.clock
from wechat.sandbox.answers import Call
from wechat.sandbox.clock import rfc3339
from wechat.sandbox.fields import (
    Close,
    Order,
    check_detail,
    check_notify_url,
    param_error,
    read_body,
)
from wechat.sandbox.ground import Ground
from wechat.sandbox.refusals import PayRefusal
from wechat.sandbox.rows import Prepay, Trade

PREPAY_SECONDS: Final = 2 * 3600
DAY: Final = 86400
DEFAULT_LIFE: Final = 7 * DAY
LONGEST_LIFE: Final = 15 * DAY
SHORTEST_LIFE: Final = 60

_DESCRIBED: Final = {
    "NOTPAY": "订单未支付",
    "SUCCESS": "支付成功",
    "REFUND": "转入退款",
    "CLOSED": "订单已关闭",
}
_PAID: Final = {"SUCCESS", "REFUND"}
_order: Final = msgspec.json.Decoder(Order)
_close: Final = msgspec.json.Decoder(Close)


class Trades:
    """Every order of the merchant; the wire side of D4 and D5."""

    def __init__(self, ground: Ground) -> None:
        self._account = ground.account
        self._store = ground.store
        self._clock = ground.clock
        self._ids = ground.ids
        self._numbers = {
            row.transaction_id: row.out_trade_no
            for row in self._store.trades.rows.values()
            if row.transaction_id
        }

    def prepay(self, request: Call) -> tuple[int, object]:
        """Create the order or, unpaid and unchanged, give a fresh prepay id."""
        order = read_body(_order, request.body)
        now = self._clock.now()
        self._check(order)
        fingerprint = fingerprint_of(msgspec.structs.replace(order, time_expire=UNSET))
        trade = self.find(order.out_trade_no)
        if trade:
            _check_repeat(trade, fingerprint, now)
        else:
            self._store.trades.put(order.out_trade_no, _trade(order, fingerprint, now))
        prepay_id = self._ids.prepay_id(now)
        self._store.prepays.put(prepay_id, Prepay(order.out_trade_no, now))
        return 200, {"prepay_id": prepay_id}

    def by_number(self, request: Call, out_trade_no: str) -> tuple[int, object]:
        """Query by the shop's number."""
        self._check_mchid(request)
        return 200, self.view(self._demand(out_trade_no))

    def by_transaction(self, request: Call, transaction_id: str) -> tuple[int, object]:
        """Query by WeChat's number."""
        self._check_mchid(request)
        return 200, self.view(self._demand(self._numbers.get(transaction_id, "")))

    def close(self, request: Call, out_trade_no: str) -> tuple[int, object]:
        """Close an unpaid order; again and again if need be."""
        if read_body(_close, request.body).mchid != self._account.mchid:
            raise PayRefusal(400, "MCH_NOT_EXISTS", "商户号不存在")
        trade = self._demand(out_trade_no)
        if trade.state in _PAID:
            raise PayRefusal(400, "ORDERPAID", "该订单已支付", inner=268449538)
        if trade.state != "CLOSED":
            trade.state = "CLOSED"
            self._store.trades.put(out_trade_no, trade)
        return 204, None

    def find(self, out_trade_no: str) -> Trade | None:
        """The order in its state of now: unpaid ones close by themselves after a week."""
        trade = self._store.trades.find(out_trade_no)
        if trade and trade.state == "NOTPAY" and self._is_forgotten(trade):
            trade.state = "CLOSED"
            self._store.trades.put(out_trade_no, trade)
        return trade

    def find_by_transaction(self, transaction_id: str) -> Trade | None:
        return self.find(self._numbers.get(transaction_id, ""))

    def pay(self, trade: Trade) -> None:
        """The shopper's money has come; precondition: `is_payable`."""
        now = self._clock.now()
        trade.state = "SUCCESS"
        trade.success_at = now
        trade.transaction_id = self._ids.transaction_id(now)
        self._numbers[trade.transaction_id] = trade.out_trade_no
        self._store.trades.put(trade.out_trade_no, trade)

    def remember(self, trade: Trade) -> None:
        """A trade that was paid before this simulator was born: a demo's past. A known number stays as it is."""
        if self._store.trades.find(trade.out_trade_no) is None:
            self._numbers[trade.transaction_id or ""] = trade.out_trade_no
            self._store.trades.put(trade.out_trade_no, trade)

    def is_payable(self, trade: Trade) -> bool:
        return trade.state == "NOTPAY" and self._clock.now() < trade.expires_at

    def view(self, trade: Trade) -> dict[str, object]:
        """The object of D5: the answer to a query and the plain text of a notice."""
        answer: dict[str, object] = {
            "appid": self._account.appid,
            "mchid": self._account.mchid,
            "out_trade_no": trade.out_trade_no,
            "trade_state": trade.state,
            "trade_state_desc": _DESCRIBED[trade.state],
            "promotion_detail": [],
        }
        amount: dict[str, object] = {"total": trade.amount_fen, "currency": "CNY"}
        if trade.success_at is not None:
            amount |= {"payer_total": trade.amount_fen, "payer_currency": "CNY"}
            answer |= {
                "transaction_id": trade.transaction_id,
                "trade_type": "JSAPI",
                "bank_type": "OTHERS",
                "attach": trade.attach,
                "success_time": rfc3339(trade.success_at),
                "payer": {"openid": trade.openid},
            }
        if trade.device_id:
            answer["scene_info"] = {"device_id": trade.device_id}
        return answer | {"amount": amount}

    def _check(self, order: Order) -> None:
        if order.mchid != self._account.mchid:
            raise PayRefusal(400, "MCH_NOT_EXISTS", "商户号不存在")
        if order.appid != self._account.appid:
            raise PayRefusal(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配", inner=268445527)
        check_notify_url(order.notify_url)
        check_detail(order.detail)
        if self._store.shoppers.find(order.payer.openid) is None:
            raise PayRefusal(500, "OPENID_MISMATCH", "openid和appid不匹配")

    def _check_mchid(self, request: Call) -> None:
        mchid = request.args.get("mchid")
        if not mchid:
            raise param_error("mchid", "不能为空")
        if mchid != self._account.mchid:
            raise _not_found()

    def _demand(self, out_trade_no: str) -> Trade:
        trade = self.find(out_trade_no)
        if trade is None:
            raise _not_found()
        return trade

    def _is_forgotten(self, trade: Trade) -> bool:
        return self._clock.now() >= max(trade.created_at + DEFAULT_LIFE, trade.expires_at)


def fingerprint_of(body: msgspec.Struct) -> str:
    """A short name for "the same parameters"."""
    return hashlib.blake2b(msgspec.json.encode(body), digest_size=16).hexdigest()


def _check_repeat(trade: Trade, fingerprint: str, now: float) -> None:
    is_same = trade.fingerprint == fingerprint
    if not is_same and trade.state != "NOTPAY":
        raise PayRefusal(403, "OUT_TRADE_NO_USED", "商户订单号重复")
    if not is_same:
        message = "请求重入时，参数与首次请求时不一致"
        raise PayRefusal(400, "INVALID_REQUEST", message, inner=268498688)
    if trade.state in _PAID:
        raise PayRefusal(400, "ORDERPAID", "该订单已支付", inner=268449538)
    if trade.state == "CLOSED":
        raise PayRefusal(400, "ORDER_CLOSED", "该订单已关闭，请重新下单")
    if now >= trade.expires_at:
        raise PayRefusal(400, "INVALID_REQUEST", "订单已过期，请重新下单", inner=268447914)


def _end_of_payment(time_expire: str | UnsetType, now: float) -> float:
    """When payment ends: the time asked for, not too near (refused) nor too far (cut)."""
    if time_expire is UNSET:
        return now + DEFAULT_LIFE
    try:
        end = kit.clock.parse_instant(time_expire).timestamp()
    except ValueError:
        raise param_error("time_expire", "不符合RFC 3339格式") from None
    if end < now + SHORTEST_LIFE:
        raise param_error("time_expire", "必须晚于当前时间1分钟")
    return min(end, now + LONGEST_LIFE)


def _trade(order: Order, fingerprint: str, now: float) -> Trade:
    scene = order.scene_info
    device_id = scene.device_id if scene is not UNSET else UNSET
    return Trade(
        out_trade_no=order.out_trade_no,
        fingerprint=fingerprint,
        openid=order.payer.openid,
        description=order.description,
        amount_fen=order.amount.total,
        attach="" if order.attach is UNSET else order.attach,
        notify_url=order.notify_url,
        device_id="" if device_id is UNSET else device_id,
        created_at=now,
        expires_at=_end_of_payment(order.time_expire, now),
    )


def _not_found() -> PayRefusal:
    return PayRefusal(404, "ORDER_NOT_EXIST", "订单不存在", inner=268512771)
