"""Rows together: products, SKU codes, the matrix, and everything that clashes."""

from typing import Any

from commerce.catalog.rules.faults import Fault
from commerce.catalog.rules.goods import (
    Axis,
    Goods,
    StoredProduct,
    StoredSku,
    clashes,
    gather,
)
from commerce.catalog.rules.rows import CatalogueRow


def row(number: int, code: str = "A", **said: Any) -> CatalogueRow:
    usual = {"title": "酸奶", "category": ("乳品",), "price_fen": 500}
    return CatalogueRow(row=number, product_code=code, **(usual | said))


def flavour(name: str) -> dict[str, str]:
    return {"口味": name}


def stored(*skus: StoredSku, axes: tuple[Axis, ...] = (), **said: Any) -> dict[str, StoredProduct]:
    usual: dict[str, Any] = {
        "title": "老酸奶",
        "category": ("旧类",),
        "brand": "晨野",
        "unit": "杯",
        "description": "旧",
        "attributes": {"产地": "山东"},
        "pictures": ("old.png",),
    }
    return {"A": StoredProduct(code="A", axes=axes, skus=skus, **(usual | said))}


def sound(*rows: CatalogueRow, over: dict[str, StoredProduct] | None = None) -> list[Goods]:
    goods, faults = gather(rows, over or {})
    assert faults == []
    return goods


def refused(
    *rows: CatalogueRow, over: dict[str, StoredProduct] | None = None
) -> list[tuple[int, str, str]]:
    _, faults = gather(rows, over or {})
    return brief(faults)


def brief(faults: list[Fault]) -> list[tuple[int, str, str]]:
    return [(each.row, str(each.column), each.code) for each in faults]


def test_rows_of_one_code_are_one_product_whose_first_row_may_speak_for_all() -> None:
    (goods,) = sound(
        row(2, specs=flavour("原味"), brand="晨野", pictures=("a.png",)),
        row(3, specs=flavour("草莓"), title=None, category=None, unit="杯"),
    )
    assert (goods.title, goods.category) == ("酸奶", ("乳品",))
    assert (goods.brand, goods.unit) == ("晨野", "杯")
    assert goods.pictures == ("a.png",)
    assert goods.axes == (Axis("口味", ("原味", "草莓")),)
    assert [sku.code for sku in goods.skus] == ["A-01", "A-02"]


def test_rows_need_not_stand_together() -> None:
    goods = sound(row(2, specs=flavour("原味")), row(3, "B"), row(4, specs=flavour("草莓")))
    assert [(each.code, [sku.said.row for sku in each.skus]) for each in goods] == [
        ("A", [2, 4]),
        ("B", [3]),
    ]


def test_a_new_product_has_defaults_for_what_nobody_says() -> None:
    (goods,) = sound(row(2))
    assert (goods.brand, goods.unit, goods.description, goods.axes) == ("", "件", "", ())
    assert (goods.skus[0].barcode, goods.skus[0].weight_grams) == (None, 0)


def test_what_a_sheet_does_not_say_stays_as_stored() -> None:
    was = StoredSku("A-01", flavour("原味"), "6901234567892", 100)
    over = stored(was, axes=(Axis("口味", ("原味",)),))
    (goods,) = sound(row(2, sku_code="A-01", title=None, category=None), over=over)
    assert (goods.title, goods.category, goods.brand) == ("老酸奶", ("旧类",), "晨野")
    assert (goods.description, goods.pictures) == ("旧", ("old.png",))
    (sku,) = goods.skus
    assert (sku.specs, sku.barcode, sku.weight_grams) == (flavour("原味"), "6901234567892", 100)


def test_what_a_sheet_says_replaces_what_is_stored() -> None:
    was = StoredSku("A-01", flavour("原味"), "6901234567892", 100)
    over = stored(was, axes=(Axis("口味", ("原味",)),))
    said = row(2, sku_code="A-01", weight_grams=0, attributes={}, specs=flavour("香草"))
    (goods,) = sound(said, over=over)
    assert (goods.title, goods.attributes) == ("酸奶", {})
    assert goods.axes == (Axis("口味", ("香草",)),)
    assert goods.skus[0].weight_grams == 0


