"""What stands on the shelves, and the journal that says how it came to be there."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Final

from models.enums import StockKind
from scripts.seed.accounts import UNDER_WAY
from scripts.seed.deals import Deal, Known
from scripts.town.town import Town, TownOutcome

Row = dict[str, object]
Shelf = tuple[str, str]  # store code, SKU code

# (on_hand, reserved) per unit.
_EFFECT: Final = {
    StockKind.COUNT: (1, 0),
    StockKind.HOLD: (0, 1),
    StockKind.RELEASE: (0, -1),
    StockKind.HAND_OVER: (-1, -1),
}


def levels(town: Town, known: Known) -> list[Row]:
    """The balance of every shelf when the story ends."""
    held = _units(town, UNDER_WAY)
    return [
        {
            "store_id": known.store_ids[shelf[0]],
            "sku_id": known.sku_ids[shelf[1]],
            "on_hand": on_hand,
            "reserved": held[shelf],
        }
        for shelf, on_hand in town.stock.items()
    ]


def journal(town: Town, known: Known, deals: Iterable[Deal], counted_at: datetime) -> list[Row]:
    """How `levels` came about: all that was ever there is counted, then every order moves it."""
    opening = Counter(town.stock) + _units(town, {TownOutcome.COMPLETED})
    counted = [
        _row(
            known.store_ids[store_code],
            known.sku_ids[sku_code],
            kind=StockKind.COUNT,
            cause="opening",
            units=units,
            at=counted_at,
        )
        for (store_code, sku_code), units in opening.items()
    ]
    moved = [movement for deal in deals for movement in _movements(deal)]
    return counted + [row for _, row in sorted(moved, key=lambda movement: movement[0])]


def _units(town: Town, outcomes: Collection[TownOutcome]) -> Counter[Shelf]:
    units: Counter[Shelf] = Counter()
    for order in town.orders:
        if order.outcome in outcomes:
            for line in order.lines:
                units[order.store_code, line.sku_code] += line.quantity
    return units


def _movements(deal: Deal) -> Iterator[tuple[datetime, Row]]:
    order = deal.order
    times = {
        StockKind.HOLD: order.placed_at,
        StockKind.RELEASE: order.closed_at,
        StockKind.HAND_OVER: order.handed_over_at,
    }
    for kind, at in times.items():
        if at is None:
            continue
        for line in deal.price.lines:
            yield (
                at,
                _row(
                    deal.store_id,
                    line.sku_id,
                    kind=kind,
                    cause=f"order:{deal.no}",
                    units=line.quantity,
                    at=at,
                ),
            )


def _row(
    store_id: int, sku_id: int, *, kind: StockKind, cause: str, units: int, at: datetime
) -> Row:
    d_on_hand, d_reserved = _EFFECT[kind]
    return {
        "store_id": store_id,
        "sku_id": sku_id,
        "kind": kind,
        "cause": cause,
        "d_on_hand": d_on_hand * units,
        "d_reserved": d_reserved * units,
        "at": at,
    }
