"""The walk of the README is run as it stands there."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from commerce.catalog.rules.search import search_keys
from kit import db
from tests.factories import LAT, LNG, PASSWORD, make_sku, make_staff, make_store, stock
from tests.shop import Shop

HOUSE = Path(__file__).resolve().parent.parent.parent
PLACE = "lat=31.194&lng=121.437"


def walk_of(name: str) -> str:
    """The script of the walk in the page `name`."""
    found = re.search(
        r"^```sh\n(SHOP=.*?)^```$", (HOUSE / name).read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, name
    return found[1]


def without_comments(script: str) -> list[str]:
    return [re.sub(r"\s*# .*", "", line) for line in script.splitlines() if line[:1] != "#"]


async def run(script: str, **variables: str) -> str:
    environ = (
        os.environ | variables | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    )
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-euc",
        script,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return said.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is what it is about")
async def test_the_walk_of_the_readme_leads_to_a_completed_order(shop: Shop) -> None:
    assert f"lat={LAT}&lng={LNG}" == PLACE
    store, milk = await make_store(), await make_sku(title="鲜牛奶")
    keys = search_keys("鲜牛奶", "晨野", category=(), codes=())
    await db.execute("update product set search_keys = $1", keys)
    await stock(store, milk, 3)
    await make_staff("admin", "headquarters")
    said = await run(
        walk_of("README.md"),
        SHOP=shop.url,
        PHONE=str(shop.sandbox.base_url).rstrip("/"),
        PASSWORD=PASSWORD,
    )
    state, redeemed, timeline = said.splitlines()
    assert '"trade_state":"SUCCESS"' in state
    assert redeemed.startswith('{"order_no":')
    assert timeline == "unpaid paid waiting preparing ready handed_over completed"


def test_both_readmes_walk_the_same_way() -> None:
    assert without_comments(walk_of("README.md")) == without_comments(walk_of("README.zh-CN.md"))
