"""A week's opening hours as people write them, in the minutes the program keeps."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from commerce.catalog.rules.cells import Wrong, within
from commerce.catalog.rules.search import fold
from commerce.stores.rules import DAY, check_weekly

Span = list[int]

LONGEST: Final = 500
_WEEK: Final = "一二三四五六日"
_NAMED: Final = {"每天": range(7), "每日": range(7), "工作日": range(5), "周末": range(5, 7)}
_ROUND: Final = frozenset({"24小时", "24小时营业", "全天"})
_CLOSED: Final = frozenset({"休息", "不营业"})

_DAY: Final = r"(?:周|星期)([一二三四五六日天])"
_SOME_DAYS: Final = re.compile(f"{_DAY}(?:-{_DAY})?")
_SPAN: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})-(\+?)([0-9]{1,2}):([0-9]{2})")

# How the same is written otherwise: any dash or 至, a closing time called the next day's, and
# blanks put in or left out beside Chinese.
_SPELLINGS: Final = (
    (re.compile(r"\s*[-~–—−至到]+\s*"), "-"),
    (re.compile(r"-[次翌]日\s*"), "-+"),
    (re.compile(r"(?<=[0-9])\s+(?=小时)"), ""),
    (re.compile(r"(?<=[一-鿿])(?=[0-9])"), " "),
)


def read_week(text: str) -> list[list[Span]]:
    """Seven days (Monday first) of [start, end) minutes; an end over 1440 is on the next day.

    Parts are set apart by semicolons or lines: days (none: every day), then their hours, such as
    "周一至周五 08:00-12:00 14:00-22:00;周六、周日 09:00-23:00", "24小时", "18:00-02:00",
    "周一 休息". A day that is not named is closed. Raises `Wrong`: "not_hours", "day_twice",
    "hours_overlap".
    """
    week: dict[int, list[Span]] = {}
    for part in re.split("[;；\n]", within(LONGEST, text)):
        if not part.strip():
            continue
        days, spans = _read_part(part)
        for day in days:
            if day in week:
                raise Wrong("day_twice", day=f"周{_WEEK[day]}")
            week[day] = spans
    if not any(week.values()):
        raise Wrong("not_hours")
    return _checked([week.get(day, []) for day in range(7)])


def _checked(week: list[list[Span]]) -> list[list[Span]]:
    try:
        check_weekly(week)
    except ValueError:
        raise Wrong("hours_overlap") from None
    return week


def _read_part(part: str) -> tuple[Sequence[int], list[Span]]:
    plain = fold(part)
    for spelling, ours in _SPELLINGS:
        plain = spelling.sub(ours, plain)
    words = re.findall(r"[^\s,、]+", plain)
    named = [_days(word) for word in takewhile(_days, words)]
    days = [day for some in named for day in some]
    return days or range(7), _spans(words[len(named) :])


def _days(word: str) -> Sequence[int]:
    """The days a word names, Sunday to Monday too; none if it is about hours."""
    found = _SOME_DAYS.fullmatch(word)
    if not found:
        return _NAMED.get(word, ())
    first, last = (
        _WEEK.index(name.replace("天", "日")) for name in (found[1], found[2] or found[1])
    )
    return [(first + ahead) % 7 for ahead in range((last - first) % 7 + 1)]


def _spans(words: list[str]) -> list[Span]:
    match words:
        case []:
            raise Wrong("not_hours")
        case [word] if word in _ROUND:
            return [[0, DAY]]
        case [word] if word in _CLOSED:
            return []
        case _:
            return sorted(_span(word) for word in words)


def _span(word: str) -> Span:
    found = _SPAN.fullmatch(word)
    if not found:
        raise Wrong("not_hours")
    start, end = _minute(found[1], found[2]), _minute(found[4], found[5])
    # Opening and closing at the same minute may mean a whole day, or none: "24小时" is clear.
    if start in (end, DAY):
        raise Wrong("not_hours")
    return [start, end + DAY if found[3] or end < start else end]


def _minute(hour: str, minute: str) -> int:
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > DAY:
        raise Wrong("not_hours")
    return total
