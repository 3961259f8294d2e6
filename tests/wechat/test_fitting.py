"""Values of subscribe messages: every text that leaves is one WeChat takes (facts C1)."""

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wechat.fitting import Unfit, fit

DATE = r"\d{4}(年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2}|\.\d{1,2}\.\d{1,2})"
CLOCK = r"\d{1,2}:\d{2}(:\d{2})?"
HAN = "[\u3400-\u4dbf\u4e00-\u9fff]"
# Written from the table of the facts, not from the code; `\d` is ASCII here.
LEGAL = {
    "thing": r".{1,20}",
    "number": r"(?=.{1,32}$)\d+(\.\d+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"\W{1,5}|[\W_]{1,5}",
    "character_string": r"[!-~]{1,32}",
    "time": rf"({DATE} ?)?{CLOCK}(~({DATE} ?)?{CLOCK})?",
    "date": rf"{DATE}( ?{CLOCK})?(~{DATE}( ?{CLOCK})?)?",
    "amount": r"[￥$€£]?(?=[\d.]{1,11}元?$)\d+(\.\d+)?元?",
    "phone_number": r"[0-9+()*#-]{1,17}",
    "car_number": rf"(?=.{{1,8}}$){HAN}?[A-Za-z0-9]*{HAN}?",
    "name": rf"(?=.*{HAN}).{{1,10}}|((?!{HAN})\D){{1,20}}",
    "phrase": rf"{HAN}{{1,5}}",
    "enum": r".+",
    "future": r".{1,20}",
}
MEANINGFUL = {"number", "letter", "time", "date", "amount", "car_number", "enum"}
ASCII_DIGITS = {"number", "time", "date", "amount", "name"}

texts = st.one_of(
    st.text(max_size=60),
    st.text("0123456789.,¥￥$元年月日:：~～-/ ", max_size=24),
    st.text("沪京A1B2粤港澳学警·… 😀👩\u200d💻\ufe0f\u0301\r\n\t\x00\u202e\udcff店", max_size=40),
    st.datetimes().map(lambda t: t.strftime("%Y-%m-%d %H:%M")),
    st.integers(0, 10**12).map(lambda fen: f"￥{fen // 100}.{fen % 100:02}"),
)


@settings(deadline=None, max_examples=300)
@given(kind=st.sampled_from(sorted(LEGAL)), number=st.integers(1, 99), value=texts)
@example(kind="name", number=1, value="a 1 b")
@example(kind="thing", number=1, value="e\u200d\u0301" * 20)
def test_what_fits_is_legal_and_fits_again_unchanged(kind: str, number: int, value: str) -> None:
    try:
        fitted = fit(f"{kind}{number}", value)
    except Unfit:
        assert kind in MEANINGFUL
        return
    flags = re.ASCII if kind in ASCII_DIGITS else 0
    assert re.fullmatch(LEGAL[kind], fitted, flags), (kind, fitted)
    assert fitted == fitted.strip()
    assert not {unicodedata.category(char) for char in fitted} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not set(fitted) & set("😀👩💻\ufe0f\u200d")
    assert fit(f"{kind}{number}", fitted) == fitted


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("thing1", "鲜花套餐等3件"),
        ("thing20", "二十个字符的值刚好放得下不多不少就这样了"),
        ("number1", "12.5"),
        ("letter1", "abcXYZ"),
        ("symbol1", "!?~"),
        ("character_string1", "J2026-1123_0001"),
        ("time1", "15:01"),
        ("time1", "2019年10月1日 15:01"),
        ("time2", "2026-11-23 09:00~10:30"),
        ("date3", "2019年10月1日"),
        ("date3", "2026.11.23~2026.11.30"),
        ("amount1", "￥100.00"),
        ("amount1", "100.00元"),
        ("phone_number1", "+86-0766-66888866"),
        ("phone_number1", "138****0000"),
        ("car_number1", "粤A8Z888挂"),
        ("name1", "欧阳小红"),
        ("name1", "Jean-Luc P."),
        ("phrase1", "配送中"),
        ("enum1", "已完成"),
    ],
)
def test_what_is_legal_already_is_left_alone(keyword: str, value: str) -> None:
    assert fit(keyword, value) == value


@pytest.mark.parametrize(
    ("keyword", "value", "fitted"),
    [
        (
            "thing1",
            "一二三四五六七八九十一二三四五六七八九十廿",
            "一二三四五六七八九十一二三四五六七八九…",
        ),
        ("thing1", "第一行\r\n第二行\u2028第三行", "第一行 第二行 第三行"),
        ("thing1", "生日快乐🎂👩\u200d👩\u200d👧", "生日快乐"),
        ("thing1", "a\x00b\u202ec", "abc"),
        ("thing1", "", "无"),
        ("thing1", "🎂", "无"),
        ("character_string1", "订单 J2026", "J2026"),
        ("character_string1", "x" * 33, "x" * 29 + "..."),
        ("character_string1", "订单", "-"),
        ("amount1", "¥1,234.50", "￥1234.50"),
        ("amount1", "￥１２.００", "￥12.00"),
        ("time1", "２０２６年１１月２３日　０９：３０", "2026年11月23日 09:30"),
        ("time1", "09:00 ～ 10:00", "09:00~10:00"),
        ("phrase1", "已发货2件", "已发货件"),
        ("phrase1", "正在为您备货中", "正在为您备"),
        ("phrase1", "OK", "无"),
        ("name1", "顾客8888", "顾客"),
        ("name1", "买买提·阿卜杜拉·热合曼江", "买买提·阿卜杜拉·…"),
        ("phone_number1", "（电话）", "-"),
        ("car_number1", "沪A·12沪345", "沪A12345"),
        ("symbol1", "a!!!!!!", "!!!!!"),
    ],
)
def test_what_is_too_much_is_cut_to_size(keyword: str, value: str, fitted: str) -> None:
    assert fit(keyword, value) == fitted


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("amount1", ""),
        ("amount1", "免费"),
        ("amount1", "-1.00"),
        ("amount1", "￥123456789.00"),
        ("number1", "约3"),
        ("number1", "9" * 33),
        ("time1", "明天"),
        ("time1", "25:00"),
        ("date1", "11-23"),
        ("letter1", "店"),
        ("car_number1", "···"),
        ("enum1", " "),
    ],
)
def test_a_wrong_figure_is_worse_than_no_message(keyword: str, value: str) -> None:
    with pytest.raises(Unfit):
        fit(keyword, value)
