"""What Pay v3 accepts in the bodies the shop sends, field by field (facts D4, D5, D7)."""

import functools
import ipaddress
from typing import Annotated, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta, UnsetType

from wechat.sandbox.refusals import PayRefusal

Short = Annotated[str, Meta(min_length=1, max_length=32)]
Url = Annotated[str, Meta(min_length=1, max_length=255)]
Name = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=1)]
Fen = Annotated[int, Meta(ge=1)]
FenOrNone = Annotated[int, Meta(ge=0)]

DETAIL_BYTES: Final = 6144
INNER_UNKNOWN_FIELD: Final = 270924358

Body = TypeVar("Body")


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """Unknown fields and nulls are refused, as WeChat may."""


class Amount(Strict):
    total: Fen
    currency: Annotated[str, Meta(pattern=r"\ACNY\Z")] = "CNY"


class Payer(Strict):
    openid: Annotated[str, Meta(min_length=1, max_length=128)]


class Goods(Strict):
    merchant_goods_id: Short
    quantity: Count
    unit_price: FenOrNone
    wechatpay_goods_id: Short | UnsetType = UNSET
    goods_name: Name | UnsetType = UNSET


class Detail(Strict):
    cost_price: FenOrNone | UnsetType = UNSET
    invoice_id: Short | UnsetType = UNSET
    goods_detail: list[Goods] | UnsetType = UNSET


class Place(Strict):
    id: Short
    name: Name | UnsetType = UNSET
    area_code: Short | UnsetType = UNSET
    address: Annotated[str, Meta(max_length=512)] | UnsetType = UNSET


class Scene(Strict):
    payer_client_ip: Annotated[str, Meta(min_length=1, max_length=45)]
    device_id: Short | UnsetType = UNSET
    store_info: Place | UnsetType = UNSET


class Settle(Strict):
    profit_sharing: bool


class Order(Strict):
    """`POST /v3/pay/transactions/jsapi`."""

    appid: Short
    mchid: Short
    description: Annotated[str, Meta(min_length=1, max_length=127)]
    out_trade_no: Annotated[str, Meta(pattern=r"\A[0-9A-Za-z_\-|*]{6,32}\Z")]
    notify_url: Url
    amount: Amount
    payer: Payer
    time_expire: str | UnsetType = UNSET
    attach: Annotated[str, Meta(max_length=128)] | UnsetType = UNSET
    goods_tag: Short | UnsetType = UNSET
    support_fapiao: bool | UnsetType = UNSET
    detail: Detail | UnsetType = UNSET
    scene_info: Scene | UnsetType = UNSET
    settle_info: Settle | UnsetType = UNSET


class Close(Strict):
    """`POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close`."""

    mchid: Short


class Source(Strict):
    account: Annotated[str, Meta(pattern=r"\A(AVAILABLE|UNAVAILABLE)\Z")]
    amount: Fen


class RefundAmount(Strict):
    refund: Fen
    total: Fen
    currency: Annotated[str, Meta(pattern=r"\ACNY\Z")]
    from_: Annotated[list[Source], Meta(max_length=50)] | UnsetType = msgspec.field(
        name="from", default=UNSET
    )


class RefundGoods(Strict):
    merchant_goods_id: Short
    unit_price: FenOrNone
    refund_amount: FenOrNone
    refund_quantity: Count
    wechatpay_goods_id: Short | UnsetType = UNSET
    goods_name: Name | UnsetType = UNSET


class RefundOrder(Strict):
    """`POST /v3/refund/domestic/refunds`."""

    out_refund_no: Annotated[str, Meta(pattern=r"\A[0-9A-Za-z_\-|*@]{1,64}\Z")]
    amount: RefundAmount
    transaction_id: Short | UnsetType = UNSET
    out_trade_no: Annotated[str, Meta(pattern=r"\A[0-9A-Za-z_\-|*]{6,32}\Z")] | UnsetType = UNSET
    reason: Annotated[str, Meta(max_length=80)] | UnsetType = UNSET
    notify_url: Url | UnsetType = UNSET
    funds_account: Annotated[str, Meta(pattern=r"\A(AVAILABLE|UNSETTLED)\Z")] | UnsetType = UNSET
    goods_detail: list[RefundGoods] | UnsetType = UNSET


def read_body(decoder: msgspec.json.Decoder[Body], raw: bytes) -> Body:
    """`raw` as the decoder's type; raises PARAM_ERROR naming the field."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _refuse(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PayRefusal(400, "PARAM_ERROR", "请求体不是有效的JSON") from None


@functools.lru_cache(maxsize=64)  # a shop has few, and reading one costs as much as a whole order
def check_notify_url(url: str) -> None:
    """Raise PARAM_ERROR unless `url` is https without a query; http only on this machine."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    except ValueError:
        raise param_error("notify_url", "回调地址无效") from None
    if not usable or not parts.hostname or parts.query or parts.fragment or "?" in url:
        raise param_error("notify_url", "回调地址必须是https且不带参数")


def check_detail(detail: Detail | UnsetType) -> None:
    """Raise PARAM_ERROR when the goods list is longer than WeChat keeps."""
    if detail is not UNSET and len(msgspec.json.encode(detail)) > DETAIL_BYTES:
        raise param_error("detail", "商品详情超过6144字节")


def param_error(field: str, issue: str) -> PayRefusal:
    """A 400 that names `field`."""
    return PayRefusal(400, "PARAM_ERROR", f"参数错误：{field} {issue}", field=field)


def is_loopback(host: str | None) -> bool:
    """Whether `host` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _refuse(error: str) -> PayRefusal:
    issue, _, path = error.partition(" - at `$")
    field = path.strip("`.") or (issue.split("`")[1] if issue.count("`") > 1 else "")
    inner = INNER_UNKNOWN_FIELD if "unknown field" in issue else 0
    return PayRefusal(400, "PARAM_ERROR", f"参数错误：{error}", field=field, inner=inner)
