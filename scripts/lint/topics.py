"""JISHI03: whatever is put into the outbox has somebody who takes it out, and the other way round."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from scripts.lint.sources import Finding, Source

CODE = "JISHI03"

RELAY = "jobs/outbox.py"
_ENUMS = "models/enums.py"


def check(sources: Sequence[Source]) -> Iterator[Finding]:
    by_path = {source.path: source for source in sources}
    consumed = dict(_consumers(by_path[RELAY]))
    emitted: dict[str, tuple[str, int]] = {}
    for source in sources:
        if source.is_in("commerce", "jobs", "wechat", "miniprogram_api", "staff_api", "realtime"):
            for call in _emits(source):
                topics = _topics(call, source, by_path)
                if topics is None:
                    message = "say the topic as text, or under `if state in rules.ANNOUNCED…`"
                    yield Finding(source.path, call.lineno, CODE, message)
                emitted |= dict.fromkeys(topics or (), (source.path, call.lineno))
    for topic in sorted(emitted.keys() - consumed.keys()):
        yield Finding(*emitted[topic], CODE, f"{topic} has no consumer in {RELAY}")
    for topic in sorted(consumed.keys() - emitted.keys()):
        yield Finding(RELAY, consumed[topic], CODE, f"nobody emits {topic}")


def _consumers(relay: Source) -> Iterator[tuple[str, int]]:
    """The keys of `CONSUMERS` with their lines."""
    for node in ast.walk(relay.tree):
        if (
            isinstance(node, ast.AnnAssign)
            and ast.unparse(node.target) == "CONSUMERS"
            and isinstance(node.value, ast.Dict)
        ):
            for key in node.value.keys:
                if isinstance(key, ast.Constant):
                    yield str(key.value), key.lineno


def _emits(source: Source) -> Iterator[ast.Call]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "outbox.emit":
            yield node


def _topics(call: ast.Call, source: Source, by_path: dict[str, Source]) -> set[str] | None:
    """What one call may emit; None when nobody can tell by reading it."""
    topic = call.args[0]
    if isinstance(topic, ast.Constant):
        return {str(topic.value)}
    guard = _guard(call, source)
    if not isinstance(topic, ast.JoinedStr) or guard is None:
        return None
    states = _announced(guard, source, by_path)
    return {_filled(topic, state) for state in states}


def _guard(call: ast.Call, source: Source) -> str | None:
    """NAME of the innermost `if … in rules.NAME:` around the call."""
    found = None
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.If)
            and any(inner is call for statement in node.body for inner in ast.walk(statement))
            and isinstance(node.test, ast.Compare)
            and isinstance(node.test.ops[0], ast.In)
        ):
            found = ast.unparse(node.test.comparators[0])
    return found.removeprefix("rules.") if found and found.startswith("rules.") else None


def _announced(name: str, source: Source, by_path: dict[str, Source]) -> set[str]:
    """The values of the states in the set `name` of the rules beside `source`."""
    rules = by_path[f"{PurePosixPath(source.path).parent}/rules.py"]
    values = _enum_values(by_path[_ENUMS])
    return {
        values[node.value.id, node.attr]
        for statement in rules.tree.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name
        for node in ast.walk(statement.value)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def _enum_values(enums: Source) -> dict[tuple[str, str], str]:
    return {
        (one.name, ast.unparse(member.targets[0])): str(member.value.value)
        for one in enums.classes()
        for member in one.body
        if isinstance(member, ast.Assign) and isinstance(member.value, ast.Constant)
    }


def _filled(topic: ast.JoinedStr, state: str) -> str:
    parts: Iterable[str] = (
        str(part.value) if isinstance(part, ast.Constant) else state for part in topic.values
    )
    return "".join(parts)
