"""Why a cart says no."""

from kit.errors import Refusal


class CartFull(Refusal):
    """The limit is the trigger's on cart_line."""

    code = "cart_full"
    status = 409
    zh = "购物车最多可放 100 种商品。"
    en = "A cart holds at most 100 kinds of goods."
