"""The largest files and functions: where to look, not what to cut. Nothing here fails."""

import ast
from collections.abc import Iterator, Sequence

from scripts.lint.sources import Source

LONGEST_FILE, LONGEST_TEST = 400, 600
LONGEST_FUNCTION = 50
_SHOWN = 5


def report(sources: Sequence[Source]) -> Iterator[str]:
    """Lines for people: every file over its number, then the largest of all."""
    program = [source for source in sources if not source.is_in("models/migrations")]
    for source in program:
        longest = LONGEST_TEST if source.is_in("tests") else LONGEST_FILE
        if len(source.lines) > longest:
            yield f"{source.path}: {len(source.lines)} lines, over {longest}"
    by_length = sorted(program, key=lambda source: -len(source.lines))[:_SHOWN]
    yield "largest files: " + ", ".join(f"{s.path} {len(s.lines)}" for s in by_length)
    functions = sorted(
        (length, place) for source in program for length, place in _functions(source)
    )
    for length, place in functions:
        if length > LONGEST_FUNCTION:
            yield f"{place}: {length} lines, over {LONGEST_FUNCTION}"
    largest = ", ".join(f"{place} {length}" for length, place in functions[: -_SHOWN - 1 : -1])
    yield f"largest functions: {largest}"
    yield f"median function: {functions[len(functions) // 2][0] if functions else 0} lines"


def _functions(source: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            yield length, f"{source.path}:{node.lineno} {node.name}"
