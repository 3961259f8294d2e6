"""Protection off: the same code without row locks and without the condition in the write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from kit import db

_SAFE_TO_CARELESS = {
    " for no key update": "",
    " and status <> 'succeeded'": "",
    "where id = $1 and status = $2": "where id = $1 and $2::text is not null",
}


def _careless(query: str) -> str:
    for safe, careless in _SAFE_TO_CARELESS.items():
        query = query.replace(safe, careless)
    return query


@contextmanager
def careless() -> Iterator[None]:
    """Every statement of the program loses its lock and its compare-and-set while the block runs."""
    keep = {name: getattr(db, name) for name in ("row", "rows", "one", "value", "execute")}

    def without(name: str) -> Any:
        async def run(query: str, *args: object) -> Any:
            return await keep[name](_careless(query), *args)

        return run

    with (
        patch.object(db, "row", without("row")),
        patch.object(db, "rows", without("rows")),
        patch.object(db, "value", without("value")),
        patch.object(db, "execute", without("execute")),
    ):
        yield
