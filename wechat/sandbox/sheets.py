"""The payment sheet on the shopper's phone: opened by wx.requestPayment, confirmed or declined."""

from typing import Annotated, Final, Literal

import msgspec

from wechat.sandbox.ground import Ground
from wechat.sandbox.notices import Notices
from wechat.sandbox.refusals import PayRefusal, PhoneRefusal
from wechat.sandbox.rows import Sheet, Trade
from wechat.sandbox.trades import PREPAY_SECONDS, Trades

_PACKAGE: Final = "prepay_id="

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class PaymentRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What wx.requestPayment takes (facts D4); times are text there, and `appId` is implied."""

    timeStamp: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{10}\Z")]  # noqa: N815
    nonceStr: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]  # noqa: N815
    package: Text
    signType: Literal["RSA"]  # noqa: N815
    paySign: Text  # noqa: N815
    appId: Text | None = None  # noqa: N815


class Sheets:
    """Every sheet opened so far, by its id."""

    def __init__(self, ground: Ground, trades: Trades, notices: Notices) -> None:
        self._account = ground.account
        self._store = ground.store
        self._clock = ground.clock
        self._ids = ground.ids
        self._gate = ground.gate
        self._trades = trades
        self._notices = notices

    def open(self, openid: str, asked: PaymentRequest) -> Sheet:
        """Show the sheet to `openid`. Raises PhoneRefusal 400 when WeChat would not."""
        self._check_sign(asked)
        prepay_id = asked.package.removeprefix(_PACKAGE)
        prepay = self._store.prepays.find(prepay_id)
        if prepay is None or prepay_id == asked.package:
            raise PhoneRefusal(400, "prepay_id无效 unknown prepay_id")
        if self._clock.now() >= prepay.created_at + PREPAY_SECONDS:
            raise PhoneRefusal(400, "prepay_id已过期 prepay_id is older than 2 hours")
        trade = self._trades.find(prepay.out_trade_no)
        if trade is None or trade.openid != openid:
            raise PhoneRefusal(400, "下单用户与支付用户不一致 another shopper's order")
        return self._show(trade)

    def of_shopper(self, openid: str) -> list[Sheet]:
        rows = self._store.sheets.rows.values()
        return [sheet for sheet in rows if sheet.openid == openid]

    def confirm(self, sheet_id: str) -> Trade:
        """Pay. Raises PhoneRefusal 409 when the order is paid, closed or expired."""
        sheet, trade = self._demand_open(sheet_id)
        if not self._trades.is_payable(trade):
            raise PhoneRefusal(409, f"订单不可支付 the order cannot be paid ({trade.state})")
        self._trades.pay(trade)
        self._finish(sheet, "paid")
        self._notices.announce(
            "TRANSACTION.SUCCESS",
            trade.notify_url,
            self._trades.view(trade),
            trade_no=trade.out_trade_no,
            refund_no=None,
        )
        return trade

    def decline(self, sheet_id: str) -> Trade:
        """Put the sheet away; the order stays unpaid. Raises PhoneRefusal 409 when it is done."""
        sheet, trade = self._demand_open(sheet_id)
        self._finish(sheet, "declined")
        return trade

    def view(self, sheet: Sheet) -> dict[str, object]:
        """The sheet as the phone shows it."""
        trade = self._store.trades.rows[sheet.out_trade_no]
        return {
            "id": sheet.id,
            "out_trade_no": sheet.out_trade_no,
            "amount_fen": trade.amount_fen,
            "description": trade.description,
            "state": sheet.state,
        }

    def _check_sign(self, asked: PaymentRequest) -> None:
        if asked.appId is not None and asked.appId != self._account.appid:
            raise PhoneRefusal(400, "appId不匹配 another appId")
        parts = (self._account.appid, asked.timeStamp, asked.nonceStr, asked.package)
        try:
            self._gate.check_client_sign(asked.paySign, *parts)
        except PayRefusal:
            raise PhoneRefusal(400, "支付验证签名失败 paySign is wrong") from None

    def _show(self, trade: Trade) -> Sheet:
        sheet_id = f"sheet{len(self._store.sheets.rows) + 1}{self._ids.letters(6)}"
        sheet = Sheet(sheet_id, trade.openid, trade.out_trade_no, "open", self._clock.now())
        self._store.sheets.put(sheet_id, sheet)
        return sheet

    def _demand_open(self, sheet_id: str) -> tuple[Sheet, Trade]:
        sheet = self._store.sheets.find(sheet_id)
        trade = self._trades.find(sheet.out_trade_no) if sheet else None
        if sheet is None or trade is None:
            raise PhoneRefusal(404, "没有这张支付单 no such sheet")
        if sheet.state != "open":
            raise PhoneRefusal(409, f"支付单已处理 the sheet is {sheet.state}")
        return sheet, trade

    def _finish(self, sheet: Sheet, state: str) -> None:
        sheet.state = state
        self._store.sheets.put(sheet.id, sheet)
