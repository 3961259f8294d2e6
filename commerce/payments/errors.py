"""Why a payment says no."""

from kit.errors import Refusal


class PaymentWindowOver(Refusal):
    code = "payment_window_over"
    status = 409
    zh = "支付时间已过，订单已关闭。"
    en = "The time to pay is over."
