"""What of a cart can be bought in a store, and what stands in the way. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kit.money import Fen


class Problem(StrEnum):
    """DELISTED: gone from the range. OUT_OF_STOCK: none here. QUANTITY_REDUCED: fewer than wanted."""

    DELISTED = "delisted"
    OUT_OF_STOCK = "out_of_stock"
    QUANTITY_REDUCED = "quantity_reduced"


@dataclass(frozen=True, slots=True)
class CartLine:
    """A wanted SKU as a store has it. `available` is None while no store is chosen.

    `sellable` is how many of `quantity` could be bought now; only they count in `goods_fen`.
    """

    sku_id: int
    product_id: int
    title: str
    specs: dict[str, str]
    picture: str | None
    unit_price_fen: Fen
    quantity: int
    available: int | None
    sellable: int
    problems: tuple[Problem, ...]

    @property
    def goods_fen(self) -> Fen:
        return Fen(self.unit_price_fen * self.sellable)


@dataclass(frozen=True, slots=True)
class Cart:
    """Lines in the order in which they were added; the totals count what is sellable."""

    lines: tuple[CartLine, ...]
    quantity: int
    goods_fen: Fen


def sellable(
    quantity: int, available: int | None, *, is_listed: bool
) -> tuple[int, tuple[Problem, ...]]:
    """How many of `quantity` can be bought, and what stands in the way of the rest."""
    if not is_listed:
        return 0, (Problem.DELISTED,)
    if available is None or available >= quantity:
        return quantity, ()
    if available <= 0:
        return 0, (Problem.OUT_OF_STOCK,)
    return available, (Problem.QUANTITY_REDUCED,)


def add_up(lines: Sequence[CartLine]) -> Cart:
    """The cart of these lines."""
    return Cart(
        tuple(lines),
        quantity=sum(line.sellable for line in lines),
        goods_fen=Fen(sum(line.goods_fen for line in lines)),
    )
