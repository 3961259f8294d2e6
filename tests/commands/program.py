"""`jishi` as a person runs it: a program, its words and its exit code."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    """A folder, a database, and the program beside them."""

    folder: Path
    database: str
    checkout: Path

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        # Redis plays no part; without an address an embedded one would be started.
        here = {"JISHI_DATA_DIR": str(self.folder / "data"), "REDIS_URL": "redis://127.0.0.1:1"}
        return kept | here | {"DATABASE_URL": self.database}

    async def run(self, *arguments: str, typed: bytes = b"") -> Ran:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.jishi", *arguments),
            cwd=self.checkout,
            env=self.environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(typed)
        return Ran(process.returncode or 0, out.decode(), err.decode())
