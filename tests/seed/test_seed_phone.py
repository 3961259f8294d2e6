"""The demo shoppers on the real sandbox."""

from pathlib import Path

import httpx
import msgspec

from config.sandbox import sandbox_config
from config.settings import Settings
from scripts.seed.accounts import DemoShopper
from scripts.seed.phone import MESSAGES, announce_shoppers
from wechat.sandbox.account import Account
from wechat.sandbox.app import running

SHOPPERS = [DemoShopper("oAnnounced-1", "小橘子🍊"), DemoShopper("oAnnounced-2", "山茶")]


async def test_announced_shoppers_are_there_once_and_may_be_written_to(tmp_path: Path) -> None:
    settings = Settings.read({"JISHI_DATA_DIR": str(tmp_path)})
    async with (
        running(msgspec.convert(sandbox_config(settings), Account)) as url,
        httpx.AsyncClient(base_url=url) as sandbox,
    ):
        await announce_shoppers(url, SHOPPERS)
        await announce_shoppers(url, SHOPPERS)
        known = (await sandbox.get("/sandbox/shoppers")).json()["items"]
        assert [(one["openid"], one["nickname"]) for one in known] == [
            (one.openid, one.nickname) for one in SHOPPERS
        ]
        for template in (settings.template_order_paid, settings.template_order_refunded):
            more = await sandbox.post(
                f"/sandbox/shoppers/{SHOPPERS[1].openid}/subscriptions",
                json={"template_id": template, "accept": True, "count": 1},
            )
            assert more.json() == {"credit": 2 * MESSAGES + 1}
