"""The town as a whole: always the same one, of the promised size, and it hangs together."""

import hashlib
import subprocess
import sys
from dataclasses import FrozenInstanceError
from datetime import date, timedelta

import pytest

from scripts.town.build import build_town
from scripts.town.town import Town, TownRole
from tests.town.conftest import SEED, TODAY

PRINT_TOWN = """
import hashlib, sys
from datetime import date
from scripts.town.build import build_town
town = build_town(int(sys.argv[1]), date.fromisoformat(sys.argv[2]))
print(hashlib.sha256(repr(town).encode()).hexdigest())
"""


def test_another_process_with_other_hash_seeds_builds_the_same_town(town: Town) -> None:
    printed = subprocess.run(
        [sys.executable, "-c", PRINT_TOWN, str(SEED), TODAY.isoformat()],
        env={"PYTHONHASHSEED": "4711", "PYTHONIOENCODING": "utf-8"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert printed.stdout.strip() == hashlib.sha256(repr(town).encode()).hexdigest()


def test_another_seed_builds_another_town_of_the_same_goods(town: Town) -> None:
    other = build_town(SEED + 1, TODAY)
    assert other.stores != town.stores
    assert other.members != town.members
    assert other.orders != town.orders
    assert other.products == town.products


def test_the_next_day_finds_the_same_stores_people_and_shelves(town: Town) -> None:
    tomorrow = build_town(SEED, TODAY + timedelta(days=1))
    assert tomorrow.as_of == town.as_of + timedelta(days=1)
    assert [s.point for s in tomorrow.stores] == [s.point for s in town.stores]
    assert [m.openid for m in tomorrow.members] == [m.openid for m in town.members]
    assert (tomorrow.stock, tomorrow.staff) == (town.stock, town.staff)
    assert tomorrow.orders != town.orders


def test_a_leap_day_is_a_day_like_any_other() -> None:
    assert len(build_town(1, date(2028, 2, 29)).orders) > 2900


def test_nothing_in_the_town_can_be_changed(town: Town) -> None:
    with pytest.raises(FrozenInstanceError):
        town.stores[0].name = "别的店"


def test_the_town_has_the_promised_size(town: Town) -> None:
    assert len(town.stores) >= 120
    assert len({store.city for store in town.stores}) >= 4
    assert len(town.products) >= 150
    assert sum(len(product.skus) for product in town.products) >= 400
    assert len(town.members) == 200
    assert 2900 <= len(town.orders) <= 3100


def test_every_role_has_somebody(town: Town) -> None:
    assert {staff.role for staff in town.staff} == set(TownRole)
    accounts = [staff.account for staff in town.staff]
    assert len(set(accounts)) == len(accounts)
    assert all(len(account) <= 32 and account.isascii() for account in accounts)


def test_whatever_is_named_exists(town: Town) -> None:
    stores = {store.code for store in town.stores}
    skus = {sku.code for product in town.products for sku in product.skus}
    categories = {category.code for category in town.categories}
    lived_in = {address.store_code for member in town.members for address in member.addresses}
    assert {product.category_code for product in town.products} <= categories
    assert {c.parent_code for c in town.categories} - {None} <= categories
    assert {code for code, _ in [*town.stock, *town.store_prices]} <= stores
    assert {sku for _, sku in [*town.stock, *town.store_prices]} <= skus
    assert {code for staff in town.staff for code in staff.store_codes} <= stores
    assert lived_in <= stores


def test_shelves_differ_from_store_to_store_and_some_are_empty(town: Town) -> None:
    assert min(town.stock.values()) == 0
    assert 0.01 < sum(left == 0 for left in town.stock.values()) / len(town.stock) < 0.1
    prices = {sku.code: sku.list_price_fen for product in town.products for sku in product.skus}
    assert len(town.store_prices) > 500
    for (_, sku_code), price in town.store_prices.items():
        assert price != prices[sku_code]
        assert 0.7 < price / prices[sku_code] < 1.4
        assert price % 10 in (0, 9)
