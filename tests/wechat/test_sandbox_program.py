"""The simulator as a program: start, announcement, restart with its memory, the human's page."""

import asyncio
import ctypes
import json
import re
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tests.wechat.test_sandbox_logins import code2session, consent, login_code, send, stable
from tests.wechat.test_sandbox_shop import account, open_shop, talking
from wechat.sandbox.account import Account, Template
from wechat.sandbox.app import create_app
from wechat.sandbox.state import JOURNAL_NAME

ROOT = Path(__file__).parents[2]


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def spawn(folder: Path, ours: Account, *more: str) -> subprocess.Popen:
    config = folder / "sandbox.json"
    config.write_bytes(msgspec.json.encode(ours))
    words = [sys.executable, "-m", "wechat.sandbox", "--config", str(config), *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(words, cwd=ROOT, preexec_fn=die_with_parent, **pipes)  # noqa: PLW1509 - prctl only


@asynccontextmanager
async def program(folder: Path, ours: Account):
    announce = folder / "announce.json"
    announce.unlink(missing_ok=True)
    process = spawn(folder, ours, "--announce", str(announce))
    try:
        for _ in range(1000):
            if announce.exists() or process.poll() is not None:
                break
            await asyncio.sleep(0.01)
        assert process.poll() is None, process.communicate()[0].decode()
        yield process, json.loads(announce.read_text())
    finally:
        process.kill()
        process.communicate()


async def test_the_program_announces_itself_and_ends_on_sigterm(tmp_path):
    async with program(tmp_path, account()) as (process, announced):
        assert announced["pid"] == process.pid
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", announced["url"])
        async with talking(announced["url"]) as shop:
            assert (await shop.http("GET", "/health/live")).status == 200
            await shop.paid()
            await shop.receiver.wait(1)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == 0


async def test_killed_and_started_again_the_program_remembers(tmp_path):
    ours = account(state_dir=str(tmp_path / "state"))
    async with program(tmp_path, ours) as (_, announced), talking(announced["url"]) as shop:
        order = await shop.paid()
        await shop.receiver.wait(1)
        before = (await shop.query(order["out_trade_no"])).json
    async with program(tmp_path, ours) as (_, announced), talking(announced["url"]) as shop:
        assert (await shop.query(order["out_trade_no"])).json == before


async def test_a_bad_configuration_is_named_and_nothing_starts(tmp_path):
    spoiled = msgspec.structs.replace(account(), api_v3_key="short")
    process = spawn(tmp_path, spoiled)
    said = (await asyncio.to_thread(process.communicate, timeout=20))[0].decode()
    assert process.returncode == 1
    assert "api_v3_key" in said


async def test_a_taken_port_is_named(tmp_path):
    async with open_shop() as shop:
        port = shop.url.rpartition(":")[2]
        process = spawn(tmp_path, account(), "--port", port)
        said = (await asyncio.to_thread(process.communicate, timeout=20))[0].decode()
        assert process.returncode == 1
        assert port in said


def test_a_template_with_a_keyword_wechat_does_not_have_is_refused():
    odd = msgspec.structs.replace(account(), templates=[Template("t", "t", ["thong1"])])
    with pytest.raises(ValueError, match="thong1"):
        create_app(odd)


async def test_all_kinds_of_memory_survive_a_restart(tmp_path):
    folder = str(tmp_path)
    async with open_shop(state_dir=folder) as shop:
        openid = await shop.shopper()
        code, used = await login_code(shop, openid), await login_code(shop, openid)
        await code2session(shop, used)
        await consent(shop, openid, count=2)
        token = (await stable(shop))["access_token"]
        assert (await send(shop, token, openid))["errcode"] == 0
        unpaid = shop.order(openid)
        sheet = await shop.open_sheet(unpaid, openid)
        order = await shop.paid()
        await shop.receiver.wait(1)
        refund = (await shop.refund(order, "R-1", 5)).json
        before = await shop.do("GET", f"/sandbox/trades/{order['out_trade_no']}")
    async with open_shop(state_dir=folder) as shop:
        assert (await code2session(shop, used))["errcode"] == 40163
        assert (await code2session(shop, code))["openid"] == openid
        assert (await stable(shop))["access_token"] == token
        assert (await send(shop, token, openid))["errcode"] == 0
        assert (await send(shop, token, openid))["errcode"] == 43101
        messages = await shop.do("GET", f"/sandbox/shoppers/{openid}/messages")
        assert len(messages["items"]) == 2
        after = await shop.do("GET", f"/sandbox/trades/{order['out_trade_no']}")
        assert after["transaction_id"] == before["transaction_id"]
        assert after["deliveries"] == before["deliveries"]
        assert (await shop.refund(order, "R-1", 5)).json["refund_id"] == refund["refund_id"]
        await shop.do("POST", f"/sandbox/sheets/{sheet}/confirm", {}, 200)
        assert (await shop.query(unpaid["out_trade_no"])).json["trade_state"] == "SUCCESS"
        fresh = await shop.shopper()
        assert fresh != openid


async def test_what_was_under_way_goes_on_after_a_restart(tmp_path):
    folder = str(tmp_path)
    async with open_shop(state_dir=folder) as shop:
        await shop.move(speed=0.001)
        shop.receiver.statuses = [500]
        order = await shop.paid(notify_url="http://127.0.0.1:9/notify")
        await shop.refund(order, "R-1", 5)
        number = order["out_trade_no"]
    async with open_shop(state_dir=folder) as shop:
        await shop.move(20_000_000)
        for _ in range(500):
            state = await shop.do("GET", f"/sandbox/trades/{number}")
            if state["refunds"][0]["status"] == "SUCCESS" and len(state["deliveries"]) > 1:
                break
            await asyncio.sleep(0.01)
        assert state["refunds"][0]["status"] == "SUCCESS"
        assert len(state["deliveries"]) > 1


async def test_a_torn_last_line_is_forgotten_and_a_rotten_one_is_not(tmp_path):
    journal = tmp_path / JOURNAL_NAME
    async with open_shop(state_dir=str(tmp_path)) as shop:
        openid = await shop.shopper()
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole.splitlines()[-1][:-9])
    async with open_shop(state_dir=str(tmp_path)) as shop:
        assert [row["openid"] for row in (await shop.do("GET", "/sandbox/shoppers"))["items"]] == [
            openid
        ]
    journal.write_bytes(b"rotten\n" + whole)
    with pytest.raises(msgspec.DecodeError):
        create_app(account(state_dir=str(tmp_path)))


