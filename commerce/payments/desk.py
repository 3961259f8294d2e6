"""What staff do with money."""

from datetime import datetime

from commerce.orders.desk import staff_actor
from commerce.orders.queries import find_in_stores
from commerce.payments.closing import Till, cancel_order
from commerce.staff.actions import record
from commerce.staff.rules import StaffViewer
from models.enums import CloseReason


async def cancel_by_staff(order_no: str, viewer: StaffViewer, *, till: Till, now: datetime) -> int:
    """Undo an order of the viewer's stores and give the money back; its id.

    The audit line is written before: closing an unpaid order asks WeChat, and no transaction may
    stay open meanwhile. An attempt that is refused afterwards leaves its line, as an attempt.
    """
    order = await find_in_stores(order_no, viewer.store_ids)
    await record(viewer, "order.cancel", f"order:{order_no}", {}, now)
    reason = CloseReason.CANCELLED_BY_STAFF
    await cancel_order(order.id, reason, staff_actor(viewer), till=till, now=now)
    return order.id
