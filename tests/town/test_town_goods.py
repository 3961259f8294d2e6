"""The catalogue: a sound tree, full matrices, prices as on a tag, barcodes a scanner accepts."""

import re
from math import prod

from scripts.town.goods import ean13
from scripts.town.town import Town


def test_check_digits_are_those_of_known_barcodes() -> None:
    # GS1's own example, and two found on shelves.
    assert ean13("629104150021") == "6291041500213"
    assert ean13("690123456789") == "6901234567892"
    assert ean13("400638133393") == "4006381333931"


def test_barcodes_are_chinese_unique_and_pass_the_scanner(town: Town) -> None:
    barcodes = [sku.barcode for product in town.products for sku in product.skus]
    assert len(set(barcodes)) == len(barcodes)
    for barcode in barcodes:
        assert re.fullmatch(r"69[0-5][0-9]{10}", barcode)
        weighted = sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(barcode))
        assert weighted % 10 == 0


def test_codes_of_products_and_skus_are_unique(town: Town) -> None:
    codes = [product.code for product in town.products]
    codes += [sku.code for product in town.products for sku in product.skus]
    assert len(set(codes)) == len(codes)
    assert len({product.title for product in town.products}) == len(town.products)


def test_the_tree_has_two_levels_and_goods_hang_on_the_second(town: Town) -> None:
    parents = {c.code: c.parent_code for c in town.categories}
    tops = {code for code, parent in parents.items() if parent is None}
    assert len(tops) >= 12
    assert {parent for parent in parents.values() if parent is not None} == tops
    assert {product.category_code for product in town.products} == parents.keys() - tops


def test_each_product_has_every_combination_of_its_specs_once(town: Town) -> None:
    for product in town.products:
        assert len(product.skus) == prod(len(values) for values in product.specs.values())
        assert len({tuple(sku.specs.items()) for sku in product.skus}) == len(product.skus)
        for sku in product.skus:
            assert sku.specs.keys() == product.specs.keys()
            assert all(sku.specs[axis] in values for axis, values in product.specs.items())
    assert max(len(product.specs) for product in town.products) == 3


def test_prices_and_weights_are_believable(town: Town) -> None:
    for product in town.products:
        for sku in product.skus:
            assert 100 <= sku.list_price_fen <= 30_000
            assert sku.list_price_fen % 10 in (0, 9)
            assert 20 <= sku.weight_grams <= 15_000


def test_products_say_where_they_come_from_and_how_to_keep_them(town: Town) -> None:
    for product in town.products:
        assert {"产地", "保质期", "储存方式"} < product.attributes.keys()
        assert all([product.brand, product.unit, product.description, *product.attributes.values()])
