"""Why a basket does not become a quote, or a quote an order."""

from kit.errors import Refusal


class EmptyBasket(Refusal):
    code = "empty_basket"
    status = 409
    zh = "购物车是空的。"
    en = "There is nothing in the basket."


class GoodsUnavailable(Refusal):
    """`sku_ids` are unknown, delisted, or not sold any more."""

    code = "goods_unavailable"
    status = 409
    zh = "部分商品已下架，请移除后重试。"
    en = "Some goods are no longer sold."


class StoreClosed(Refusal):
    code = "store_closed"
    status = 409
    zh = "门店现在不营业。"
    en = "The store is closed now."


class MethodNotOffered(Refusal):
    code = "method_not_offered"
    status = 409
    zh = "该门店不支持此取货方式。"
    en = "The store does not offer this way of delivery."


class OutsideDeliveryArea(Refusal):
    code = "outside_delivery_area"
    status = 409
    zh = "收货地址不在门店配送范围内。"
    en = "The address is outside the store's delivery area."


class BelowMinimum(Refusal):
    code = "below_minimum"
    status = 409
    zh = "未达到起送金额（{minimum_order_fen} 分）。"
    en = "Below the store's minimum order ({minimum_order_fen} fen)."


class OrderTooLarge(Refusal):
    code = "order_too_large"
    status = 409
    zh = "订单金额超过上限。"
    en = "The order is larger than the shop accepts."


class QuoteExpired(Refusal):
    code = "quote_expired"
    status = 409
    zh = "报价已过期，请重新结算。"
    en = "The quote has expired, please check out again."


class QuoteUsed(Refusal):
    code = "quote_used"
    status = 409
    zh = "该报价已用于另一个订单。"
    en = "This quote has already become an order."


class TooManyUnpaid(Refusal):
    code = "too_many_unpaid_orders"
    status = 409
    zh = "您有太多未支付的订单，请先支付或取消。"
    en = "You have too many unpaid orders, pay or cancel one first."


class PhoneInRemark(Refusal):
    code = "phone_in_remark"
    status = 422
    zh = "请勿在备注中填写手机号，联系电话请写在收货地址里。"
    en = "Do not write a phone number into the remark; it belongs to the address."
