"""Refunds: asked for by the shop, settled a moment later, told by a notice (facts D7)."""

from typing import Final, Literal

import msgspec
from msgspec import UNSET

from wechat.sandbox.answers import Call
from wechat.sandbox.clock import rfc3339
from wechat.sandbox.fields import RefundOrder, check_notify_url, param_error, read_body
from wechat.sandbox.ground import Ground
from wechat.sandbox.notices import Notices
from wechat.sandbox.refusals import PayRefusal, PhoneRefusal
from wechat.sandbox.rows import Refund, Trade
from wechat.sandbox.trades import DAY, Trades, fingerprint_of

MOST_REFUNDS: Final = 50
PAUSE_SECONDS: Final = 60
SETTLE_SECONDS: Final = 1.0
REFUNDABLE_SECONDS: Final = 365 * DAY

Settled = Literal["SUCCESS", "ABNORMAL", "CLOSED"]
_NEXT: Final = {"PROCESSING": {"SUCCESS", "ABNORMAL", "CLOSED"}, "ABNORMAL": {"SUCCESS", "CLOSED"}}
_RECEIVER: Final = "支付用户零钱"
_decoder: Final = msgspec.json.Decoder(RefundOrder)


class Refunds:
    """Every refund of the merchant; the wire side of D7."""

    def __init__(self, ground: Ground, trades: Trades, notices: Notices) -> None:
        self._account = ground.account
        self._store = ground.store
        self._clock = ground.clock
        self._timers = ground.timers
        self._ids = ground.ids
        self._trades = trades
        self._notices = notices

    def create(self, request: Call) -> tuple[int, object]:
        """Accept a refund once; the same number with the same parameters is the same refund."""
        order = read_body(_decoder, request.body)
        trade = self._trade(order)
        known = msgspec.structs.replace(
            order, transaction_id=UNSET, out_trade_no=trade.out_trade_no
        )
        fingerprint = fingerprint_of(known)
        refund = self._store.refunds.find(order.out_refund_no)
        if refund is None:
            self._check(order, trade)
            refund = self._accept(order, trade, fingerprint)
        elif refund.fingerprint != fingerprint:
            message = "请求重入时，参数与首次请求时不一致"
            raise PayRefusal(400, "INVALID_REQUEST", message, inner=268498688)
        return 200, self.view(refund)

    def by_number(self, request: Call, out_refund_no: str) -> tuple[int, object]:  # noqa: ARG002
        """Query by the shop's refund number."""
        refund = self._store.refunds.find(out_refund_no)
        if refund is None:
            raise PayRefusal(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return 200, self.view(refund)

    def settle(self, out_refund_no: str, state: Settled) -> Refund:
        """Bring the refund to `state` and tell the shop. Raises PhoneRefusal 404 or 409."""
        refund = self._store.refunds.find(out_refund_no)
        if refund is None:
            raise PhoneRefusal(404, "没有这笔退款 no such refund")
        if state not in _NEXT.get(refund.status, set()):
            raise PhoneRefusal(409, f"退款已是终态 already {refund.status}")
        refund.status = state
        refund.success_at = self._clock.now() if state == "SUCCESS" else None
        self._store.refunds.put(out_refund_no, refund)
        if refund.notify_url:
            self._tell(refund, refund.notify_url)
        return refund

    def of(self, trade: Trade) -> list[dict[str, object]]:
        """All refunds of `trade`, oldest first."""
        return [self.view(self._store.refunds.rows[number]) for number in trade.refund_nos]

    def resume(self) -> None:
        """Take up the refunds that were under way when the simulator ended."""
        for refund in self._store.refunds.rows.values():
            if refund.status == "PROCESSING":
                self._wait(refund)

    def view(self, refund: Refund) -> dict[str, object]:
        """The refund object of D7."""
        trade = self._store.trades.rows[refund.out_trade_no]
        answer: dict[str, object] = {
            "refund_id": refund.refund_id,
            "out_refund_no": refund.out_refund_no,
            "transaction_id": trade.transaction_id,
            "out_trade_no": trade.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": _RECEIVER,
            "create_time": rfc3339(refund.created_at),
            "status": refund.status,
            "funds_account": refund.funds_account,
            "amount": self._amount(trade, refund)
            | {
                "from": [],
                "settlement_total": trade.amount_fen,
                "settlement_refund": refund.refund_fen,
                "discount_refund": 0,
                "currency": "CNY",
            },
            "promotion_detail": [],
        }
        if refund.success_at is not None:
            answer["success_time"] = rfc3339(refund.success_at)
        return answer

    def _trade(self, order: RefundOrder) -> Trade:
        if (order.transaction_id is UNSET) == (order.out_trade_no is UNSET):
            raise param_error("transaction_id", "与out_trade_no必须二选一")
        if order.out_trade_no is not UNSET:
            trade = self._trades.find(order.out_trade_no)
        elif order.transaction_id is UNSET or not _is_transaction_id(order.transaction_id):
            raise PayRefusal(500, "INVALID_TRANSACTIONID", "无效的微信支付订单号")
        else:
            trade = self._trades.find_by_transaction(order.transaction_id)
        if trade is None:
            raise PayRefusal(404, "RESOURCE_NOT_EXISTS", "订单不存在", inner=268512771)
        return trade

    def _check(self, order: RefundOrder, trade: Trade) -> None:
        now = self._clock.now()
        if order.notify_url is not UNSET:
            check_notify_url(order.notify_url)
        if trade.success_at is None:
            raise PayRefusal(400, "INVALID_REQUEST", "订单未支付，不可退款")
        if now > trade.success_at + REFUNDABLE_SECONDS:
            raise PayRefusal(400, "INVALID_REQUEST", "订单已超过可退款的最大期限")
        if order.amount.total != trade.amount_fen:
            raise PayRefusal(400, "INVALID_REQUEST", "订单金额与原订单不一致")
        taken = [self._store.refunds.rows[number] for number in trade.refund_nos]
        live = [refund for refund in taken if refund.status != "CLOSED"]
        refunded = sum(refund.refund_fen for refund in live)
        if refunded + order.amount.refund > trade.amount_fen:
            raise PayRefusal(403, "NOT_ENOUGH", "退款金额大于可退金额")
        if len(live) >= MOST_REFUNDS:
            raise PayRefusal(400, "INVALID_REQUEST", "部分退款次数超过50次")
        if live and now < live[-1].created_at + PAUSE_SECONDS / self._clock.speed:
            raise PayRefusal(429, "FREQUENCY_LIMITED", "同一订单的退款需间隔1分钟")

    def _accept(self, order: RefundOrder, trade: Trade, fingerprint: str) -> Refund:
        now = self._clock.now()
        refund = Refund(
            out_refund_no=order.out_refund_no,
            refund_id=self._ids.refund_id(now),
            out_trade_no=trade.out_trade_no,
            fingerprint=fingerprint,
            refund_fen=order.amount.refund,
            reason="" if order.reason is UNSET else order.reason,
            notify_url=None if order.notify_url is UNSET else order.notify_url,
            funds_account="AVAILABLE" if order.funds_account is UNSET else order.funds_account,
            created_at=now,
            settles_at=now + SETTLE_SECONDS / self._clock.speed,
        )
        trade.state = "REFUND"
        trade.refund_nos.append(refund.out_refund_no)
        # The refund first: a journal torn between the two must not name a refund it lacks.
        self._store.refunds.put(refund.out_refund_no, refund)
        self._store.trades.put(trade.out_trade_no, trade)
        self._wait(refund)
        return refund

    def _wait(self, refund: Refund) -> None:
        self._timers.at(refund.settles_at, lambda: self._settle_by_itself(refund))

    def _settle_by_itself(self, refund: Refund) -> None:
        if refund.status == "PROCESSING":
            self.settle(refund.out_refund_no, "SUCCESS")

    def _tell(self, refund: Refund, url: str) -> None:
        trade = self._store.trades.rows[refund.out_trade_no]
        plain: dict[str, object] = {
            "mchid": self._account.mchid,
            "out_trade_no": trade.out_trade_no,
            "transaction_id": trade.transaction_id,
            "out_refund_no": refund.out_refund_no,
            "refund_id": refund.refund_id,
            "refund_status": refund.status,
            "user_received_account": _RECEIVER,
            "amount": self._amount(trade, refund),
        }
        if refund.success_at is not None:
            plain["success_time"] = rfc3339(refund.success_at)
        self._notices.announce(
            f"REFUND.{refund.status}",
            url,
            plain,
            trade_no=trade.out_trade_no,
            refund_no=refund.out_refund_no,
        )

    @staticmethod
    def _amount(trade: Trade, refund: Refund) -> dict[str, object]:
        return {
            "total": trade.amount_fen,
            "refund": refund.refund_fen,
            "payer_total": trade.amount_fen,
            "payer_refund": refund.refund_fen,
        }


def _is_transaction_id(text: str) -> bool:
    return len(text) == 28 and text.isascii() and text.isdecimal()
