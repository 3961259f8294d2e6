"""What is searched, and how words are read."""

import pytest

from commerce.catalog.rules.pictures import is_picture_name, media_type
from commerce.catalog.rules.search import fold, grams, like_pattern, search_keys, search_words


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        ("  鲜  牛奶 ", "鲜 牛奶"),
        ("ＸＮＮ　９５０ｍｌ", "xnn 950ml"),
        ("牛\u200b奶", "牛奶"),
        ("牛\x00奶\n瓶", "牛 奶 瓶"),
        ("ÉCLAIR", "éclair"),
    ],
)
def test_text_is_compared_narrow_low_and_visible(typed: str, compared: str) -> None:
    assert fold(typed) == compared


def test_a_query_is_its_distinct_words_and_a_pasted_paragraph_its_first_eight() -> None:
    assert search_words("牛奶 鲜 牛奶") == ["牛奶", "鲜"]
    assert search_words(" \u3000\u200b ") == []
    assert search_words(" ".join("abcdefghij")) == list("abcdefgh")


def test_grams_are_pairs_within_words() -> None:
    assert grams(["鲜牛奶", "xn"]) == ["鲜牛", "牛奶", "xn"]
    assert grams(["奶"]) == ["奶"]


def test_a_single_letter_must_begin_a_line() -> None:
    assert grams(["x"]) == ["\nx"]
    assert like_pattern("x") == "%\nx%"


def test_wildcards_are_taken_literally() -> None:
    assert like_pattern("100%") == r"%100\%%"
    assert like_pattern("a_b\\c") == r"%a\_b\\c%"


def test_keys_have_title_brand_and_codes_on_fixed_lines() -> None:
    keys = search_keys(
        "鲜牛奶", "晨野", category=("乳品", "牛奶"), codes=["A2", "A2-1", "A2", "6901234567892"]
    )
    lines = keys.split("\n")
    assert lines[:4] == ["", "鲜牛奶", "晨野", " a2 a2-1 6901234567892 "]
    pinyin = ["xianniunai", "xnn", "chenye", "cy", "rupin", "rp", "niunai", "nn"]
    assert lines[4:] == ["乳品", "牛奶", *pinyin]


def test_keys_say_nothing_twice_and_keep_their_lines_without_a_brand() -> None:
    assert search_keys("milk", "", category=("Milk",), codes=["M"]).split("\n") == [
        "",
        "milk",
        "",
        " m ",
    ]


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("0123456789abcdef0123456789abcdef.png", True),
        ("0123456789abcdef0123456789abcdef.webp", True),
        ("0123456789ABCDEF0123456789abcdef.png", False),
        ("0123456789abcdef0123456789abcdef.svg", False),
        ("0123456789abcdef0123456789abcdef.png\n", False),
        ("../0123456789abcdef0123456789abcdef.png", False),
        ("", False),
    ],
)
def test_only_hashes_are_names_of_pictures(name: str, is_ours: bool) -> None:
    assert is_picture_name(name) is is_ours


def test_a_name_tells_its_media_type() -> None:
    assert media_type("0123456789abcdef0123456789abcdef.jpg") == "image/jpeg"
