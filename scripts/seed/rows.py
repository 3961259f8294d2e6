"""The town's shops, goods and people in the words of the shop's own loaders."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from commerce.catalog.rules.rows import CatalogueRow
from commerce.members.actions import MemberRow
from commerce.members.rules import AddressContent
from commerce.staff.actions import StaffRow
from commerce.stores.actions import StoreDayRow, StoreRow
from kit.money import Fen
from models.enums import StaffRole
from scripts.town.town import Town, TownAddress, TownProduct, TownStore


def store_rows(town: Town) -> list[StoreRow]:
    """Every store; whether it is in business or paused is not a loader's affair."""
    return [_store(store) for store in town.stores]


def catalogue_rows(town: Town) -> list[CatalogueRow]:
    """One row per SKU with what stores ask for it; without pictures and stock."""
    prices: dict[str, dict[str, Fen]] = defaultdict(dict)
    for (store_code, sku_code), price_fen in town.store_prices.items():
        prices[sku_code][store_code] = price_fen
    paths = _category_paths(town)
    return [
        CatalogueRow(
            row=row,
            product_code=product.code,
            sku_code=sku.code,
            specs=sku.specs,
            barcode=sku.barcode,
            price_fen=sku.list_price_fen,
            weight_grams=sku.weight_grams,
            prices=prices[sku.code],
            **_of_product(product, paths),
        )
        for row, (product, sku) in enumerate(
            ((product, sku) for product in town.products for sku in product.skus), start=1
        )
    ]


def member_rows(town: Town, appid: str) -> list[MemberRow]:
    """Every member as the mini program `appid` knows him."""
    return [
        MemberRow(
            appid=appid,
            openid=member.openid,
            nickname=member.nickname,
            phone=member.phone,
            joined_at=member.joined_at,
            addresses=tuple(address_content(address) for address in member.addresses),
        )
        for member in town.members
    ]


def staff_rows(town: Town, password: str) -> list[StaffRow]:
    """Everybody who works here, with one password for all."""
    return [
        StaffRow(
            account=staff.account,
            password=password,
            display_name=staff.display_name,
            role=StaffRole(staff.role),
            store_codes=staff.store_codes,
        )
        for staff in town.staff
    ]


def address_content(address: TownAddress) -> AddressContent:
    """What of `address` is sealed."""
    return AddressContent(
        receiver=address.receiver,
        phone=address.phone,
        region=(address.province, address.city, address.district),
        detail=address.detail,
        lat=address.point.lat,
        lng=address.point.lng,
    )


def _store(store: TownStore) -> StoreRow:
    return StoreRow(
        code=store.code,
        name=store.name,
        city=store.city,
        district=store.district,
        address=store.address,
        phone=store.phone,
        lat=store.point.lat,
        lng=store.point.lng,
        weekly_hours=store.weekly_hours,
        days={day.on_date: StoreDayRow(day.intervals, day.note) for day in store.days},
        offers_pickup=store.supports_pickup,
        offers_delivery=store.supports_delivery,
        fence=[(corner.lng, corner.lat) for corner in store.fence],
        delivery_fee_fen=store.delivery_fee_fen,
        minimum_order_fen=store.minimum_order_fen,
        preparation_minutes=store.preparation_minutes,
    )


def _of_product(product: TownProduct, paths: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "title": product.title,
        "category": paths[product.category_code],
        "brand": product.brand,
        "unit": product.unit,
        "description": product.description,
        "attributes": product.attributes,
    }


def _category_paths(town: Town) -> dict[str, tuple[str, ...]]:
    names = {category.code: category.name for category in town.categories}
    return {c.code: (names[c.parent_code], c.name) for c in town.categories if c.parent_code}