def test_a_row_without_sku_code_means_the_stored_sku_with_its_specs() -> None:
    over = stored(
        StoredSku("A-01", flavour("原味"), None, 0), StoredSku("OLD", flavour("草莓"), None, 0)
    )
    (goods,) = sound(
        row(2, specs=flavour("香草")),
        row(3, specs=flavour("草莓")),
        row(4, specs=flavour("原味")),
        over=over,
    )
    assert [sku.code for sku in goods.skus] == ["A-02", "OLD", "A-01"]
    assert goods.kept == ()


def test_skus_the_sheet_does_not_name_keep_their_place_in_the_matrix() -> None:
    kept = StoredSku("A-01", flavour("原味"), "96385074", 0)
    over = stored(kept, axes=(Axis("口味", ("原味", "停产")),))
    (goods,) = sound(row(2, specs=flavour("草莓"), barcode="6901234567892"), over=over)
    assert goods.kept == (kept,)
    assert goods.axes == (Axis("口味", ("原味", "草莓")),)
    assert " a a-02 a-01 6901234567892 96385074 " in goods.search_keys()


def test_stored_axes_keep_their_order() -> None:
    one = StoredSku("A-01", {"容量": "1kg", "口味": "原味"}, None, 0)
    over = stored(one, axes=(Axis("口味", ("原味",)), Axis("容量", ("1kg",))))
    (goods,) = sound(row(2, specs={"容量": "2kg", "口味": "原味"}), over=over)
    assert goods.axes == (Axis("口味", ("原味",)), Axis("容量", ("1kg", "2kg")))


def test_rows_of_a_product_must_agree() -> None:
    first = row(2, specs=flavour("原味"), brand="晨野", attributes={"产地": "山东"})
    second = row(3, specs=flavour("草莓"), brand="山野", attributes={"产地": "河北"})
    assert refused(first, second) == [(3, "品牌", "differs"), (3, "属性", "differs")]


def test_a_new_product_needs_a_title_and_a_category() -> None:
    assert refused(row(2, title=None, category=None)) == [
        (2, "商品名称", "missing"),
        (2, "分类", "missing"),
    ]


def test_two_skus_of_a_product_differ_in_their_specs() -> None:
    assert refused(row(2), row(3)) == [(3, "规格", "specs_twice")]
    kept = stored(StoredSku("X", flavour("原味"), None, 0))
    new = row(2, sku_code="Y", specs=flavour("原味"))
    assert refused(new, over=kept) == [(2, "规格", "specs_twice")]


def test_all_skus_of_a_product_have_the_same_spec_names() -> None:
    rows = row(2, specs=flavour("原味")), row(3, specs={"容量": "1kg"}), row(4)
    assert refused(*rows) == [(3, "规格", "specs_differ"), (4, "规格", "specs_differ")]


def test_sku_codes_and_barcodes_occur_once() -> None:
    rows = (
        row(2, sku_code="X", barcode="6901234567892"),
        row(3, "B", sku_code="X"),
        row(4, "C", barcode="6901234567892"),
        row(5, "D", sku_code="Z", barcode="96385074"),
    )
    assert refused(*rows) == [(3, "SKU编码", "sku_twice"), (4, "条码", "barcode_twice")]


def test_a_derived_sku_code_must_fit() -> None:
    assert refused(row(2, "A" * 30)) == [(2, "SKU编码", "too_long")]


def test_codes_and_barcodes_of_others_are_not_taken() -> None:
    goods = sound(
        row(2, sku_code="X", barcode="6901234567892"), row(3, "B", sku_code="Y", barcode="96385074")
    )
    products = {"X": "OTHER", "Y": "B"}
    barcodes = {"6901234567892": "X", "96385074": "Z"}
    assert brief(clashes(goods, products, barcodes)) == [
        (2, "SKU编码", "sku_elsewhere"),
        (3, "条码", "barcode_elsewhere"),
    ]
