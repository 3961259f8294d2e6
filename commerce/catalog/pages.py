"""Pages of product cards: conditions, an order, and the place where the next page begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
import orjson

from commerce.catalog.rules.pictures import PICTURES
from kit import db
from kit.money import LARGEST, Fen


class Sort(StrEnum):
    NEW = "new"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"


# The ranks and the id of the last row of a page.
Position = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One page; `last` is where the next one begins behind, None when there is none.

    Each card is the JSON of a `ProductCard` as PostgreSQL writes it.
    """

    cards: list[msgspec.Raw]
    last: Position | None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which products: all that is given must hold. Prices and stock are those at the store."""

    category_id: int | None = None
    brand: str | None = None
    price_from_fen: Fen | None = None
    price_to_fen: Fen | None = None
    attributes: Mapping[str, str] | None = None
    in_stock: bool = False


class Conditions:
    """Conditions on the listed `product p` and their values; $1 is the store (null: none)."""

    def __init__(self, store_id: int | None) -> None:
        self.args: list[object] = [store_id]
        self._clauses = [LISTED]

    def __str__(self) -> str:
        return " and ".join(self._clauses)

    def bind(self, value: object) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    def add(self, clause: str, *values: object) -> None:
        """Our own SQL, with {} where the (bound) values go."""
        self._clauses.append(clause.format(*(self.bind(value) for value in values)))

    def apply(self, filters: Filters) -> None:
        """Everything but the category."""
        if filters.brand is not None:
            self.add("p.brand = {}", filters.brand)
        if filters.attributes:
            self.add("p.attributes @> {}::jsonb", orjson.dumps(filters.attributes).decode())
        if filters.price_from_fen is not None or filters.price_to_fen is not None:
            highest = LARGEST if filters.price_to_fen is None else filters.price_to_fen
            self.add(_PRICED, filters.price_from_fen or 0, highest)
        if filters.in_stock:
            self.add(_IN_STOCK)


async def newest(
    conditions: Conditions, category_id: int | None, after: Position | None, *, limit: int
) -> Found:
    """The products of `conditions` (below the category), the newest first."""
    if after is not None:
        conditions.add("p.id < {}::bigint", *after)
    if category_id is None:
        shown = _NEWEST.format(conditions=conditions, more=limit + 1)
    else:
        branch = BRANCH.format(conditions.bind(category_id))
        shown = _NEWEST_BELOW.format(branch=branch, conditions=conditions, more=limit + 1)
    return await _page(conditions, shown, ["id"], limit=limit, order="id desc")


async def ranked(
    conditions: Conditions, ranks: Sequence[str], after: Position | None, *, limit: int, down: bool
) -> Found:
    """The products of `conditions` by `ranks` (SQL), then id, all rising or all falling (`down`)."""
    names = [f"rank_{at}" for at in range(len(ranks))]
    worked_out = [f"({rank})::bigint as {name}" for rank, name in zip(ranks, names, strict=True)]
    names.append("id")
    behind = "true"
    if after is not None:
        place = ", ".join(f"{conditions.bind(value)}::bigint" for value in after)
        behind = f"({', '.join(names)}) {'<' if down else '>'} ({place})"
    order = ", ".join(f"{name} {'desc' if down else 'asc'}" for name in names)
    shown = _RANKED.format(
        ranks=", ".join(worked_out),
        conditions=conditions,
        behind=behind,
        order=order,
        more=limit + 1,
    )
    return await _page(conditions, shown, names, limit=limit, order=order)


async def _page(
    conditions: Conditions, shown: str, names: Sequence[str], *, limit: int, order: str
) -> Found:
    """Cards for the rows of `shown`, which has one more than fits when there is a next page."""
    query = _CARDS.format(pictures=PICTURES, names=", ".join(names), shown=shown, order=order)
    records = await db.rows(query, *conditions.args)
    cards = [msgspec.Raw(record["card"]) for record in records[:limit]]
    is_last = len(records) <= limit
    return Found(cards, None if is_last else tuple(records[limit - 1][name] for name in names))


LISTED: Final = """p.status = 'listed'
    and exists (select from sku k where k.product_id = p.id and k.is_active)"""

BRANCH: Final = """
    with recursive branch (id) as (
        select {}::bigint union select c.id from category c join branch on c.parent_id = branch.id
    ) select id from branch
"""
BELOW: Final = f"p.category_id = any(array({BRANCH}))"

# Limits are part of the text: without knowing them PostgreSQL thinks a kept plan worse than a new
# one, and plans every time (1 ms of 1.7).
_NEWEST: Final = "select p.id from product p where {conditions} order by p.id desc limit {more}"

# The newest of each category in the branch, then of them all: the planner cannot know how large
# a branch is, and walking the primary key for a small one took 20 ms among 30,000 products.
_NEWEST_BELOW: Final = """
    select newest.id from ({branch}) branch cross join lateral (
        select p.id from product p where p.category_id = branch.id and {conditions}
        order by p.id desc limit {more}
    ) newest order by newest.id desc limit {more}
"""

# Ranks are worked out once per product: "offset 0" keeps them from being copied into the
# comparison.
_RANKED: Final = """
    select * from (
        select p.id, {ranks} from product p where {conditions} offset 0
    ) found where {behind} order by {order} limit {more}
"""

_PRICED: Final = """exists (
    select from sku k left join store_price sp on sp.store_id = $1::bigint and sp.sku_id = k.id
    where k.product_id = p.id and k.is_active
        and coalesce(sp.price_fen, k.list_price_fen) between {}::bigint and {}::bigint
)"""

_IN_STOCK: Final = """exists (
    select from sku k join stock_level l on l.store_id = $1::bigint and l.sku_id = k.id
    where k.product_id = p.id and k.is_active and l.on_hand > l.reserved
)"""

_CARDS: Final = """
    select {names}, card from ({shown}) shown cross join lateral (
        select convert_to(json_build_object(
            'id', p.id::text, 'title', p.title, 'brand', p.brand, 'unit', p.unit,
            'category_id', p.category_id::text, 'picture', '{pictures}' || (p.pictures ->> 0),
            'price_from_fen', min(coalesce(sp.price_fen, k.list_price_fen)),
            'price_to_fen', max(coalesce(sp.price_fen, k.list_price_fen)),
            'sku_count', count(*),
            'sku_id', case when count(*) = 1 then min(k.id)::text end,
            'available', case when $1::bigint is not null
                then coalesce(sum(l.on_hand - l.reserved), 0) end
        )::text, 'UTF8') as card
        from product p join sku k on k.product_id = p.id and k.is_active
        left join store_price sp on sp.store_id = $1::bigint and sp.sku_id = k.id
        left join stock_level l on l.store_id = $1::bigint and l.sku_id = k.id
        where p.id = shown.id group by p.id
    ) carded order by {order}
"""
