"""What the simulator knows, in memory and, when asked, in one journal of JSON lines."""

from io import FileIO
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from wechat.sandbox.rows import (
    Code,
    Count,
    Message,
    Newest,
    Notice,
    Prepay,
    Refreshes,
    Refund,
    Sheet,
    Shopper,
    Token,
    Trade,
)

Row = TypeVar("Row", bound=msgspec.Struct)

JOURNAL_NAME: Final = "journal.jsonl"


class _Line(msgspec.Struct):
    table: str
    key: str
    row: msgspec.Raw


class Journal:
    """Appends every written row to a file; without a file it does nothing."""

    def __init__(self) -> None:
        self._file: FileIO | None = None
        self._encoder = msgspec.json.Encoder()

    def open(self, path: Path) -> None:
        self._file = FileIO(path, "a")

    def write(self, table: str, key: str, row: msgspec.Struct) -> None:
        if self._file:
            self._file.write(self.line(table, key, row))

    def line(self, table: str, key: str, row: msgspec.Struct) -> bytes:
        return self._encoder.encode({"table": table, "key": key, "row": row}) + b"\n"

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


class Table(Generic[Row]):
    """Rows of one kind by key, in the order they were first written."""

    def __init__(self, journal: Journal, name: str, kind: type[Row]) -> None:
        self.rows: dict[str, Row] = {}
        self._journal = journal
        self._name = name
        self._kind = kind

    def find(self, key: str) -> Row | None:
        return self.rows.get(key)

    def put(self, key: str, row: Row) -> None:
        """Keep `row`; call it again after changing a row in place."""
        self.rows[key] = row
        self._journal.write(self._name, key, row)

    def load(self, key: str, raw: msgspec.Raw) -> None:
        self.rows[key] = msgspec.json.decode(raw, type=self._kind)

    def lines(self) -> list[bytes]:
        return [self._journal.line(self._name, key, row) for key, row in self.rows.items()]


class Store:
    """All tables. With `state_dir`, what was written before is there again, torn end or not."""

    def __init__(self, state_dir: str | None) -> None:
        self._journal = Journal()
        self._tables: dict[str, Table[Any]] = {}
        self.shoppers = self._table("shoppers", Shopper)
        self.codes = self._table("codes", Code)
        self.tokens = self._table("tokens", Token)
        self.newest = self._table("newest", Newest)
        self.refreshes = self._table("refreshes", Refreshes)
        self.credits = self._table("credits", Count)
        self.messages = self._table("messages", Message)
        self.prepays = self._table("prepays", Prepay)
        self.trades = self._table("trades", Trade)
        self.refunds = self._table("refunds", Refund)
        self.notices = self._table("notices", Notice)
        self.sheets = self._table("sheets", Sheet)
        self.lives = self._table("lives", Count)
        if state_dir is not None:
            self._restore(Path(state_dir))

    def close(self) -> None:
        self._journal.close()

    def _table(self, name: str, kind: type[Row]) -> Table[Row]:
        table = Table(self._journal, name, kind)
        self._tables[name] = table
        return table

    def _restore(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / JOURNAL_NAME
        if path.exists():
            self._load(path.read_bytes())
        compact = path.with_suffix(".new")
        compact.write_bytes(b"".join(line for t in self._tables.values() for line in t.lines()))
        compact.replace(path)
        self._journal.open(path)

    def _load(self, written: bytes) -> None:
        # What follows the last line end is the torn line of a killed run, or nothing.
        for text in written.split(b"\n")[:-1]:
            line = msgspec.json.decode(text, type=_Line)
            self._tables[line.table].load(line.key, line.row)
