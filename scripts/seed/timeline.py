"""Who took which step of an order, and when: the timeline the shop itself would have written."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from commerce.orders.actions import SYSTEM, WECHAT, Actor
from models.enums import ActorKind, CloseReason, FulfilmentStatus, OrderStatus, StepSubject
from scripts.town.town import Town, TownMethod, TownOrder, TownRole

# How often it is the shopper who changes his mind, not the store that lacks the goods.
BY_MEMBER: Final = 0.7


@dataclass(frozen=True, slots=True)
class Step:
    subject: StepSubject
    old: OrderStatus | FulfilmentStatus | None
    new: OrderStatus | FulfilmentStatus
    actor: Actor
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Crew:
    """Ids of those who hand out and bring the goods of one store."""

    counter: tuple[int, ...]
    road: tuple[int, ...]


def crews(town: Town, staff_ids: Mapping[str, int]) -> dict[str, Crew]:
    """Who works in each store, by its code; where nobody else does, its manager does it all."""
    posts: dict[tuple[str, TownRole], list[int]] = defaultdict(list)
    for staff in town.staff:
        for code in staff.store_codes:
            posts[code, staff.role].append(staff_ids[staff.account])
    found = {}
    for code in {code for code, _ in posts}:
        managers = posts[code, TownRole.STORE_MANAGER]
        counter = posts[code, TownRole.CLERK] or managers
        found[code] = Crew(tuple(counter), tuple(posts[code, TownRole.RIDER] or managers))
    return found


def tell(order: TownOrder, member_id: int, crew: Crew, dice: Random) -> list[Step]:
    """Every step `order` has taken, in its order."""
    member = Actor(ActorKind.MEMBER, member_id)
    steps = [_order(None, OrderStatus.UNPAID, member, order.placed_at)]
    if order.paid_at is None:
        assert order.closed_at is not None
        reason = CloseReason.EXPIRED
        return [
            *steps,
            _order(OrderStatus.UNPAID, OrderStatus.CLOSED, SYSTEM, order.closed_at, reason),
        ]
    steps.append(_order(OrderStatus.UNPAID, OrderStatus.PAID, WECHAT, order.paid_at))
    steps.append(_fulfilment(None, FulfilmentStatus.WAITING, WECHAT, order.paid_at))
    if order.closed_at is not None:
        is_members = dice.random() < BY_MEMBER
        return [
            *steps,
            *_undo(order.closed_at, member if is_members else _one_of(crew.counter, dice)),
        ]
    return [*steps, *_way(order, crew, dice)]


def status_of(steps: Sequence[Step], subject: StepSubject) -> OrderStatus | FulfilmentStatus | None:
    """Where the last step of `subject` led; None when it took none."""
    return next((step.new for step in reversed(steps) if step.subject is subject), None)


def _undo(at: datetime, actor: Actor) -> Iterator[Step]:
    is_members = actor.kind is ActorKind.MEMBER
    reason = CloseReason.CANCELLED_BY_MEMBER if is_members else CloseReason.CANCELLED_BY_STAFF
    yield _fulfilment(FulfilmentStatus.WAITING, FulfilmentStatus.CANCELLED, actor, at)
    yield _order(OrderStatus.PAID, OrderStatus.CLOSED, actor, at, reason)


def _way(order: TownOrder, crew: Crew, dice: Random) -> Iterator[Step]:
    """From the counter to the shopper, as far as it came."""
    counter = _one_of(crew.counter, dice)
    is_delivery = order.method is TownMethod.DELIVERY
    bringer = _one_of(crew.road, dice) if is_delivery else counter
    old = FulfilmentStatus.WAITING
    for new, at, actor in (
        (FulfilmentStatus.PREPARING, order.preparing_at, counter),
        (FulfilmentStatus.READY, order.ready_at, counter),
        (FulfilmentStatus.DELIVERING, order.delivering_at, bringer),
        (FulfilmentStatus.HANDED_OVER, order.handed_over_at, bringer),
    ):
        if at is not None:
            yield _fulfilment(old, new, actor, at)
            old = new
    if order.handed_over_at is not None:
        yield _order(OrderStatus.PAID, OrderStatus.COMPLETED, bringer, order.handed_over_at)


def _one_of(staff_ids: tuple[int, ...], dice: Random) -> Actor:
    return Actor(ActorKind.STAFF, dice.choice(staff_ids))


def _order(
    old: OrderStatus | None,
    new: OrderStatus,
    actor: Actor,
    at: datetime,
    reason: CloseReason | None = None,
) -> Step:
    return Step(StepSubject.ORDER, old, new, actor, at, reason or "")


def _fulfilment(
    old: FulfilmentStatus | None, new: FulfilmentStatus, actor: Actor, at: datetime
) -> Step:
    return Step(StepSubject.FULFILMENT, old, new, actor, at)
