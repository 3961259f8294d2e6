"""The way out, against servers on loopback that misbehave."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from kit.outbound import RedirectRefused, open_session


@asynccontextmanager
async def serving(handler):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_we_say_who_we_are_and_keep_no_cookies():
    async def echo(request):
        answer = web.json_response(dict(request.headers))
        answer.set_cookie("tracker", "1")
        return answer

    async with serving(echo) as url, open_session() as session:
        for _ in range(2):
            async with session.get(url) as answer:
                headers = await answer.json()
            assert headers["User-Agent"] == "jishi/0.1"
            assert "Cookie" not in headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status):
    asked = []

    async def mislead(request):
        asked.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with serving(mislead) as url, open_session(connections_per_host=1) as session:
        for _ in range(3):  # the one connection comes back each time
            with pytest.raises(RedirectRefused, match=f"{status} from 127.0.0.1"):
                await session.post(f"{url}/asked", data=b"signed")
        async with session.get(f"{url}/asked", allow_redirects=False) as answer:
            assert answer.status == status
    assert asked == ["/asked"] * 4


async def test_control_a_plain_session_goes_where_it_is_sent():
    asked = []

    async def mislead(request):
        asked.append(request.path)
        elsewhere = request.path == "/elsewhere"
        return web.Response(status=200 if elsewhere else 302, headers={"Location": "/elsewhere"})

    async with serving(mislead) as url, aiohttp.ClientSession() as session:
        answer = await session.get(f"{url}/asked")
        answer.release()
    assert asked == ["/asked", "/elsewhere"]


async def test_an_answer_that_never_ends_is_given_up_in_total():
    async def drip(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b".")
            await asyncio.sleep(0.02)

    async with serving(drip) as url, open_session(total_seconds=0.2) as session:
        with pytest.raises(TimeoutError):
            async with session.get(url) as answer:
                await answer.read()


async def test_one_host_gets_no_more_connections_than_allowed():
    now, most = 0, 0

    async def count(request):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return web.Response()

    async def ask(session, url):
        async with session.get(url) as answer:
            return answer.status

    async with serving(count) as url, open_session(connections_per_host=3) as session:
        assert await asyncio.gather(*(ask(session, url) for _ in range(12))) == [200] * 12
    assert most == 3
