"""The store's desk: paid orders, preparing, handing over, undoing."""

from typing import Annotated, Final

import msgspec

from commerce.members.queries import open_snapshot
from commerce.members.rules import AddressContent
from commerce.orders import desk
from commerce.orders.errors import IllegalTransition, OrderChanged, PickupCodeWrong
from commerce.orders.queries import (
    OrderSummary,
    OrderView,
    find_in_stores,
    list_of_store,
    view_order,
)
from commerce.payments.desk import cancel_by_staff
from commerce.ports import OutsideRefused, OutsideUnknown
from commerce.staff.rules import Right, StaffViewer, check_store
from kit.errors import Forbidden, NotFound, TooManyRequests
from kit.limits import Limit, only_failures_count
from kit.web import Api, Call, Id, Page, PageQuery, Struct, next_cursor, read_cursor
from kit.web.endpoints import Key
from models.enums import FulfilmentStatus, OrderStatus
from staff_api.session import authenticate, needs

desk_api: Api[StaffViewer] = Api("desk", "/v1/staff", authenticate=authenticate)

# Wrong pick-up codes. A clerk with cold fingers mistypes a few; a store's limit holds for several
# accounts together, and one account alone cannot use it up and stop the counter. Of 50 live codes
# among 10^8, 60 guesses in each quarter of an hour meet one in about a year.
WRONG_CODES_OF_STAFF: Final = Limit("wrong_codes_of_staff", tries=20, window_seconds=900)
WRONG_CODES_OF_STORE: Final = Limit("wrong_codes_of_store", tries=60, window_seconds=900)

OrderNo = Annotated[str, msgspec.Meta(pattern="^[0-9]{18}$", max_length=18)]


class StorePath(Struct, frozen=True):
    store_id: Id


class OrderPath(Struct, frozen=True):
    no: OrderNo


class StoreOrdersQuery(PageQuery, frozen=True):
    status: OrderStatus | None = None
    fulfilment: FulfilmentStatus | None = None


class PickupCode(Struct, frozen=True):
    code: Annotated[str, msgspec.Meta(pattern="^[0-9]{8}$", max_length=8)]


class Stepped(Struct, frozen=True):
    """Kept for repeats of the request, so it says nothing that a right could later forbid to see."""

    order_no: str
    fulfilment: FulfilmentStatus


class Redeemed(Struct, frozen=True):
    order_no: str


@desk_api.get(
    "/stores/{store_id}/orders", guard=needs(Right.VIEW_ORDERS), refuses=(Forbidden, NotFound)
)
async def list_store_orders(
    call: Call[StaffViewer], path: StorePath, query: StoreOrdersQuery
) -> Page[OrderSummary]:
    """The orders of one of my stores, newest first."""
    store_id = int(path.store_id)
    check_store(call.viewer, store_id)
    position = read_cursor(query.cursor, tuple[int])
    found = await list_of_store(
        store_id,
        query.status,
        query.fulfilment,
        before_id=position[0] if position else None,
        limit=query.limit,
    )
    last = next_cursor(found[-1][0]) if len(found) == query.limit else None
    return Page([summary for _, summary in found], last)


@desk_api.get("/orders/{no}", guard=needs(Right.VIEW_ORDERS), refuses=(Forbidden, NotFound))
async def show_store_order(call: Call[StaffViewer], path: OrderPath) -> OrderView:
    """An order of one of my stores. The pick-up code stays with the shopper."""
    found = await find_in_stores(path.no, call.viewer.store_ids)
    return await view_order(found.id, show_code=False)


@desk_api.get("/orders/{no}/address", guard=needs(Right.DELIVER), refuses=(Forbidden, NotFound))
async def show_order_address(call: Call[StaffViewer], path: OrderPath) -> AddressContent:
    """Where a delivery of one of my stores goes. Each look is recorded."""
    sealed, member_id = await desk.read_address(path.no, call.viewer, call.now)
    return open_snapshot(sealed, member_id, call.ctx.sealer)


@desk_api.post(
    "/orders/{no}/preparation",
    key=Key.ONCE,
    guard=needs(Right.PREPARE),
    refuses=(Forbidden, NotFound, IllegalTransition, OrderChanged),
)
async def prepare(call: Call[StaffViewer], path: OrderPath) -> Stepped:
    """Take the order on and start to prepare it."""
    return await _step(call, path.no, FulfilmentStatus.PREPARING)


@desk_api.post(
    "/orders/{no}/readiness",
    key=Key.ONCE,
    guard=needs(Right.PREPARE),
    refuses=(Forbidden, NotFound, IllegalTransition, OrderChanged),
)
async def make_ready(call: Call[StaffViewer], path: OrderPath) -> Stepped:
    """The goods are packed: the shopper is told."""
    return await _step(call, path.no, FulfilmentStatus.READY)


@desk_api.post(
    "/orders/{no}/departure",
    key=Key.ONCE,
    guard=needs(Right.DELIVER),
    refuses=(Forbidden, NotFound, IllegalTransition, OrderChanged),
)
async def depart(call: Call[StaffViewer], path: OrderPath) -> Stepped:
    """The delivery is on its way."""
    return await _step(call, path.no, FulfilmentStatus.DELIVERING)


@desk_api.post(
    "/orders/{no}/arrival",
    key=Key.ONCE,
    guard=needs(Right.DELIVER),
    refuses=(Forbidden, NotFound, IllegalTransition, OrderChanged),
)
async def arrive(call: Call[StaffViewer], path: OrderPath) -> Stepped:
    """The delivery was handed over at the door. A pick-up is handed over by its code alone."""
    return await _step(call, path.no, FulfilmentStatus.HANDED_OVER)


@desk_api.post(
    "/stores/{store_id}/redemptions",
    key=Key.ONCE,
    guard=needs(Right.REDEEM),
    refuses=(
        Forbidden,
        NotFound,
        PickupCodeWrong,
        IllegalTransition,
        OrderChanged,
        TooManyRequests,
    ),
)
async def redeem(call: Call[StaffViewer], path: StorePath, body: PickupCode) -> Redeemed:
    """Hand the goods behind a pick-up code over, once, in its store.

    Wrong codes are counted, per account and per store: who guesses must rest.
    """
    store_id = int(path.store_id)
    check_store(call.viewer, store_id)
    # In Redis, within the key's transaction: a refusal rolls back, and the count of it must stand.
    async with only_failures_count(
        call.ctx.link,
        (WRONG_CODES_OF_STAFF, call.viewer.caller),
        (WRONG_CODES_OF_STORE, f"store:{store_id}"),
    ):
        return Redeemed(await desk.redeem(store_id, body.code, call.viewer, call.now))


@desk_api.post(
    "/orders/{no}/cancellation",
    key=Key.OWN,
    guard=needs(Right.CANCEL_REFUND),
    refuses=(Forbidden, NotFound, IllegalTransition, OrderChanged, OutsideRefused, OutsideUnknown),
)
async def cancel_for_shopper(call: Call[StaffViewer], path: OrderPath) -> OrderView:
    """Undo an order whose goods are in the house; what was paid is refunded in full."""
    order_id = await cancel_by_staff(path.no, call.viewer, till=call.ctx.till, now=call.now)
    return await view_order(order_id, show_code=False)


async def _step(call: Call[StaffViewer], order_no: str, new: FulfilmentStatus) -> Stepped:
    await desk.take_step(order_no, new, call.viewer, call.now)
    return Stepped(order_no, new)
