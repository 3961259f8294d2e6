"""The times of an order's steps, and how far it came until the story ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from scripts.town.town import TownMethod, TownOutcome, TownStore

PAY_WITHIN: Final = timedelta(minutes=15)
EXPIRED_SHARE: Final = 0.05
REFUNDED_SHARE: Final = 0.035

# Most of the last hours' orders are still under way, so that the staff find something to do.
LAST_HOURS: Final = timedelta(hours=6)

PICKUP_WAY: Final = (
    TownOutcome.PAID,
    TownOutcome.PREPARING,
    TownOutcome.READY,
    TownOutcome.COMPLETED,
)
DELIVERY_WAY: Final = (*PICKUP_WAY[:3], TownOutcome.DELIVERING, TownOutcome.COMPLETED)


@dataclass(frozen=True, slots=True)
class Steps:
    outcome: TownOutcome
    paid_at: datetime | None = None
    preparing_at: datetime | None = None
    ready_at: datetime | None = None
    delivering_at: datetime | None = None
    handed_over_at: datetime | None = None
    closed_at: datetime | None = None


def draw_steps(
    dice: Random, store: TownStore, method: TownMethod, *, placed_at: datetime, as_of: datetime
) -> Steps:
    """What became of an order placed at `placed_at`; no step is later than `as_of`."""
    luck = dice.random()
    paid_at = placed_at + timedelta(seconds=dice.randint(8, 170))
    if luck < EXPIRED_SHARE and placed_at + PAY_WITHIN <= as_of:
        return Steps(TownOutcome.EXPIRED, closed_at=placed_at + PAY_WITHIN)
    closed_at = paid_at + timedelta(seconds=dice.randint(60, 900))
    if luck < EXPIRED_SHARE + REFUNDED_SHARE and closed_at <= as_of:
        return Steps(TownOutcome.REFUNDED, paid_at=paid_at, closed_at=closed_at)
    return _fulfilment(dice, store, method, paid_at=paid_at, as_of=as_of)


def _fulfilment(
    dice: Random, store: TownStore, method: TownMethod, *, paid_at: datetime, as_of: datetime
) -> Steps:
    times = _times(dice, store, method, paid_at)
    is_recent = as_of - paid_at < LAST_HOURS
    furthest = dice.randrange(len(times)) if is_recent and dice.random() < 0.7 else len(times)
    reached = [at for at in times[:furthest] if at <= as_of]
    padded: list[datetime | None] = [*reached, *[None] * (len(times) - len(reached))]
    preparing_at, ready_at, *rest = padded
    is_delivery = method is TownMethod.DELIVERY
    ways = DELIVERY_WAY if is_delivery else PICKUP_WAY
    return Steps(
        outcome=ways[len(reached)],
        paid_at=paid_at,
        preparing_at=preparing_at,
        ready_at=ready_at,
        delivering_at=rest[0] if is_delivery else None,
        handed_over_at=rest[-1],
    )


def _times(dice: Random, store: TownStore, method: TownMethod, paid_at: datetime) -> list[datetime]:
    """When it is taken up, ready, (on the road,) and handed over."""
    seconds = [
        dice.randint(40, 420),
        round(store.preparation_minutes * dice.uniform(30, 72)),
    ]
    if method is TownMethod.DELIVERY:
        seconds += [dice.randint(60, 480), dice.randint(480, 2100)]
    else:
        seconds.append(min(5400, 120 + round(dice.expovariate(1 / 1200))))
    return [paid_at + timedelta(seconds=total) for total in accumulate(seconds)]
