"""What people see of the catalogue. Ids are strings, prices whole fen, pictures paths of this server."""

import msgspec

from kit.money import Fen


class CategoryView(msgspec.Struct, frozen=True):
    """A shelf of the shop; `children` in the shop's own order."""

    id: str
    name: str
    children: list["CategoryView"]


class BrandView(msgspec.Struct, frozen=True):
    name: str
    product_count: int


class ProductCard(msgspec.Struct, frozen=True):
    """A product in a list. Prices span its SKUs at the asked store, list prices without one.

    `available` adds up the SKUs' units at the store; null without a store. `sku_id` is there when
    the product has one SKU only, so that it can go into the cart from the list.
    """

    id: str
    title: str
    brand: str
    unit: str
    category_id: str
    picture: str | None
    price_from_fen: Fen
    price_to_fen: Fen
    sku_count: int
    sku_id: str | None
    available: int | None


class SpecAxis(msgspec.Struct, frozen=True):
    """One line of the SKU matrix to choose from, for example 口味: 原味, 草莓."""

    name: str
    values: list[str]


class SkuView(msgspec.Struct, frozen=True):
    """One variant: `specs` picks a value per axis. `price_fen` is the asked store's price.

    `available` is what can be ordered there at this moment (0 where it is not carried); null
    without a store.
    """

    id: str
    code: str
    specs: dict[str, str]
    barcode: str | None
    weight_grams: int
    list_price_fen: Fen
    price_fen: Fen
    available: int | None


class ProductView(msgspec.Struct, frozen=True):
    """A product with everything needed to choose a SKU; prices span the SKUs."""

    id: str
    code: str
    title: str
    brand: str
    unit: str
    description: str
    category_id: str
    pictures: list[str]
    attributes: dict[str, str]
    specs: list[SpecAxis]
    price_from_fen: Fen
    price_to_fen: Fen
    skus: list[SkuView]
