"""How goods are found: the text that is searched, and the words that search it."""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from kit import pinyin

# More words than a title has only cost time; the rest of a pasted paragraph is left out.
MOST_WORDS: Final = 8


def fold(text: str) -> str:
    """`text` as it is compared: full-width forms narrowed, lower case, invisible characters gone."""
    narrow = unicodedata.normalize("NFKC", text).lower()
    if not narrow.isprintable():
        narrow = "".join(_visible(char) for char in narrow)
    return " ".join(narrow.split())


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf":
        return ""
    return " " if category[0] in "CZ" else char


def search_words(text: str) -> list[str]:
    """The words of a query, each of which must be found; empty when nothing visible was typed."""
    return list(dict.fromkeys(fold(text).split()))[:MOST_WORDS]


def grams(words: Iterable[str]) -> list[str]:
    """The two-letter pieces every match has (a one-letter word is its own piece).

    Agrees with the SQL function `search_grams`, which cuts `search_keys`.
    """
    found = [text_found(word) for word in words]
    return list(dict.fromkeys(piece for text in found for piece in _pieces(text)))


def _pieces(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(max(len(text) - 1, 1))]


def text_found(word: str) -> str:
    """What must stand in the keys for `word`: itself, but a single Latin letter or digit begins a line.

    Such a letter is somewhere in nearly every product's pinyin: it would find (and rank) them all.
    """
    return f"\n{word}" if len(word) == 1 and word.isascii() else word


def like_pattern(word: str) -> str:
    """The LIKE pattern that finds `word` where it counts, its own wildcards taken literally."""
    escaped = text_found(word).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def search_keys(title: str, brand: str, *, category: Sequence[str], codes: Iterable[str]) -> str:
    """The searched text of a product: lines of title, brand, codes and barcodes, categories, pinyin.

    The first three lines have fixed places, because a match there ranks higher; codes stand
    between blanks, so that a whole one can be told from a part; every line follows a line break,
    so that its beginning can be searched. Descriptions are not: they name other goods.
    """
    names = [brand, *category]
    spoken = [*_spoken(title), *(each for name in names for each in _spoken_name(name))]
    unique_codes = dict.fromkeys(fold(code) for code in codes)
    fixed = [fold(title), fold(brand), f" {' '.join(unique_codes)} "]
    found = dict.fromkeys([*map(fold, category), *spoken])
    return "\n".join(["", *fixed, *(line for line in found if line and line not in fixed)])


def _spoken(text: str) -> tuple[str, str]:
    return pinyin.full(text), pinyin.initials(text)


# A shop has thousands of titles but few brands and categories, and pinyin costs most here.
_spoken_name: Final = lru_cache(maxsize=4096)(_spoken)
