"""Shoppers: quotes, orders, paying, cancelling."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from commerce.checkout import errors as checkout_errors
from commerce.checkout.actions import (
    Destination,
    OrderIntent,
    Wish,
    make_quote,
    place_order,
)
from commerce.members.limits import PER_MEMBER_ORDERS, PER_MEMBER_QUOTES
from commerce.members.queries import address_snapshot, get_address
from commerce.members.sessions import Shopper
from commerce.orders.actions import Actor
from commerce.orders.errors import IllegalTransition, OrderChanged
from commerce.orders.queries import OrderSummary, OrderView, find_own, list_own, view_order
from commerce.payments.actions import prepay_order
from commerce.payments.closing import cancel_order
from commerce.payments.errors import PaymentWindowOver
from commerce.ports import AlreadyPaid, OutsideRefused, OutsideUnknown
from commerce.pricing.rules import PriceStep
from commerce.stock.errors import OutOfStock
from kit.errors import InvalidInput, KeyReused, NotFound, TooManyRequests
from kit.geo import Point
from kit.limits import spend
from kit.money import Fen
from kit.web import Api, Call, Id, Page, PageQuery, Struct, next_cursor, read_cursor
from kit.web.endpoints import Key
from kit.web.problems import language_of
from miniprogram_api.session import authenticate
from models.enums import ActorKind, CloseReason, OrderStatus

orders: Api[Shopper] = Api("orders", "/v1", authenticate=authenticate)

OrderNo = Annotated[str, msgspec.Meta(pattern="^[0-9]{18}$", max_length=18)]


class OrderPath(Struct, frozen=True):
    no: OrderNo


class WantedLine(Struct, frozen=True):
    sku_id: Id
    quantity: Annotated[int, msgspec.Meta(ge=1, le=999)]


class QuoteWish(Struct, frozen=True):
    """`lines` absent: the whole cart. `address_id` absent: picked up at the store."""

    store_id: Id
    lines: Annotated[list[WantedLine], msgspec.Meta(min_length=1, max_length=100)] | None = None
    address_id: Id | None = None


class QuotedLineAnswer(Struct, frozen=True):
    sku_id: str
    title: str
    specs: dict[str, str]
    quantity: int
    unit_price_fen: Fen
    payable_fen: Fen


class PriceStepAnswer(Struct, frozen=True):
    """One readable line: `label` in the caller's language, `amount_fen` what it adds."""

    code: str
    label: str
    amount_fen: Fen


class QuoteAnswer(Struct, frozen=True):
    """The steps add up to `payable_fen`; order before `expires_at`."""

    id: UUID
    lines: list[QuotedLineAnswer]
    steps: list[PriceStepAnswer]
    goods_fen: Fen
    discount_fen: Fen
    freight_fen: Fen
    payable_fen: Fen
    expires_at: datetime


class Order(Struct, frozen=True):
    quote_id: UUID
    remark: Annotated[str, msgspec.Meta(max_length=200, pattern="^[^\\x00-\\x1f\\x7f]*$")] = ""


class OrderAnswer(Struct, frozen=True):
    """Pay before `pay_by`, or the order closes itself."""

    no: str
    payable_fen: Fen
    pay_by: datetime


class PaymentSheet(Struct, frozen=True, rename="camel"):
    """The parameters of `wx.requestPayment`, as WeChat names them."""

    app_id: str
    time_stamp: str
    nonce_str: str
    package: str
    sign_type: str
    pay_sign: str


class PaymentAnswer(Struct, frozen=True):
    """`sheet` is null when nothing is due: the order is paid already."""

    sheet: PaymentSheet | None


class OrderListQuery(PageQuery, frozen=True):
    status: OrderStatus | None = None


@orders.post(
    "/quotes",
    status=201,
    refuses=(
        OutOfStock,
        NotFound,
        TooManyRequests,
        checkout_errors.EmptyBasket,
        checkout_errors.GoodsUnavailable,
        checkout_errors.StoreClosed,
        checkout_errors.MethodNotOffered,
        checkout_errors.OutsideDeliveryArea,
        checkout_errors.BelowMinimum,
        checkout_errors.OrderTooLarge,
    ),
)
async def quote(call: Call[Shopper], body: QuoteWish) -> QuoteAnswer:
    """What the cart, or the given lines, cost at a store, explained line by line."""
    await spend(call.ctx.link, PER_MEMBER_QUOTES, call.viewer.caller)
    wish = Wish(
        store_id=int(body.store_id),
        quantities=_quantities(body.lines),
        destination=await _destination(call, body.address_id),
    )
    life = timedelta(seconds=call.ctx.settings.quote_seconds)
    made = await make_quote(call.viewer.member_id, wish, life=life, now=call.now)
    language = language_of(call.request)
    return QuoteAnswer(
        id=made.id,
        lines=[
            QuotedLineAnswer(
                str(line.sku_id),
                line.title,
                line.specs,
                line.quantity,
                line.unit_price_fen,
                line.payable_fen,
            )
            for line in made.price.lines
        ],
        steps=[_step(step, language) for step in made.price.steps],
        goods_fen=made.price.goods_fen,
        discount_fen=made.price.discount_fen,
        freight_fen=made.price.freight_fen,
        payable_fen=made.price.payable_fen,
        expires_at=made.expires_at,
    )


