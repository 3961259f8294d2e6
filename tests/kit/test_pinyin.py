"""Chinese names found by letters."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.pinyin import full, initials, search_keys


@pytest.mark.parametrize(
    ("text", "spelled", "short"),
    [
        ("鲜牛奶", "xianniunai", "xnn"),
        ("绿茶 500ml", "lvcha500ml", "lc500ml"),
        ("ＡＤ钙奶", "adgainai", "adgn"),
        ("an安", "anan", "ana"),
        ("女儿红·12度", "nverhong12du", "neh12d"),
        ("Café 拿铁", "cafenatie", "cafent"),
        ("", "", ""),
        ("，。！", "", ""),
    ],
)
def test_names_are_spelled_and_abbreviated(text, spelled, short):
    assert full(text) == spelled
    assert initials(text) == short


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("重庆小面", "chongqingxiaomian"),
        ("体重秤", "tizhongcheng"),
        ("长沙臭豆腐", "changshachoudoufu"),
        ("长宁店", "changningdian"),
        ("音乐盒", "yinyuehe"),
        ("可乐", "kele"),
        ("人参", "renshen"),
        ("参鸡汤", "shenjitang"),
        ("野生大黄鱼", "yeshengdahuangyu"),
        ("薄荷糖", "bohetang"),
        ("炸鸡", "zhaji"),
        ("闵行", "minhang"),
        ("银行卡", "yinhangka"),
        ("六安瓜片", "luanguapian"),
    ],
)
def test_a_character_with_several_readings_is_read_by_its_phrase(text, spelled):
    assert full(text) == spelled


def test_search_keys_hold_what_a_shopper_may_type():
    keys = search_keys("  光明 鲜牛奶９５０ML ")
    assert keys == "光明 鲜牛奶950ml guangmingxianniunai950ml gmxnn950ml"


@given(st.text(max_size=40))
def test_keys_of_any_text_are_letters_and_digits(text):
    assert re.fullmatch(r"[a-z0-9]*", full(text))
    assert re.fullmatch(r"[a-z0-9]*", initials(text))


def test_the_dictionary_is_not_read_until_it_is_needed():
    script = "import sys, kit.pinyin; assert 'pypinyin' not in sys.modules"
    script += "; kit.pinyin.full('茶'); assert 'pypinyin' in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
