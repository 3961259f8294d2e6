"""`jishi reseal`: a new key for everything that rests sealed, from the command line."""

import asyncio
import base64
import sys
from datetime import UTC, datetime
from pathlib import Path

from commerce.members.actions import MemberRow, load_members
from kit.sealing import Sealer

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
CHECKOUT = Path(__file__).resolve().parents[2]
OLD, NEW, INDEX = b"1" * 32, b"2" * 32, b"i" * 32


def written(key: bytes) -> str:
    return base64.b64encode(key).decode()


async def reseal(database_url: str, redis_url: str, place: Path, keys: str) -> tuple[int, str]:
    """Run the command with `keys`; its status and everything it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scripts.jishi", "reseal",
        cwd=CHECKOUT,
        env={
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "JISHI_DATA_DIR": str(place),
            "JISHI_SEALING_KEYS": keys,
            "JISHI_INDEX_KEY": written(INDEX),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_command_seals_anew_and_names_what_no_key_opens(database, redis_url, tmp_path):
    row = MemberRow(appid="wx1", openid="o-anna", nickname="x", phone="16000012345", joined_at=NOW)
    member_id = (await load_members([row], NOW, Sealer({"k1": OLD}, INDEX)))["wx1", "o-anna"]
    status, said = await reseal(database, redis_url, tmp_path, f"k3:{written(NEW)}")
    assert status == 1
    assert f"No key opens these: member:{member_id}" in said
    keys = f"k2:{written(NEW)},k1:{written(OLD)}"
    status, said = await reseal(database, redis_url, tmp_path, keys)
    assert (status, "1 texts sealed anew." in said) == (0, True), said
    assert "16000012345" not in said
