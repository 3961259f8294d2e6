"""What staff do with orders: the right to the store is in the query, the write is in the audit trail."""

from datetime import datetime

from commerce.orders.actions import Actor, advance, redeem_code
from commerce.orders.errors import IllegalTransition
from commerce.orders.queries import find_in_stores
from commerce.staff.actions import record
from commerce.staff.rules import StaffViewer
from kit import db
from kit.errors import NotFound
from models.enums import ActorKind, DeliveryMethod, FulfilmentStatus


def staff_actor(viewer: StaffViewer) -> Actor:
    return Actor(ActorKind.STAFF, viewer.staff_id)


async def take_step(
    order_no: str, new: FulfilmentStatus, viewer: StaffViewer, now: datetime
) -> None:
    """Take the next step with an order of the viewer's stores.

    `NotFound` for other stores' orders, `IllegalTransition` when it is not the next step. Only
    `redeem` hands a pick-up over: the code is the shopper's receipt.
    """
    async with db.tx():
        order = await find_in_stores(order_no, viewer.store_ids)
        if new is FulfilmentStatus.HANDED_OVER and order.method is DeliveryMethod.PICKUP:
            raise IllegalTransition(old=order.status.value, new=new.value)
        await advance(order.id, new, staff_actor(viewer), now)
        await record(viewer, f"fulfilment.{new.value}", f"order:{order_no}", {}, now)


async def redeem(store_id: int, code: str, viewer: StaffViewer, now: datetime) -> str:
    """Redeem a pick-up code in a store the viewer was checked for; the order's number."""
    async with db.tx():
        order_no = await redeem_code(store_id, code, staff_actor(viewer), now)
        await record(viewer, "pickup.redeemed", f"order:{order_no}", {}, now)
        return order_no


async def read_address(order_no: str, viewer: StaffViewer, now: datetime) -> tuple[str, int]:
    """The sealed address of a delivery and its member, and a line in the audit trail that it was read."""
    async with db.tx():
        order = await find_in_stores(order_no, viewer.store_ids)
        if order.address_sealed is None:
            raise NotFound
        await record(viewer, "address.read", f"order:{order_no}", {}, now)
        return order.address_sealed, order.member_id
