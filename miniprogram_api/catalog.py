"""Shoppers: categories, brands, products, search. Nobody needs to log in to look."""

from typing import Annotated, Literal, cast

import msgspec

from commerce.catalog import queries
from commerce.catalog.pages import Filters, Found, Position, Sort
from commerce.catalog.rules.search import search_words
from commerce.catalog.views import BrandView, CategoryView, ProductCard, ProductView
from kit.errors import InvalidInput, NotFound
from kit.money import LARGEST, Fen
from kit.web import Api, Call, Id, Page, PageQuery, Struct, next_cursor, read_cursor

catalog: Api[None] = Api("catalog", "/v1")

Price = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
# A position out of a cursor may be forged: it still has to fit the database's numbers.
Place = Annotated[int, msgspec.Meta(ge=0, le=10**18)]
Attributes = Annotated[
    str,
    msgspec.Meta(
        pattern="^[^:;]{1,32}:[^:;]{1,64}(;[^:;]{1,32}:[^:;]{1,64}){0,4}$",
        max_length=500,
        examples=["产地:山东", "产地:山东;保质期:12个月"],
    ),
]


class Categories(Struct, frozen=True):
    items: list[CategoryView]


class BrandsQuery(Struct, frozen=True):
    category_id: Id | None = None


class Brands(Struct, frozen=True):
    items: list[BrandView]


class ProductListQuery(PageQuery, frozen=True):
    """All filters must hold. `attribute` is "name:value", up to five joined by ";"."""

    category_id: Id | None = None
    brand: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    price_from_fen: Price | None = None
    price_to_fen: Price | None = None
    attribute: Attributes | None = None
    store_id: Id | None = None
    in_stock: bool = False
    sort: Sort = Sort.NEW


class SearchQuery(PageQuery, frozen=True, kw_only=True):
    q: Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["牛奶", "xnn"])]
    store_id: Id | None = None


class ProductPath(Struct, frozen=True):
    product_id: Id


class ProductQuery(Struct, frozen=True):
    store_id: Id | None = None


@catalog.get("/categories")
async def list_categories(_call: Call[None]) -> Categories:
    """The tree of categories, in the shop's own order."""
    return Categories(await queries.list_categories())


@catalog.get("/brands")
async def list_brands(_call: Call[None], query: BrandsQuery) -> Brands:
    """The brands on sale (in a category and all below it), those with most products first."""
    return Brands(await queries.list_brands(_number(query.category_id)))


@catalog.get("/products")
async def list_products(_call: Call[None], query: ProductListQuery) -> Page[ProductCard]:
    """The products on sale that pass every filter, page by page.

    A category includes everything below it. With `store_id`, prices and availability are that
    store's; `in_stock=true` leaves out what it cannot hand over now. A `next_cursor` belongs to
    the `sort` it came from.
    """
    if query.in_stock and query.store_id is None:
        raise InvalidInput(fields={"store_id": "needed with in_stock"})
    found = await queries.list_products(
        _filters(query),
        query.sort,
        store_id=_number(query.store_id),
        after=_list_position(query),
        limit=query.limit,
    )
    return _page(found, query.sort)


@catalog.get("/products/search")
async def search_products(_call: Call[None], query: SearchQuery) -> Page[ProductCard]:
    """The products on sale in whose title, brand, category or codes every word is found.

    Words are Chinese, pinyin in full ("xianniunai") or by initials ("xnn"), barcodes, product or
    SKU codes. A whole code comes first, then the title's beginning, the title, the brand, the
    rest. A single letter or digit finds beginnings only.
    """
    words = search_words(query.q)
    if not words:
        raise InvalidInput(fields={"q": "has nothing to search for"})
    found = await queries.search_products(
        words,
        store_id=_number(query.store_id),
        after=_place(query.cursor, tuple[Literal["search"], Place, Place, Place]),
        limit=query.limit,
    )
    return _page(found, "search")


@catalog.get("/products/{product_id}", refuses=(NotFound,))
async def show_product(_call: Call[None], path: ProductPath, query: ProductQuery) -> ProductView:
    """A product on sale, with its SKU matrix: the store's prices, and its stock at this moment."""
    product = await queries.get_product(int(path.product_id), _number(query.store_id))
    # The view is written already; the annotation is for those who read the documentation.
    return cast("ProductView", product)


def _filters(query: ProductListQuery) -> Filters:
    return Filters(
        category_id=_number(query.category_id),
        brand=query.brand,
        price_from_fen=None if query.price_from_fen is None else Fen(query.price_from_fen),
        price_to_fen=None if query.price_to_fen is None else Fen(query.price_to_fen),
        attributes=_attributes(query.attribute),
        in_stock=query.in_stock,
    )


def _attributes(text: str | None) -> dict[str, str]:
    pairs = [pair.partition(":") for pair in text.split(";")] if text else []
    return {name.strip(): value.strip() for name, _, value in pairs}


def _list_position(query: ProductListQuery) -> Position | None:
    match query.sort:
        case Sort.NEW:
            return _place(query.cursor, tuple[Literal["new"], Place])
        case Sort.PRICE_ASC:
            return _place(query.cursor, tuple[Literal["price_asc"], Place, Place])
        case Sort.PRICE_DESC:
            return _place(query.cursor, tuple[Literal["price_desc"], Place, Place])


def _place(cursor: str | None, shape: type[tuple[str, *tuple[int, ...]]]) -> Position | None:
    position = read_cursor(cursor, shape)
    return position[1:] if position else None


def _page(found: Found, order: str) -> Page[ProductCard]:
    # The cards are written already, as in `show_product`.
    cards = cast("list[ProductCard]", found.cards)
    return Page(cards, next_cursor(order, *found.last) if found.last else None)


def _number(text: str | None) -> int | None:
    return int(text) if text else None
