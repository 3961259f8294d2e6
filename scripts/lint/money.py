"""JISHI01: an amount of money says its unit: whole fen, in a name that ends in `_fen`."""

import ast
import re
from collections.abc import Iterable, Iterator

from scripts.lint.sources import Finding, Source

CODE = "JISHI01"

_MONEY = re.compile(
    r"(^|_)(amount|price|fee|cost|freight|discount|payable|balance|yuan|cents?)(_|$)"
)
_AMOUNTS = {"Fen", "Fen | None", "fields.Field[Fen]", "fields.Field[Fen | None]"}
_INTEGERS = {"IntField", "BigIntField", "SmallIntField", "FloatField", "DecimalField"}


def check(sources: Iterable[Source]) -> Iterator[Finding]:
    for source in sources:
        if source.is_in("models", "commerce", "miniprogram_api", "staff_api", "jobs"):
            for one in source.classes():
                for field in one.body:
                    fault = _fault(field)
                    if fault:
                        yield Finding(source.path, field.lineno, CODE, fault)


def _fault(field: ast.stmt) -> str | None:
    name, annotation, value = _parts(field)
    if name is None or name.startswith("_"):
        return None
    is_fen = annotation is not None and ast.unparse(annotation) in _AMOUNTS
    if is_fen:
        return None if name.endswith("_fen") else f"{name} is money: call it {name}_fen"
    if not _is_column(value):
        return None
    if name.endswith("_fen"):
        return f"{name} is money: annotate it as Field[Fen]"
    return f"{name} sounds like money: end it in _fen" if _MONEY.search(name) else None


def _parts(field: ast.stmt) -> tuple[str | None, ast.expr | None, ast.expr | None]:
    """Name, annotation and value of a class attribute."""
    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
        return field.target.id, field.annotation, field.value
    if isinstance(field, ast.Assign) and isinstance(field.targets[0], ast.Name):
        return field.targets[0].id, None, field.value
    return None, None, None


def _is_column(value: ast.expr | None) -> bool:
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in _INTEGERS
    )
