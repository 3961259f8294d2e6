"""JISHI04: every refusal states its code, status and one sentence per language; codes are unique.

A class below another refusal may state nothing: then it is that refusal, told apart inside only.
"""

import ast
import re
import string
from collections.abc import Iterable, Iterator

from scripts.lint.sources import Finding, Source

CODE = "JISHI04"

_STATED = ("code", "status", "zh", "en")
_SNAKE = re.compile(r"[a-z]+(_[a-z0-9]+)*")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def check(sources: Iterable[Source]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for source, one in _refusals([source for source in sources if not source.is_in("tests")]):
        stated = _constants(one)
        if not stated.keys() & set(_STATED) and "Refusal" not in map(_last, one.bases):
            continue
        for message in _faults(stated):
            yield Finding(source.path, one.lineno, CODE, f"{one.name} {message}")
        code = str(stated.get("code", one.name))
        if code in seen:
            message = f"{one.name} has the code of {seen[code]}"
            yield Finding(source.path, one.lineno, CODE, message)
        seen[code] = one.name


def _refusals(sources: list[Source]) -> Iterator[tuple[Source, ast.ClassDef]]:
    """Every class below `Refusal`, at any depth, wherever it is declared."""
    classes = [(source, one) for source in sources for one in source.classes()]
    known = {"Refusal"}
    while True:
        below = {one.name for _, one in classes if {_last(base) for base in one.bases} & known}
        if below <= known:
            break
        known |= below
    return ((source, one) for source, one in classes if one.name in known - {"Refusal"})


def _last(base: ast.expr) -> str:
    return ast.unparse(base).rpartition(".")[2]


def _constants(one: ast.ClassDef) -> dict[str, object]:
    return {
        ast.unparse(field.targets[0]): field.value.value
        for field in one.body
        if isinstance(field, ast.Assign) and isinstance(field.value, ast.Constant)
    }


def _faults(stated: dict[str, object]) -> Iterator[str]:
    missing = [name for name in _STATED if name not in stated]
    if missing:
        yield f"does not state {', '.join(missing)}"
        return
    if not _SNAKE.fullmatch(str(stated["code"])):
        yield "has a code that is not snake_case"
    if not isinstance(stated["status"], int) or not 400 <= stated["status"] <= 599:
        yield "has a status that refuses nothing"
    zh, en = str(stated["zh"]), str(stated["en"])
    if not _CHINESE.search(zh) or _CHINESE.search(en):
        yield "needs a Chinese and an English sentence"
    if _details(zh) != _details(en):
        yield "tells different details in its two languages"


def _details(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
