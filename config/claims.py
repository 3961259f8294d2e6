"""Which process owns a part of the data directory, and where it can be reached."""

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any


class Claimed(Exception):
    """Another living process holds the claim; `address` is what it wrote about itself, at least `pid`."""

    def __init__(self, name: str, address: dict[str, Any]) -> None:
        self.name = name
        self.address = address
        super().__init__(f"{name} belongs to process {address.get('pid', 'unknown')}")


class Claim:
    """At most one process at a time holds `name` in `data_dir`. The lock ends with the process, however it ends."""

    def __init__(self, data_dir: Path, name: str) -> None:
        self._name = name
        self._directory = data_dir
        self._lock: IO[str] | None = None

    @property
    def is_held(self) -> bool:
        return self._lock is not None

    def take(self) -> dict[str, Any]:
        """Hold it: what the last holder wrote. Raises `Claimed` while another process holds it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        lock = (self._directory / f"{self._name}.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Claimed(self._name, read_address(self._directory, self._name)) from None
        self._lock = lock
        return read_address(self._directory, self._name)

    def tell(self, **address: Any) -> None:
        """Write, whole or not at all, where the holder can be reached."""
        path = _address_file(self._directory, self._name)
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)  # an address may carry a password
        draft.write_text(json.dumps({"pid": os.getpid(), **address}))
        draft.replace(path)

    def release(self) -> None:
        """Let go; harmless when it is not held."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def read_address(data_dir: Path, name: str) -> dict[str, Any]:
    """What the holder, or the last one, wrote; {} when there was none or it cannot be read."""
    try:
        address = json.loads(_address_file(data_dir, name).read_text())
    except (OSError, ValueError):
        return {}
    return address if isinstance(address, dict) else {}


def _address_file(data_dir: Path, name: str) -> Path:
    return data_dir / f"{name}.json"
