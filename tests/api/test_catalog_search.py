"""Search over HTTP: Chinese, pinyin, codes; the closest first."""

from typing import Any

import pytest

from tests.catalog.sheets import load, row
from tests.shop import Shop

EAN = "6901234567892"


@pytest.fixture
async def shelf(shop: Shop) -> Shop:
    """Seven products in which 牛奶 is the title's beginning, its middle, a brand, a category, or absent."""
    await load(
        row("A1", title="牛奶巧克力", category=("零食",), brand="可可町"),
        row("A2", title="鲜牛奶", brand="晨野", barcode=EAN, sku_code="A2-950"),
        row("A3", title="牛奶", brand="晨野"),
        row("A4", title="纯棉毛巾", category=("家居",), brand="牛奶时光"),
        row("A5", title="酸奶", category=("乳品", "酸奶"), description="和牛奶一样好"),
        row("A6", title="烟台红富士苹果 100%甜", category=("水果",), brand="山野"),
        row("A7", title="黄油", category=("牛奶制品",), brand="北岭"),
    )
    return shop


async def search(shop: Shop, words: str, **query: Any) -> list[str]:
    answer = await shop.http.get("/v1/products/search", params={"q": words} | query)
    assert answer.status_code == 200, answer.text
    return [card["title"] for card in answer.json()["items"]]


async def test_the_closest_comes_first_and_descriptions_do_not_count(shelf: Shop) -> None:
    # The title's beginning (the shorter first), the title, the brand, a category.
    assert await search(shelf, "牛奶") == ["牛奶", "牛奶巧克力", "鲜牛奶", "纯棉毛巾", "黄油"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("xnn", ["鲜牛奶"]),
        ("XianNiuNai", ["鲜牛奶"]),
        ("xianniu", ["鲜牛奶"]),
        ("烟台 苹果", ["烟台红富士苹果 100%甜"]),
        ("苹果 烟台", ["烟台红富士苹果 100%甜"]),
        ("苹果 香蕉", []),
        ("晨野 鲜", ["鲜牛奶"]),
        ("ｘｎｎ", ["鲜牛奶"]),
        ("　鲜牛奶　", ["鲜牛奶"]),
        ("油", ["黄油"]),
        ("不存在的东西", []),
    ],
)
async def test_chinese_pinyin_and_several_words_find(
    shelf: Shop, typed: str, found: list[str]
) -> None:
    assert await search(shelf, typed) == found


@pytest.mark.parametrize("code", [EAN, "A2", "a2", "A2-950"])
async def test_a_whole_code_comes_first(shelf: Shop, code: str) -> None:
    await load(row("B1", title=f"像 {code} 的牛奶", category=("零食",)))
    assert (await search(shelf, code))[0] == "鲜牛奶"


@pytest.mark.parametrize("wildcard", ["%", "100%", "_", "1_0", "\\", "%%", "'", '"', "\\%"])
async def test_wildcards_mean_themselves(shelf: Shop, wildcard: str) -> None:
    # "100%" stands in a title; a lone sign would have to begin one.
    found = ["烟台红富士苹果 100%甜"] if wildcard == "100%" else []
    assert await search(shelf, wildcard) == found


async def test_a_single_letter_finds_beginnings_only(shelf: Shop) -> None:
    # h begins 黄油's pinyin, and stands within 红富士's.
    assert await search(shelf, "h") == ["黄油"]


async def test_pages_of_a_search_follow_each_other(shelf: Shop) -> None:
    answer = await shelf.http.get("/v1/products/search", params={"q": "牛奶", "limit": 2})
    seen = [card["title"] for card in answer.json()["items"]]
    while cursor := answer.json()["next_cursor"]:
        query = {"q": "牛奶", "limit": 2, "cursor": cursor}
        answer = await shelf.http.get("/v1/products/search", params=query)
        seen += [card["title"] for card in answer.json()["items"]]
    assert seen == ["牛奶", "牛奶巧克力", "鲜牛奶", "纯棉毛巾", "黄油"]


@pytest.mark.parametrize("nothing", ["", " ", "\u3000", "\u200b", "x" * 65])
async def test_a_search_for_nothing_is_refused(shop: Shop, nothing: str) -> None:
    answer = await shop.http.get("/v1/products/search", params={"q": nothing})
    assert answer.status_code == 422
    assert "q" in answer.json()["fields"]


async def test_a_listing_cursor_is_no_search_cursor(shelf: Shop) -> None:
    listing = await shelf.http.get("/v1/products", params={"limit": 1})
    query = {"q": "牛奶", "cursor": listing.json()["next_cursor"]}
    assert (await shelf.http.get("/v1/products/search", params=query)).status_code == 422
