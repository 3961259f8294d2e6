"""Private directories outside the data directory, which a killed process leaves to the next one to remove."""

import fcntl
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from config.embedded import unprivileged
from config.embedded.unprivileged import Account


class Scratch:
    """A new directory in `parent`, 0700 and with an unguessable name, belonging to `account`.

    Removes those of earlier processes that could not remove theirs: their locks ended with them."""

    def __init__(self, parent: Path, prefix: str, account: Account | None = None) -> None:
        _sweep(parent, prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self._lock = (self.path / "lock").open("a")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unprivileged.own(self.path, account)

    def remove(self) -> None:
        """Harmless when it is gone already."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _sweep(parent: Path, prefix: str) -> None:
    for place in parent.glob(f"{prefix}*"):
        # Refused when its process is alive, when it is another user's, and when it is gone meanwhile.
        with suppress(OSError), (place / "lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place)
