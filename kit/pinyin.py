"""How Chinese names are found by people who type letters."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

# What shops sell or where they are, and the dictionary misreads.
_SHOP_WORDS: Final = {
    "会稽": "kuai ji",
    "佛跳墙": "fo tiao qiang",  # codespell:ignore fo
    "参鸡汤": "shen ji tang",
    "呷哺": "xia bu",  # codespell:ignore bu
    "大黄鱼": "da huang yu",
    "差旅": "chai lv",
    "弹弹糖": "tan tan tang",
    "牛轧": "niu ga",
    "系带": "xi dai",
    "花蛤": "hua ge",
    "都匀": "du yun",
    "长宁": "chang ning",
    "长裙": "chang qun",
    "闵行": "min hang",
}
_PIECE: Final = re.compile(r"([a-z0-9]+)|[^a-z0-9]+")


def full(text: str) -> str:
    """ "鲜牛奶" -> "xianniunai"; latin letters and digits stay, everything else goes. ü is v.

    A character with several readings is read as its phrase demands: 重庆 "chongqing", 体重 "tizhong".
    """
    return "".join(syllable for syllable, _ in _spoken(text))


def initials(text: str) -> str:
    """ "鲜牛奶" -> "xnn"; latin letters and digits stay whole: "绿茶 500ml" -> "lc500ml"."""
    return "".join(syllable[:1] if is_read else syllable for syllable, is_read in _spoken(text))


def search_keys(text: str) -> str:
    """The words of a search column: `text` in lower case, its full pinyin and its initials.

    Full-width letters and digits become plain ones; do the same to what the shopper types
    (NFKC and lower case) and look for it as a substring.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    return f"{plain} {full(text)} {initials(text)}"


def _spoken(text: str) -> Iterator[tuple[str, bool]]:
    """Syllables (True) and runs of latin letters and digits (False) in their order."""
    # NFKD takes é apart, so that its e can be typed.
    for piece in _PIECE.finditer(unicodedata.normalize("NFKD", text).lower()):
        if piece[1]:
            yield piece[1], False
        else:
            for syllable in _reader()(piece[0], errors="ignore"):
                yield syllable, True


@cache
def _reader() -> Callable[..., list[str]]:
    # Here, because it reads dictionaries of 40 000 characters and phrases for a third of a second:
    # workers only look for keys that importers have made.
    import pypinyin  # noqa: PLC0415

    words: dict[str, Any] = {
        word: [[syllable] for syllable in reading.split()] for word, reading in _SHOP_WORDS.items()
    }
    pypinyin.load_phrases_dict(words)
    return pypinyin.lazy_pinyin
