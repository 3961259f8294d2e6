"""JISHI02: a state is moved by one statement, so that its table of steps is asked every time."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from scripts.lint.sources import Finding, Source

CODE = "JISHI02"

# Each table with a life, and the noun whose package alone moves it.
OWNERS = {
    "shop_order": "commerce/orders",
    "fulfilment": "commerce/orders",
    "payment": "commerce/payments",
    "refund": "commerce/payments",
}

_UPDATE = re.compile(
    rf"\bupdate\s+({'|'.join(OWNERS)})\b(?:\s+(?:as\s+)?(?!set\b)\w+)?\s+set\b"
    r"(.*?)(?=\bwhere\b|\breturning\b|\bfrom\b|$)",
    re.IGNORECASE | re.DOTALL,
)
_STATUS = re.compile(r"\bstatus\s*=")


def check(sources: Iterable[Source]) -> Iterator[Finding]:
    writers: dict[str, list[Finding]] = defaultdict(list)
    for source in sources:
        if source.is_in("tests", "models", "wechat/sandbox"):
            continue
        for table, line in _writes(source):
            place = Finding(source.path, line, CODE, f"moves {table}.status")
            writers[table].append(place)
            if not source.is_in(OWNERS[table]):
                message = f"{place.message}, which only {OWNERS[table]} may"
                yield Finding(source.path, line, CODE, message)
    for places in writers.values():
        first, *others = sorted(places)
        for other in others:
            message = f"{other.message}, which {first.path}:{first.line} does already"
            yield Finding(other.path, other.line, CODE, message)


def _writes(source: Source) -> Iterator[tuple[str, int]]:
    """Each statement that moves a state: its table and line."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for update in _UPDATE.finditer(node.value):
                if _STATUS.search(update[2]):
                    yield update[1].lower(), node.lineno
