"""Why an order says no."""

from kit.errors import Refusal


class IllegalTransition(Refusal):
    code = "illegal_transition"
    status = 409
    zh = "当前状态不能进行此操作（{old} → {new}）。"
    en = "This step is not possible now ({old} to {new})."


class OrderChanged(Refusal):
    """Somebody else moved it first; read it again."""

    code = "order_changed"
    status = 409
    zh = "订单状态已变化，请刷新后重试。"
    en = "The order has changed meanwhile, please reload."


class PickupCodeWrong(Refusal):
    """No live pick-up of this store has the code: mistyped, redeemed already, or another store's."""

    code = "pickup_code_wrong"
    status = 404
    zh = "取货码无效或已核销。"
    en = "The pick-up code is wrong or already redeemed."
