"""Reading the catalogue as shoppers may: listed products, active SKUs, stock as it is now."""

from collections.abc import Sequence
from typing import Final

import msgspec

from commerce.catalog.coalescing import Coalesced
from commerce.catalog.pages import (
    BELOW,
    LISTED,
    Conditions,
    Filters,
    Found,
    Position,
    Sort,
    newest,
    ranked,
)
from commerce.catalog.rules.pictures import PICTURES
from commerce.catalog.rules.search import grams, like_pattern
from commerce.catalog.views import BrandView, CategoryView
from kit import db
from kit.errors import NotFound


async def list_categories() -> list[CategoryView]:
    """The whole tree, roots first, siblings in the shop's order."""
    records = await db.rows("select id, parent_id, name from category order by position, id")
    shelves = {
        record["id"]: CategoryView(str(record["id"]), record["name"], []) for record in records
    }
    roots: list[CategoryView] = []
    for record in records:
        parent = shelves.get(record["parent_id"])
        (parent.children if parent else roots).append(shelves[record["id"]])
    return roots


async def list_brands(category_id: int | None) -> list[BrandView]:
    """The brands of what is listed (below the category), the largest first, at most 200."""
    records = await db.rows(_BRANDS, category_id)
    return [BrandView(record["brand"], record["products"]) for record in records]


async def get_product(product_id: int, store_id: int | None) -> msgspec.Raw:
    """The product with its SKU matrix, as the JSON of a `ProductView`.

    Prices and stock are `store_id`'s, read after the question was asked; a store that does not
    carry a SKU has none available. PostgreSQL writes the JSON: to take it apart and put it together
    again cost a tenth of the request. Not inside `kit.db.tx()`. Raises `NotFound` unless the
    product is listed and has an active SKU.
    """
    found = await _products.ask((product_id, store_id))
    if found is None:
        raise NotFound
    return found


async def list_products(
    filters: Filters, sort: Sort, *, store_id: int | None, after: Position | None, limit: int
) -> Found:
    """One page of listed products behind `after`.

    Sorting by price goes by the lowest price among a product's active SKUs at the store.
    """
    conditions = Conditions(store_id)
    conditions.apply(filters)
    if sort is Sort.NEW:
        return await newest(conditions, filters.category_id, after, limit=limit)
    if filters.category_id is not None:
        conditions.add(BELOW, filters.category_id)
    down = sort is Sort.PRICE_DESC
    return await ranked(conditions, [_LOWEST_PRICE], after, limit=limit, down=down)


async def search_products(
    words: Sequence[str], *, store_id: int | None, after: Position | None, limit: int
) -> Found:
    """One page of the listed products that have every word (from `search_words`) in their keys.

    Best first: a whole code or barcode, the beginning of the title, elsewhere in the title, the
    brand, the beginning of a pinyin or category, anything else; among equals the shorter title.
    """
    conditions = Conditions(store_id)
    conditions.add("p.search_grams @> {}::text[]", grams(words))
    patterns = conditions.bind([like_pattern(word) for word in words])
    conditions.add(f"p.search_keys like all({patterns}::text[])")
    whole, first = conditions.bind(" ".join(words)), conditions.bind(words[0])
    closeness = _CLOSENESS.format(patterns=patterns, whole=whole, first=first)
    return await ranked(conditions, [closeness, _TITLE_LENGTH], after, limit=limit, down=False)


async def _read_products(
    asked: Sequence[tuple[int, int | None]],
) -> dict[tuple[int, int | None], msgspec.Raw]:
    products, stores = zip(*asked, strict=True)
    records = await db.rows(_PRODUCTS, products, stores)
    return {asked[record["n"] - 1]: msgspec.Raw(record["product"]) for record in records}


_products: Final = Coalesced(_read_products, "catalog.products")

_LOWEST_PRICE: Final = """
    select min(coalesce(sp.price_fen, k.list_price_fen))
    from sku k left join store_price sp on sp.store_id = $1::bigint and sp.sku_id = k.id
    where k.product_id = p.id and k.is_active
"""

# After a line break come title, brand and codes, a line each (rules/search.py).
_TITLE_LENGTH: Final = "length(split_part(p.search_keys, e'\\n', 2))"
_CLOSENESS: Final = """case
    when strpos(split_part(p.search_keys, e'\\n', 4), ' ' || {whole}::text || ' ') > 0 then 0
    when starts_with(p.search_keys, e'\\n' || {first}::text) then 1
    when split_part(p.search_keys, e'\\n', 2) like all({patterns}::text[]) then 2
    when split_part(p.search_keys, e'\\n', 3) like all({patterns}::text[]) then 3
    when strpos(p.search_keys, e'\\n' || {first}::text) > 0 then 4
    else 5 end"""

_BRANDS: Final = f"""
    select p.brand, count(*) as products from product p
    where {LISTED} and p.brand <> '' and ($1::bigint is null or {BELOW.format("$1")})
    group by p.brand order by products desc, p.brand limit 200
"""  # noqa: S608 - our own constants

_PRODUCTS: Final = f"""
    select asked.n, convert_to(json_build_object(
        'id', p.id::text, 'code', p.code, 'title', p.title, 'brand', p.brand, 'unit', p.unit,
        'description', p.description, 'category_id', p.category_id::text,
        'pictures', (
            select coalesce(json_agg('{PICTURES}' || name order by place), '[]')
            from jsonb_array_elements_text(p.pictures) with ordinality named (name, place)
        ),
        'attributes', p.attributes, 'specs', p.specs,
        'price_from_fen', matrix.lowest, 'price_to_fen', matrix.highest, 'skus', matrix.skus
    )::text, 'UTF8') as product
    from unnest($1::bigint[], $2::bigint[]) with ordinality asked (product_id, store_id, n)
    join product p on p.id = asked.product_id and p.status = 'listed'
    cross join lateral (
        select min(price_fen) as lowest, max(price_fen) as highest,
            json_agg(json_build_object(
                'id', id::text, 'code', code, 'specs', specs, 'barcode', barcode,
                'weight_grams', weight_grams, 'list_price_fen', list_price_fen,
                'price_fen', price_fen, 'available', available
            ) order by id) as skus
        from (
            select k.*, coalesce(sp.price_fen, k.list_price_fen) as price_fen,
                case when asked.store_id is not null
                    then coalesce(l.on_hand - l.reserved, 0) end as available
            from sku k
            left join store_price sp on sp.store_id = asked.store_id and sp.sku_id = k.id
            left join stock_level l on l.store_id = asked.store_id and l.sku_id = k.id
            where k.product_id = p.id and k.is_active
        ) at_store
    ) matrix
    where matrix.skus is not null
"""  # noqa: S608 - our own constant
