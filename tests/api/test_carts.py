"""The cart over HTTP: what is wanted is kept, what can be had is told."""

import asyncio
from typing import Any

import pytest

from kit import db
from tests.factories import make_sku, make_store, stock
from tests.shop import Phone, Shop


async def want(phone: Phone, sku: int, quantity: int = 1) -> None:
    answer = await phone.put(f"/v1/cart/lines/{sku}", {"quantity": quantity})
    assert (answer.status_code, answer.json()) == (200, {"sku_id": str(sku), "quantity": quantity})


async def cart(phone: Phone, store: int | None = None) -> dict[str, Any]:
    answer = await phone.get("/v1/cart", params={"store_id": str(store)} if store else None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_cart_is_empty_until_something_is_wanted(shop: Shop) -> None:
    phone, store = await shop.phone(), await make_store()
    empty = {"lines": [], "total_quantity": 0, "goods_fen": 0}
    assert await cart(phone, store) == empty
    assert await cart(phone) == empty


async def test_a_line_tells_all_about_itself_at_the_chosen_store(shop: Shop) -> None:
    phone, store = await shop.phone(), await make_store()
    milk = await make_sku(title="鲜牛奶", price_fen=1290)
    await stock(store, milk, 9)
    await db.execute(
        "insert into store_price (store_id, sku_id, price_fen) values ($1, $2, 1190)", store, milk
    )
    await db.execute("update product set pictures = '[\"abc.webp\"]'")
    await want(phone, milk, 3)
    shown = await cart(phone, store)
    (line,) = shown["lines"]
    assert line.pop("product_id")
    assert line == {
        "sku_id": str(milk),
        "title": "鲜牛奶",
        "specs": {"规格": "950ml"},
        "picture": "/media/abc.webp",
        "unit_price_fen": 1190,
        "quantity": 3,
        "available": 9,
        "sellable": 3,
        "goods_fen": 3570,
        "problems": [],
    }
    assert (shown["total_quantity"], shown["goods_fen"]) == (3, 3570)


async def test_without_a_store_list_prices_hold_and_stock_is_unknown(shop: Shop) -> None:
    phone, milk = await shop.phone(), await make_sku(price_fen=1290)
    await want(phone, milk, 2)
    (line,) = (await cart(phone))["lines"]
    assert (line["unit_price_fen"], line["available"], line["problems"]) == (1290, None, [])
    assert line["goods_fen"] == 2580


async def test_each_problem_is_named_and_totals_count_what_can_be_had(shop: Shop) -> None:
    phone, store = await shop.phone(), await make_store()
    few, none, gone, fine = [await make_sku(price_fen=100) for _ in range(4)]
    for sku, quantity in ((few, 2), (none, 0), (gone, 5), (fine, 5)):
        await stock(store, sku, quantity)
        await want(phone, sku, 4)
    await db.execute(
        "update product set status = 'delisted'"
        " where id = (select product_id from sku where id = $1)",
        gone,
    )
    shown = await cart(phone, store)
    assert [
        (int(line["sku_id"]), line["sellable"], line["problems"]) for line in shown["lines"]
    ] == [
        (few, 2, ["quantity_reduced"]),
        (none, 0, ["out_of_stock"]),
        (gone, 0, ["delisted"]),
        (fine, 4, []),
    ]
    assert (shown["total_quantity"], shown["goods_fen"]) == (6, 600)


async def test_setting_a_quantity_again_replaces_it_and_keeps_its_place(shop: Shop) -> None:
    phone, first, second = await shop.phone(), await make_sku(), await make_sku()
    await want(phone, first, 1)
    await want(phone, second, 1)
    await want(phone, first, 999)
    lines = (await cart(phone))["lines"]
    assert [(int(line["sku_id"]), line["quantity"]) for line in lines] == [
        (first, 999),
        (second, 1),
    ]


@pytest.mark.parametrize("quantity", [0, -1, 1000, 1.5, "2", None, True])
async def test_a_quantity_is_a_whole_number_from_1_to_999(shop: Shop, quantity) -> None:
    phone, sku = await shop.phone(), await make_sku()
    answer = await phone.put(f"/v1/cart/lines/{sku}", {"quantity": quantity})
    assert answer.status_code == 422


async def test_what_is_not_on_sale_cannot_be_wanted(shop: Shop) -> None:
    phone = await shop.phone()
    draft, retired = await make_sku(status="draft"), await make_sku()
    await db.execute("update sku set is_active = false where id = $1", retired)
    for sku in (draft, retired, 999_999_999, "abc", "0"):
        answer = await phone.put(f"/v1/cart/lines/{sku}", {"quantity": 1})
        assert answer.status_code == 404, sku


async def test_lines_and_carts_are_emptied_however_often_it_is_asked(shop: Shop) -> None:
    phone, first, second = await shop.phone(), await make_sku(), await make_sku()
    await want(phone, first)
    await want(phone, second)
    for _ in range(2):
        assert (await phone.delete(f"/v1/cart/lines/{first}")).status_code == 204
    assert [int(line["sku_id"]) for line in (await cart(phone))["lines"]] == [second]
    for _ in range(2):
        assert (await phone.delete("/v1/cart")).status_code == 204
    assert (await cart(phone))["lines"] == []


async def test_carts_are_their_members_own(shop: Shop) -> None:
    mine, yours, sku = await shop.phone(), await shop.phone(), await make_sku()
    await want(mine, sku)
    await yours.delete(f"/v1/cart/lines/{sku}")
    await yours.delete("/v1/cart")
    assert (await cart(yours))["lines"] == []
    assert len((await cart(mine))["lines"]) == 1


async def test_a_cart_needs_a_session(shop: Shop) -> None:
    sku = await make_sku()
    for method, path in (
        ("GET", "/v1/cart"),
        ("PUT", f"/v1/cart/lines/{sku}"),
        ("DELETE", f"/v1/cart/lines/{sku}"),
        ("DELETE", "/v1/cart"),
    ):
        body = {"quantity": 1} if method == "PUT" else None
        assert (await shop.http.request(method, path, json=body)).status_code == 401


async def test_a_cart_at_a_store_that_is_not_there_is_not_found(shop: Shop) -> None:
    phone = await shop.phone()
    assert (await phone.get("/v1/cart", params={"store_id": "999999999"})).status_code == 404
    assert (await phone.get("/v1/cart", params={"store_id": "0"})).status_code == 422


async def filled(phone: Phone, lines: int) -> list[int]:
    skus = [await make_sku() for _ in range(lines + 10)]
    for sku in skus[:lines]:
        await want(phone, sku)
    return skus


async def test_the_101st_line_is_refused_and_old_lines_still_change(shop: Shop) -> None:
    phone = await shop.phone()
    skus = await filled(phone, 100)
    answer = await phone.put(f"/v1/cart/lines/{skus[100]}", {"quantity": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "cart_full")
    await want(phone, skus[0], 7)
    await phone.delete(f"/v1/cart/lines/{skus[1]}")
    await want(phone, skus[100])


async def race_for_the_last_line(phone: Phone) -> int:
    """Ten taps at once for the 100th line; how many lines there are in the end."""
    skus = await filled(phone, 99)
    taps = [phone.put(f"/v1/cart/lines/{sku}", {"quantity": 1}) for sku in skus[99:]]
    codes = sorted(answer.status_code for answer in await asyncio.gather(*taps))
    lines = await db.value("select count(*) from cart_line")
    assert codes == [200] * (lines - 99) + [409] * (10 - (lines - 99))
    return int(lines)


async def test_ten_taps_for_the_last_line_have_one_winner(shop: Shop) -> None:
    assert await race_for_the_last_line(await shop.phone()) == 100


async def test_without_the_trigger_ten_taps_overfill_the_cart(shop: Shop) -> None:
    await db.execute("alter table cart_line disable trigger limit_cart_lines")
    try:
        assert await race_for_the_last_line(await shop.phone()) > 100
    finally:
        await db.execute("alter table cart_line enable trigger limit_cart_lines")


async def test_a_double_tap_is_one_line(shop: Shop) -> None:
    phone, sku = await shop.phone(), await make_sku()
    await asyncio.gather(*(want(phone, sku, 2) for _ in range(10)))
    lines = (await cart(phone))["lines"]
    assert [(int(line["sku_id"]), line["quantity"]) for line in lines] == [(sku, 2)]
