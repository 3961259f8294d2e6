"""Every way the simulator can be told to misbehave, seen from the shop."""

import asyncio
import contextlib
import json

import aiohttp
import pytest

from tests.wechat.test_sandbox_logins import code2session, consent, login_code, send, stable
from tests.wechat.test_sandbox_shop import account, is_wechats, open_shop, talking
from wechat.sandbox.app import running

PAY_CALLS = ["prepay", "query", "close", "refund"]
API_CALLS = ["code2session", "token", "subscribe_send"]


async def pay_call(shop, call: str):
    """The named call in a world where it succeeds, and a look at whether it took effect."""
    if call == "refund":
        order = await shop.paid()
        return lambda: shop.refund(order, "R-1", 1)
    order = shop.order(await shop.shopper())
    if call == "prepay":
        return lambda: shop.prepay(order)
    await shop.prepay(order)
    number = order["out_trade_no"]
    return (lambda: shop.query(number)) if call == "query" else (lambda: shop.close(number))


@pytest.mark.parametrize("call", PAY_CALLS)
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("error_500", 500, "SYSTEM_ERROR"), ("error_429", 429, "FREQUENCY_LIMITED")],
)
async def test_a_pay_call_fails_as_often_as_told(call, kind, status, code):
    async with open_shop() as shop:
        ask = await pay_call(shop, call)
        await shop.fault(call, kind, times=2)
        for _ in range(2):
            answer = await ask()
            assert (answer.status, answer.code) == (status, code)
            assert is_wechats(answer.headers, answer.raw)
        assert (await ask()).status in {200, 204}


@pytest.mark.parametrize("call", PAY_CALLS)
async def test_a_pay_call_is_answered_with_a_web_page(call):
    async with open_shop() as shop:
        ask = await pay_call(shop, call)
        await shop.fault(call, "html", times=1)
        answer = await ask()
        assert (answer.status, answer.raw[:6]) == (502, b"<html>")
        assert (await ask()).status in {200, 204}


@pytest.mark.parametrize("call", PAY_CALLS)
async def test_a_pay_answer_carries_a_wrong_signature(call):
    async with open_shop() as shop:
        ask = await pay_call(shop, call)
        await shop.fault(call, "wrong_signature", times=1)
        forged, right = await ask(), await ask()
        assert not is_wechats(forged.headers, forged.raw)
        assert is_wechats(right.headers, right.raw)


@pytest.mark.parametrize(("kind", "state"), [("timeout_before", 404), ("timeout_after", 200)])
async def test_an_unanswered_order_was_made_or_not_as_told(kind, state):
    async with open_shop() as shop:
        order = shop.order(await shop.shopper())
        await shop.fault("prepay", kind, times=1, seconds=0.05)
        with pytest.raises(aiohttp.ClientError):
            await shop.prepay(order)
        assert (await shop.query(order["out_trade_no"])).status == state


