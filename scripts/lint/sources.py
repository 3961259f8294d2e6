"""The program's files as trees, and what is wrong in them."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOMS = (
    "server.py",
    "kit",
    "config",
    "models",
    "commerce",
    "wechat",
    "couriers",
    "miniprogram_api",
    "staff_api",
    "realtime",
    "jobs",
    "scripts",
    "benchmarks",
    "tests",
)

_ALLOWED = re.compile(r"# lint: allow (JISHI[0-9]{2}) - \S")


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is relative to the checkout, with forward slashes."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def is_in(self, *rooms: str) -> bool:
        return self.path.startswith(tuple(f"{room}/" for room in rooms))

    def classes(self) -> Iterator[ast.ClassDef]:
        """Every class, nested ones included."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))


@dataclass(frozen=True, order=True)
class Finding:
    """A broken rule, where it is broken."""

    path: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code} {self.message}"


def read_sources(checkout: Path) -> list[Source]:
    """Every Python file of the program and its tests."""
    found = []
    for room in ROOMS:
        place = checkout / room
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        found += [Source(file.relative_to(checkout).as_posix(), file.read_text()) for file in files]
    return found


def not_allowed(findings: Iterable[Finding], sources: Iterable[Source]) -> list[Finding]:
    """The findings whose line does not allow them with a reason, in order of place."""
    lines = {source.path: source.lines for source in sources}
    return sorted(
        finding
        for finding in findings
        if finding.code not in _ALLOWED.findall(lines[finding.path][finding.line - 1])
    )
