"""Why stock says no."""

from kit.errors import Refusal


class OutOfStock(Refusal):
    """`missing`: [{"sku_id", "wanted", "available"}] as it stood right after the refusal."""

    code = "out_of_stock"
    status = 409
    zh = "部分商品库存不足。"
    en = "Some goods are out of stock."
