"""The simulator's notices, read by a receiver that shares no code with it (facts D6)."""

import asyncio

import pytest

from tests.wechat.test_sandbox_shop import APPID, MCHID, PUBLIC_KEY_ID, is_wechats, open_shop

MODES = ["wrong_signature", "signtest", "old_timestamp", "unknown_serial"]
LIES = ["wrong_amount", "wrong_mchid", "wrong_appid", "new_id"]


async def log(shop, order) -> list:
    state = await shop.do("GET", f"/sandbox/trades/{order['out_trade_no']}", expect=200)
    return [(entry["mode"], entry["status"]) for entry in state["deliveries"]]


async def logged(shop, order, count: int) -> list:
    for _ in range(500):
        if len(entries := await log(shop, order)) >= count:
            return entries
        await asyncio.sleep(0.01)
    raise AssertionError(entries)


async def resend(shop, order, **body) -> list[int]:
    path = f"/sandbox/notices/{order['out_trade_no']}/resend"
    return (await shop.do("POST", path, body, 200))["statuses"]


async def test_the_notice_of_a_payment_is_signed_and_sealed():
    async with open_shop() as shop:
        order = await shop.paid(attach="桌号8")
        notice = (await shop.receiver.wait(1))[0]
        assert is_wechats(notice.headers, notice.raw)
        envelope = notice.envelope
        assert envelope["event_type"] == "TRANSACTION.SUCCESS"
        assert envelope["resource_type"] == "encrypt-resource"
        assert envelope["resource"]["algorithm"] == "AEAD_AES_256_GCM"
        found = (await shop.query(order["out_trade_no"])).json
        assert notice.plain == found
        assert (found["mchid"], found["appid"], found["attach"]) == (MCHID, APPID, "桌号8")
        assert await logged(shop, order, 1) == [("ok", 204)]


async def test_a_refused_notice_comes_again_with_its_id_and_a_new_signature():
    async with open_shop() as shop:
        await shop.move(speed=300)
        shop.receiver.statuses = [500, 302, 404]
        order = await shop.paid()
        notices = await shop.receiver.wait(4)
        await asyncio.sleep(0.3)
        assert len(notices) == 4
        assert len({notice.envelope["id"] for notice in notices}) == 1
        assert len({notice.headers["Wechatpay-Signature"] for notice in notices}) == 4
        assert all(is_wechats(notice.headers, notice.raw) for notice in notices)
        assert await log(shop, order) == [("ok", 500), ("ok", 302), ("ok", 404), ("ok", 204)]


async def test_after_sixteen_refusals_wechat_gives_up():
    async with open_shop() as shop:
        await shop.move(speed=1e6)
        shop.receiver.statuses = [500] * 30
        order = await shop.paid()
        await shop.receiver.wait(16)
        await asyncio.sleep(0.2)
        state = await shop.do("GET", f"/sandbox/trades/{order['out_trade_no']}", expect=200)
        assert len(shop.receiver.arrived) == 16
        assert state["notices"][0]["next_at"] is None


async def test_the_schedule_waits_as_published():
    async with open_shop() as shop:
        shop.receiver.statuses = [500] * 30
        order = await shop.paid()
        elapsed = 0
        for count, pause in enumerate((15, 15, 30, 180, 600), start=1):
            await logged(shop, order, count)
            await shop.move(elapsed + pause - 10)
            await asyncio.sleep(0.02)
            assert len(shop.receiver.arrived) == count
            elapsed += pause + 2
            await shop.move(elapsed)
            await shop.receiver.wait(count + 1)


async def test_speeding_up_hurries_a_notice_that_already_waits():
    async with open_shop() as shop:
        shop.receiver.statuses = [500]
        order = await shop.paid()
        await logged(shop, order, 1)
        await shop.move(speed=1000)
        assert len(await shop.receiver.wait(2)) == 2


async def test_a_lost_notice_never_arrives_but_the_query_finds_the_payment():
    async with open_shop() as shop:
        await shop.move(speed=1e6)
        await shop.fault("notice", "lost")
        order = await shop.paid()
        assert await logged(shop, order, 16) == [("lost", None)] * 16
        assert shop.receiver.arrived == []
        assert (await shop.query(order["out_trade_no"])).json["trade_state"] == "SUCCESS"


async def test_a_notice_lost_once_comes_with_the_retry():
    async with open_shop() as shop:
        await shop.move(speed=1000)
        await shop.fault("notice", "lost", times=1)
        order = await shop.paid()
        await shop.receiver.wait(1)
        assert await logged(shop, order, 2) == [("lost", None), ("ok", 204)]