@orders.post(
    "/orders",
    status=201,
    key=Key.OWN,
    refuses=(
        OutOfStock,
        NotFound,
        KeyReused,
        TooManyRequests,
        checkout_errors.QuoteUsed,
        checkout_errors.QuoteExpired,
        checkout_errors.TooManyUnpaid,
        checkout_errors.PhoneInRemark,
    ),
)
async def order(call: Call[Shopper], body: Order) -> OrderAnswer:
    """Order what a quote says. The goods are held until `pay_by`."""
    await spend(call.ctx.link, PER_MEMBER_ORDERS, call.viewer.caller)
    placed = await place_order(
        call.viewer.member_id,
        OrderIntent(body.quote_id, call.key or "", body.remark),
        window=timedelta(seconds=call.ctx.settings.payment_window_seconds),
        now=call.now,
    )
    return OrderAnswer(placed.no, placed.payable_fen, placed.pay_by)


@orders.get("/orders")
async def list_orders(call: Call[Shopper], query: OrderListQuery) -> Page[OrderSummary]:
    """My orders, newest first."""
    position = read_cursor(query.cursor, tuple[int])
    found = await list_own(
        call.viewer.member_id,
        query.status,
        before_id=position[0] if position else None,
        limit=query.limit,
    )
    last = next_cursor(found[-1][0]) if len(found) == query.limit else None
    return Page([summary for _, summary in found], last)


@orders.get("/orders/{no}", refuses=(NotFound,))
async def show_order(call: Call[Shopper], path: OrderPath) -> OrderView:
    """One of my orders with its lines, its pick-up code and its whole timeline."""
    found = await find_own(path.no, call.viewer.member_id)
    return await view_order(found.id, show_code=True)


@orders.post(
    "/orders/{no}/payment",
    status=201,
    key=Key.OWN,
    refuses=(
        NotFound,
        AlreadyPaid,
        PaymentWindowOver,
        OrderChanged,
        OutsideRefused,
        OutsideUnknown,
    ),
)
async def pay(call: Call[Shopper], path: OrderPath) -> PaymentAnswer:
    """The signed parameters for `wx.requestPayment`. Asking again gives the same trade."""
    gateway = call.ctx.ports.payments
    prepay_id = await prepay_order(
        path.no,
        member_id=call.viewer.member_id,
        openid=call.viewer.openid,
        gateway=gateway,
        now=call.now,
    )
    if prepay_id is None:
        return PaymentAnswer(None)
    return PaymentAnswer(msgspec.convert(gateway.payment_sheet(prepay_id, call.now), PaymentSheet))


@orders.post(
    "/orders/{no}/cancellation",
    key=Key.OWN,
    refuses=(NotFound, IllegalTransition, OrderChanged, OutsideRefused, OutsideUnknown),
)
async def cancel(call: Call[Shopper], path: OrderPath) -> OrderView:
    """Cancel my order while its goods are in the house; what was paid is refunded in full."""
    found = await find_own(path.no, call.viewer.member_id)
    await cancel_order(
        found.id,
        CloseReason.CANCELLED_BY_MEMBER,
        Actor(ActorKind.MEMBER, call.viewer.member_id),
        till=call.ctx.till,
        now=call.now,
    )
    return await view_order(found.id, show_code=True)


def _quantities(lines: list[WantedLine] | None) -> dict[int, int] | None:
    if lines is None:
        return None
    quantities = {int(line.sku_id): line.quantity for line in lines}
    if len(quantities) < len(lines):
        raise InvalidInput(fields={"lines": "the same sku_id twice"})
    return quantities


async def _destination(call: Call[Shopper], address_id: str | None) -> Destination | None:
    if address_id is None:
        return None
    sealer = call.ctx.sealer
    address = await get_address(int(address_id), call.viewer.member_id, sealer)
    return Destination(
        address_snapshot(address, sealer), Point(address.content.lat, address.content.lng)
    )


def _step(step: PriceStep, language: str) -> PriceStepAnswer:
    label = step.label_en if language == "en" else step.label_zh
    return PriceStepAnswer(step.code, label, step.amount_fen)
