"""Which order and which fulfilment may become what. Pure."""

from commerce.orders.errors import IllegalTransition
from models.enums import DeliveryMethod, FulfilmentStatus, OrderStatus

NEXT: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.UNPAID: frozenset({OrderStatus.PAID, OrderStatus.CLOSED}),
    OrderStatus.PAID: frozenset({OrderStatus.COMPLETED, OrderStatus.CLOSED}),
    OrderStatus.COMPLETED: frozenset(),
    OrderStatus.CLOSED: frozenset(),
}

_TO_THE_DOOR = {
    FulfilmentStatus.WAITING: frozenset({FulfilmentStatus.PREPARING, FulfilmentStatus.CANCELLED}),
    FulfilmentStatus.PREPARING: frozenset({FulfilmentStatus.READY, FulfilmentStatus.CANCELLED}),
    FulfilmentStatus.HANDED_OVER: frozenset(),
    FulfilmentStatus.CANCELLED: frozenset(),
}

NEXT_FULFILMENT: dict[DeliveryMethod, dict[FulfilmentStatus, frozenset[FulfilmentStatus]]] = {
    DeliveryMethod.PICKUP: _TO_THE_DOOR
    | {
        FulfilmentStatus.READY: frozenset(
            {FulfilmentStatus.HANDED_OVER, FulfilmentStatus.CANCELLED}
        )
    },
    DeliveryMethod.DELIVERY: _TO_THE_DOOR
    | {
        FulfilmentStatus.READY: frozenset(
            {FulfilmentStatus.DELIVERING, FulfilmentStatus.CANCELLED}
        ),
        FulfilmentStatus.DELIVERING: frozenset({FulfilmentStatus.HANDED_OVER}),
    },
}

# The steps somebody outside waits for; the others stand in the timeline.
ANNOUNCED = frozenset({OrderStatus.PAID})
ANNOUNCED_FULFILMENT = frozenset({FulfilmentStatus.READY})


def check_transition(old: OrderStatus, new: OrderStatus) -> None:
    """Raise `IllegalTransition` unless an order may go from `old` to `new`."""
    if new not in NEXT[old]:
        raise IllegalTransition(old=old.value, new=new.value)


def check_fulfilment(method: DeliveryMethod, old: FulfilmentStatus, new: FulfilmentStatus) -> None:
    """Raise `IllegalTransition` unless a fulfilment by `method` may go from `old` to `new`."""
    if new not in NEXT_FULFILMENT[method].get(old, frozenset()):
        raise IllegalTransition(old=old.value, new=new.value)