async def test_a_caller_who_will_not_wait_finds_the_refund_made():
    async with open_shop() as shop:
        order = await shop.paid()
        await shop.fault("refund", "timeout_after", times=1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(shop.refund(order, "R-1", 1), 0.3)
        found = await shop.pay("GET", "/v3/refund/domestic/refunds/R-1")
        assert found.status == 200


async def test_closing_does_not_wait_for_those_a_fault_keeps_hanging():
    async with asyncio.timeout(10), contextlib.AsyncExitStack() as simulator:
        url = await simulator.enter_async_context(running(account()))
        async with talking(url) as shop:
            await shop.fault("query", "timeout_before")
            hanging = asyncio.create_task(shop.query("ANY-ORDER"))
            await asyncio.sleep(0.1)
            await simulator.aclose()
            with pytest.raises(aiohttp.ClientError):
                await hanging


async def api_call(shop, call: str):
    """The named call in a world where it succeeds; True when it did."""
    openid = await shop.shopper()
    if call == "code2session":
        code = await login_code(shop, openid)
        return lambda: code2session(shop, code)
    if call == "token":
        return lambda: stable(shop)
    token = (await stable(shop))["access_token"]
    await consent(shop, openid)
    return lambda: send(shop, token, openid)


@pytest.mark.parametrize("call", API_CALLS)
@pytest.mark.parametrize(("kind", "errcode"), [("error_500", -1), ("error_429", 45011)])
async def test_an_api_call_fails_once_without_effect(call, kind, errcode):
    async with open_shop() as shop:
        ask = await api_call(shop, call)
        await shop.fault(call, kind, times=1)
        assert (await ask())["errcode"] == errcode
        assert (await ask()).get("errcode", 0) == 0


@pytest.mark.parametrize("call", API_CALLS)
async def test_an_api_call_is_answered_with_a_web_page_or_not_at_all(call):
    async with open_shop() as shop:
        ask = await api_call(shop, call)
        await shop.fault(call, "timeout_before", times=1, seconds=0.01)
        with pytest.raises(aiohttp.ClientError):
            await ask()
        await shop.fault(call, "html", times=1)
        with pytest.raises((AssertionError, json.JSONDecodeError)):
            await ask()
        assert (await ask()).get("errcode", 0) == 0


async def test_a_code_whose_answer_was_lost_is_used_up():
    async with open_shop() as shop:
        ask = await api_call(shop, "code2session")
        await shop.fault("code2session", "timeout_after", times=1, seconds=0.01)
        with pytest.raises(aiohttp.ClientError):
            await ask()
        assert (await ask())["errcode"] == 40163


async def test_a_token_killed_by_somebody_else_is_replaced_in_normal_mode():
    async with open_shop() as shop:
        openid = await shop.shopper()
        await consent(shop, openid)
        token = (await stable(shop))["access_token"]
        await shop.fault("subscribe_send", "token_killed", times=1)
        assert (await send(shop, token, openid))["errcode"] == 40001
        fresh = (await stable(shop))["access_token"]
        assert fresh != token
        assert (await send(shop, fresh, openid))["errcode"] == 0


async def test_a_token_that_died_unseen_is_replaced_only_by_force():
    async with open_shop() as shop:
        openid = await shop.shopper()
        await consent(shop, openid)
        await shop.fault("token", "token_killed", times=1)
        dead = (await stable(shop))["access_token"]
        assert (await stable(shop))["access_token"] == dead
        assert (await send(shop, dead, openid))["errcode"] == 40001
        fresh = (await stable(shop, force_refresh=True))["access_token"]
        assert (await send(shop, fresh, openid))["errcode"] == 0


async def test_a_rate_strikes_some_and_clearing_strikes_none():
    async with open_shop() as shop:
        order = shop.order(await shop.shopper())
        await shop.prepay(order)
        await shop.fault("query", "error_500", rate=0.5)
        seen = [(await shop.query(order["out_trade_no"])).status for _ in range(60)]
        assert {200, 500} == set(seen)
        await shop.do("DELETE", "/sandbox/faults", expect=200)
        seen = [(await shop.query(order["out_trade_no"])).status for _ in range(20)]
        assert set(seen) == {200}


@pytest.mark.parametrize(
    "body",
    [
        {"call": "prepay", "kind": "lost"},
        {"call": "notice", "kind": "error_500"},
        {"call": "code2session", "kind": "wrong_signature"},
        {"call": "query", "kind": "token_killed"},
        {"call": "everything", "kind": "html"},
        {"call": "query", "kind": "html", "rate": 2},
        {"call": "query", "kind": "html", "times": 0},
        {"call": "query", "kind": "html", "typo": 1},
    ],
)
async def test_a_fault_that_cannot_happen_is_refused(body):
    async with open_shop() as shop:
        answer = await shop.do("POST", "/sandbox/faults", body, 400)
        assert answer["message"]