async def test_the_journal_is_compacted_at_each_start(tmp_path):
    async with open_shop(state_dir=str(tmp_path)) as shop:
        openid = await shop.shopper()
        for _ in range(50):
            await consent(shop, openid)
    journal = tmp_path / JOURNAL_NAME
    grown = len(journal.read_bytes().splitlines())
    async with open_shop(state_dir=str(tmp_path)) as shop:
        assert grown > 50 > len(journal.read_bytes().splitlines())
        assert await consent(shop, openid) == 51


async def test_without_a_state_dir_nothing_is_written_or_remembered():
    async with open_shop() as shop:
        await shop.shopper()
    async with open_shop() as shop:
        assert (await shop.do("GET", "/sandbox/shoppers"))["items"] == []


async def test_two_simulators_in_one_process_are_strangers():
    async with open_shop(seed=1) as one, open_shop(seed=2) as two:
        order = await one.paid()
        await one.receiver.wait(1)
        assert (await two.query(order["out_trade_no"])).status == 404
        assert two.receiver.arrived == []


async def test_the_phone_is_one_page_that_loads_nothing_and_holds_no_strangers_text():
    async with open_shop() as shop:
        nasty = "<img src=x onerror=alert(1)>"
        await shop.do("POST", "/sandbox/shoppers", {"nickname": nasty}, 201)
        page = await shop.http("GET", "/phone")
        text = page.raw.decode()
        assert page.status == 200
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert nasty not in text
        assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text)
        assert "innerHTML" not in text
        templates = await shop.do("GET", "/sandbox/templates", expect=200)
        assert [item["title"] for item in templates["items"]] == ["订单支付成功通知"]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to read the script")
async def test_the_script_of_the_phone_parses(tmp_path):
    async with open_shop() as shop:
        text = (await shop.http("GET", "/phone")).raw.decode()
    script = tmp_path / "phone.js"
    script.write_text(re.search(r"<script>(.*)</script>", text, re.DOTALL)[1])
    checked = await asyncio.to_thread(subprocess.run, ["node", "--check", str(script)])
    assert checked.returncode == 0


async def test_unknown_paths_and_methods_are_refused_as_json():
    async with open_shop() as shop:
        assert (await shop.http("GET", "/v3/certificates")).status == 404
        assert (await shop.http("GET", "/sandbox/clock")).status == 405
        assert "message" in (await shop.http("GET", "/nowhere")).json
