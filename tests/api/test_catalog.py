"""The catalogue over HTTP: what shoppers see, page by page, without logging in."""

from typing import Any

import msgspec
import pytest

from commerce.catalog.views import ProductView
from kit import db
from kit.money import Fen
from kit.web import next_cursor
from tests.catalog.sheets import category_id, load, product_id, row, sku_id, store_code
from tests.factories import make_store, stock
from tests.shop import Shop

YOGHURT = {
    "title": "风味酸奶",
    "category": ("乳品", "酸奶"),
    "brand": "晨野",
    "unit": "杯",
    "description": "低温发酵。",
    "attributes": {"产地": "山东", "保质期": "21天"},
    "pictures": ("0123456789abcdef0123456789abcdef.png",),
}


async def products(shop: Shop, **query: Any) -> dict[str, Any]:
    answer = await shop.http.get("/v1/products", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def titles(shop: Shop, **query: Any) -> list[str]:
    return [card["title"] for card in (await products(shop, **query))["items"]]


async def show(shop: Shop, code: str, **query: Any) -> dict[str, Any]:
    answer = await shop.http.get(f"/v1/products/{await product_id(code)}", params=query)
    assert answer.status_code == 200, answer.text
    msgspec.json.decode(answer.content, type=ProductView)
    return answer.json()


async def load_yoghurt() -> None:
    await load(
        row("Y", sku_code="Y-1", specs={"口味": "原味", "容量": "100g"}, price_fen=300, **YOGHURT),
        row("Y", sku_code="Y-2", specs={"口味": "草莓", "容量": "100g"}, price_fen=350, **YOGHURT),
        row("Y", sku_code="Y-3", specs={"口味": "草莓", "容量": "1kg"}, price_fen=1990, **YOGHURT),
    )


async def test_a_product_comes_with_its_matrix(shop: Shop) -> None:
    await load_yoghurt()
    await db.execute("update sku set barcode = '6901234567892' where code = 'Y-1'")
    seen = await show(shop, "Y")
    assert seen["title"] == "风味酸奶"
    assert (seen["brand"], seen["unit"], seen["description"]) == ("晨野", "杯", "低温发酵。")
    assert seen["pictures"] == ["/media/0123456789abcdef0123456789abcdef.png"]
    assert seen["attributes"] == {"产地": "山东", "保质期": "21天"}
    assert seen["category_id"] == str(await category_id("酸奶"))
    assert seen["specs"] == [
        {"name": "口味", "values": ["原味", "草莓"]},
        {"name": "容量", "values": ["100g", "1kg"]},
    ]
    assert (seen["price_from_fen"], seen["price_to_fen"]) == (300, 1990)
    assert [sku["code"] for sku in seen["skus"]] == ["Y-1", "Y-2", "Y-3"]
    assert seen["skus"][0] == {
        "id": str(await sku_id("Y-1")),
        "code": "Y-1",
        "specs": {"口味": "原味", "容量": "100g"},
        "barcode": "6901234567892",
        "weight_grams": 0,
        "list_price_fen": 300,
        "price_fen": 300,
        "available": None,
    }


async def test_a_store_has_its_own_prices_and_its_stock_at_this_moment(shop: Shop) -> None:
    store, other = await make_store(), await make_store()
    await load_yoghurt()
    own = {await store_code(store): Fen(280)}
    await load(row("Y", sku_code="Y-1", price_fen=300, prices=own, **YOGHURT))
    first = await sku_id("Y-1")
    await stock(store, first, 7)
    here = await show(shop, "Y", store_id=store)
    assert [(sku["price_fen"], sku["available"]) for sku in here["skus"]] == [
        (280, 7),
        (350, 0),
        (1990, 0),
    ]
    assert (here["price_from_fen"], here["price_to_fen"]) == (280, 1990)
    there = await show(shop, "Y", store_id=other)
    assert there["skus"][0]["price_fen"] == 300
    assert there["skus"][0]["available"] == 0
    await db.execute(
        "insert into stock_entry (store_id, sku_id, kind, cause, d_on_hand, d_reserved, at)"
        " values ($1, $2, 'count', 'test', -2, 0, now())",
        store,
        first,
    )
    await db.execute("update store_price set price_fen = 299")
    now = await show(shop, "Y", store_id=store)
    assert (now["skus"][0]["price_fen"], now["skus"][0]["available"]) == (299, 5)


async def test_what_an_order_holds_is_not_available(shop: Shop) -> None:
    store = await make_store()
    await load(row("M", sku_code="M-1"))
    milk = await sku_id("M-1")
    await stock(store, milk, 3)
    phone = await shop.phone()
    await phone.order(store, {milk: 2})
    assert (await show(shop, "M", store_id=store))["skus"][0]["available"] == 1
    assert (await products(shop, store_id=store))["items"][0]["available"] == 1


@pytest.mark.parametrize(
    "hide",
    [
        "update product set status = 'draft'",
        "update product set status = 'delisted'",
        "update sku set is_active = false",
    ],
)
async def test_what_is_not_on_sale_is_not_found(shop: Shop, hide: str) -> None:
    await load(row("M", brand="晨野"))
    number = await product_id("M")
    await db.execute(hide)
    answer = await shop.http.get(f"/v1/products/{number}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert await titles(shop) == []
    assert (await shop.http.get("/v1/products/search", params={"q": "牛奶"})).json()["items"] == []
    assert (await shop.http.get("/v1/brands")).json() == {"items": []}


async def test_an_inactive_sku_is_left_out(shop: Shop) -> None:
    await load_yoghurt()
    await db.execute("update sku set is_active = false where code = 'Y-1'")
    seen = await show(shop, "Y")
    assert [sku["code"] for sku in seen["skus"]] == ["Y-2", "Y-3"]
    assert seen["price_from_fen"] == 350


@pytest.mark.parametrize("name", ["0", "999999999999999999", "abc", "-1", "1%00"])
async def test_an_unknown_product_is_not_found(shop: Shop, name: str) -> None:
    assert (await shop.http.get(f"/v1/products/{name}")).status_code == 404


async def test_categories_are_a_tree_in_their_order(shop: Shop) -> None:
    await load(
        row("A", category=("水果", "苹果")),
        row("B", category=("乳品",)),
        row("C", category=("水果", "梨")),
    )
    tree = (await shop.http.get("/v1/categories")).json()["items"]
    assert [(node["name"], [child["name"] for child in node["children"]]) for node in tree] == [
        ("水果", ["苹果", "梨"]),
        ("乳品", []),
    ]


async def test_a_card_says_enough_for_a_list(shop: Shop) -> None:
    store = await make_store()
    await load_yoghurt()
    await load(row("M", sku_code="M-1"))
    await stock(store, await sku_id("Y-1"), 4)
    await stock(store, await sku_id("Y-3"), 5)
    milk, yoghurt = (await products(shop, store_id=store))["items"]
    assert milk["sku_id"] == str(await sku_id("M-1"))
    assert (milk["available"], milk["picture"]) == (0, None)
    assert yoghurt == {
        "id": str(await product_id("Y")),
        "title": "风味酸奶",
        "brand": "晨野",
        "unit": "杯",
        "category_id": str(await category_id("酸奶")),
        "picture": "/media/0123456789abcdef0123456789abcdef.png",
        "price_from_fen": 300,
        "price_to_fen": 1990,
        "sku_count": 3,
        "sku_id": None,
        "available": 9,
    }


async def test_every_filter_must_hold(shop: Shop) -> None:
    store = await make_store()
    code = await store_code(store)
    await load(
        row(
            "A", title="苹果", category=("水果", "苹果"), brand="山野", attributes={"产地": "山东"}
        ),
        row("B", title="梨", category=("水果", "梨"), price_fen=500, prices={code: Fen(800)}),
        row(
            "C",
            title="牛奶",
            brand="山野",
            price_fen=800,
            attributes={"产地": "河北"},
            stock={code: 1},
        ),
    )
    assert await titles(shop) == ["牛奶", "梨", "苹果"]
    assert await titles(shop, category_id=await category_id("水果")) == ["梨", "苹果"]
    assert await titles(shop, category_id=await category_id("梨")) == ["梨"]
    assert await titles(shop, category_id=999) == []
    assert await titles(shop, brand="山野") == ["牛奶", "苹果"]
    assert await titles(shop, attribute="产地:山东") == ["苹果"]
    assert await titles(shop, attribute="产地:山东;保质期:1天") == []
    assert await titles(shop, price_from_fen=500, price_to_fen=800) == ["牛奶", "梨"]
    assert await titles(shop, price_to_fen=799) == ["梨"]
    assert await titles(shop, price_to_fen=799, store_id=store) == []
    assert await titles(shop, store_id=store, in_stock="true") == ["牛奶"]
    fruit = await category_id("水果")
    assert await titles(shop, category_id=fruit, brand="山野", sort="price_asc") == ["苹果"]


async def test_in_stock_asks_for_a_store(shop: Shop) -> None:
    answer = await shop.http.get("/v1/products", params={"in_stock": "true"})
    assert answer.status_code == 422
    assert answer.json()["fields"] == {"store_id": "needed with in_stock"}


@pytest.mark.parametrize("sort", ["new", "price_asc", "price_desc"])
@pytest.mark.parametrize("by_category", [False, True])
async def test_pages_follow_each_other_without_gap_or_repeat(
    shop: Shop, sort: str, by_category: bool
) -> None:
    # Equal prices, so that the order rests on more than the price.
    await load(*(row(f"P{n}", title=f"牛奶{n}号", price_fen=100 * (n % 3)) for n in range(11)))
    query: dict[str, Any] = {"sort": sort, "limit": 3}
    if by_category:
        query["category_id"] = await category_id("乳品")
    seen: list[tuple[int, int]] = []
    page = await products(shop, **query)
    while True:
        seen += [(card["price_from_fen"], int(card["id"])) for card in page["items"]]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == 3
        page = await products(shop, **query, cursor=page["next_cursor"])
    keys = {"new": lambda card: -card[1], "price_asc": None, "price_desc": None}
    assert len(seen) == 11
    assert seen == sorted(seen, key=keys[sort], reverse=sort == "price_desc")


async def test_a_price_sort_goes_by_the_stores_own_prices(shop: Shop) -> None:
    store = await make_store()
    code = await store_code(store)
    await load(
        row("A", title="贵", price_fen=900, prices={code: Fen(100)}),
        row("B", title="中", price_fen=500),
    )
    assert await titles(shop, sort="price_asc") == ["中", "贵"]
    assert await titles(shop, sort="price_asc", store_id=store) == ["贵", "中"]


@pytest.mark.parametrize(
    "cursor",
    [
        next_cursor("price_asc", 1, 2),
        next_cursor("new"),
        next_cursor("new", "1"),
        next_cursor("new", -1),
        next_cursor("new", 2**63),
        "x",
        "AAAA",
    ],
)
async def test_a_forged_or_foreign_cursor_is_refused(shop: Shop, cursor: str) -> None:
    answer = await shop.http.get("/v1/products", params={"cursor": cursor})
    assert answer.status_code == 422
    assert "cursor" in answer.json()["fields"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "title; drop table product"),
        ("attribute", "产地"),
        ("attribute", "产地:山东:青岛"),
        ("limit", "0"),
        ("limit", "101"),
        ("price_from_fen", "-1"),
        ("price_to_fen", "1" * 30),
        ("store_id", "x"),
        ("colour", "red"),
    ],
)
async def test_what_is_not_a_filter_is_refused(shop: Shop, name: str, value: str) -> None:
    answer = await shop.http.get("/v1/products", params={name: value})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_input"


async def test_brands_come_by_the_number_of_their_products(shop: Shop) -> None:
    await load(
        row("A", brand="晨野"),
        row("B", brand="山野"),
        row("C", brand="山野", category=("水果",)),
        row("D"),
    )
    answer = (await shop.http.get("/v1/brands")).json()["items"]
    assert answer == [
        {"name": "山野", "product_count": 2},
        {"name": "晨野", "product_count": 1},
    ]
    fruit = {"category_id": await category_id("水果")}
    below = (await shop.http.get("/v1/brands", params=fruit)).json()["items"]
    assert below == [{"name": "山野", "product_count": 1}]