async def test_a_duplicated_notice_arrives_twice_with_one_id():
    async with open_shop() as shop:
        await shop.fault("notice", "duplicate", times=1)
        order = await shop.paid()
        notices = await shop.receiver.wait(2)
        assert len({notice.envelope["id"] for notice in notices}) == 1
        assert await logged(shop, order, 2) == [("duplicate", 204)] * 2


async def test_a_delayed_notice_arrives_later():
    async with open_shop() as shop:
        await shop.fault("notice", "delay", times=1, seconds=1)
        await shop.paid()
        await asyncio.sleep(0.1)
        assert shop.receiver.arrived == []
        assert len(await shop.receiver.wait(1)) == 1


async def test_a_notice_with_a_wrong_signature_is_followed_by_a_right_one():
    async with open_shop() as shop:
        await shop.move(speed=1000)
        await shop.fault("notice", "wrong_signature", times=1)
        shop.receiver.statuses = [401]
        await shop.paid()
        forged, right = await shop.receiver.wait(2)
        assert not is_wechats(forged.headers, forged.raw)
        assert is_wechats(right.headers, right.raw)
        assert forged.raw == right.raw


async def test_an_unreachable_shop_is_logged_and_tried_again():
    async with open_shop() as shop:
        order = await shop.paid(notify_url="http://127.0.0.1:9/notify")
        assert await logged(shop, order, 1) == [("ok", None)]


async def test_resending_sends_copies_in_parallel():
    async with open_shop() as shop:
        order = await shop.paid()
        await shop.receiver.wait(1)
        assert await resend(shop, order, times=50) == [204] * 50
        notices = shop.receiver.arrived
        assert len(notices) == 51
        assert len({notice.raw for notice in notices}) == 1
        assert all(is_wechats(notice.headers, notice.raw) for notice in notices)


@pytest.mark.parametrize("mode", MODES)
async def test_a_forged_resend_is_forged_in_one_way_only(mode: str):
    async with open_shop() as shop:
        order = await shop.paid()
        await shop.receiver.wait(1)
        shop.receiver.statuses = [401]
        assert await resend(shop, order, mode=mode) == [401]
        good, bad = shop.receiver.arrived
        assert bad.raw == good.raw
        right = is_wechats(bad.headers | {"Wechatpay-Serial": PUBLIC_KEY_ID}, bad.raw)
        age = int(good.headers["Wechatpay-Timestamp"]) - int(bad.headers["Wechatpay-Timestamp"])
        serial = bad.headers["Wechatpay-Serial"]
        assert right == (mode in {"old_timestamp", "unknown_serial"})
        assert (age > 300) == (mode == "old_timestamp")
        assert (serial != PUBLIC_KEY_ID) == (mode == "unknown_serial")
        probe = bad.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
        assert probe == (mode == "signtest")


@pytest.mark.parametrize("mode", LIES)
async def test_a_lying_resend_is_signed_but_says_something_else(mode: str):
    async with open_shop() as shop:
        order = await shop.paid()
        await shop.receiver.wait(1)
        await resend(shop, order, mode=mode)
        good, bad = shop.receiver.arrived
        assert is_wechats(bad.headers, bad.raw)
        assert good.envelope["id"] != bad.envelope["id"]
        changed = {name for name in good.plain if good.plain[name] != bad.plain[name]}
        expected = {"wrong_amount": {"amount"}, "wrong_mchid": {"mchid"}, "wrong_appid": {"appid"}}
        assert changed == expected.get(mode, set())


async def test_a_resend_needs_a_notice_and_reports_silence_as_zero():
    async with open_shop() as shop:
        unpaid = shop.order(await shop.shopper())
        await shop.prepay(unpaid)
        path = f"/sandbox/notices/{unpaid['out_trade_no']}/resend"
        await shop.do("POST", path, {}, 404)
        order = await shop.paid(notify_url="http://127.0.0.1:9/notify")
        assert await resend(shop, order, times=2) == [0, 0]
        path = f"/sandbox/notices/{order['out_trade_no']}/resend"
        await shop.do("POST", path, {"mode": "unheard of"}, 400)
        await shop.do("POST", path, {"times": 0}, 400)


async def test_the_notice_of_a_refund_is_resent_by_its_number():
    async with open_shop() as shop:
        await shop.move(speed=100)
        order = await shop.paid()
        await shop.refund(order, "R-1", 5, notify_url=shop.receiver.url)
        await shop.receiver.wait(2)
        assert await resend(shop, order, refund_no="R-1") == [204]
        assert shop.receiver.arrived[2].plain["out_refund_no"] == "R-1"
        await resend(shop, order, refund_no="R-1", mode="wrong_amount")
        assert shop.receiver.arrived[3].plain["amount"]["total"] == 1991
