import asyncio
import os
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from config.embedded import (
    EmbeddedInUse,
    EmbeddedPostgres,
    EmbeddedRedis,
    throwaway_postgres,
    throwaway_redis,
    unprivileged,
)
from config.embedded.session import connected
from config.settings import Settings

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down to another user")


def run_sql(url: str, *queries: str) -> Any:
    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(query) for query in queries][-1]
        finally:
            await connection.close()

    return asyncio.run(run())


def test_postgres_keeps_its_data_and_its_port_and_answers_both_ways(data_dir):
    server = EmbeddedPostgres(data_dir)
    url = server.start()
    port = server.port
    run_sql(url, "create table kept as select 1 as one")
    server.stop()
    url = server.start()
    try:
        assert server.port == port
        assert run_sql(url, "select one from kept") == 1
        assert run_sql(server.tcp_url, "select one from kept") == 1
        assert run_sql(url, "show synchronous_commit") == "on"
        assert run_sql(url, "show fsync") == "on"
        with pytest.raises(asyncpg.InvalidPasswordError):
            run_sql(server.tcp_url.replace("//postgres:", "//postgres:not"), "select 1")
    finally:
        server.stop()


def test_nobody_else_may_look_into_the_data(data_dir):
    with_both = [EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)]
    for server in with_both:
        server.start()
        server.stop()
        assert stat.S_IMODE(server.home.stat().st_mode) == 0o700
        address = data_dir / f"{server.name}.json"
        assert stat.S_IMODE(address.stat().st_mode) == 0o600


def test_a_torn_initdb_is_done_again(data_dir):
    server = EmbeddedPostgres(data_dir)
    torn = data_dir / "postgres" / "cluster.new"
    torn.mkdir(parents=True)
    (torn / "PG_VERSION").write_text("18\n")
    try:
        assert run_sql(server.start(), "select 1") == 1
        assert not torn.exists()
    finally:
        server.stop()


@pytest.mark.parametrize("alive", [True, False])
def test_a_pid_file_left_by_a_crash_does_not_stop_postgres(data_dir, alive):
    server = EmbeddedPostgres(data_dir)
    server.start()
    server._process.kill()
    server.stop()
    pid_file = data_dir / "postgres" / "cluster" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    bystander = subprocess.Popen(["sleep", "60"], **unprivileged._as_user(server.account))
    if not alive:
        bystander.kill()
        bystander.wait()
    try:
        pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
        assert run_sql(server.start(), "select 1") == 1
    finally:
        server.stop()
        bystander.kill()
        bystander.wait()


def test_a_second_starter_is_told_where_the_server_is(data_dir):
    for server in (EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)):
        url = server.start()
        try:
            with pytest.raises(EmbeddedInUse) as refused:
                type(server)(data_dir).start()
            assert refused.value.address["url"] == url
            assert refused.value.address["pid"] == os.getpid()
            assert str(os.getpid()) in str(refused.value)
        finally:
            server.stop()


def test_a_taken_port_is_left_to_its_owner(data_dir):
    first, second = EmbeddedRedis(data_dir), EmbeddedRedis(data_dir.with_name("second"))
    first.start()
    try:
        second._claim.take()
        second._claim.tell(port=first.port)
        second._claim.release()
        url = second.start()
        assert second.port != first.port
        assert redis.Redis.from_url(url).ping()
    finally:
        first.stop()
        second.stop()


def test_redis_keeps_its_data_and_asks_for_its_password(data_dir):
    server = EmbeddedRedis(data_dir)
    with redis.Redis.from_url(server.start()) as client:
        client.set("kept", "1")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.get("kept")
    server.stop()
    with redis.Redis.from_url(server.start()) as client:
        assert client.get("kept") == b"1"
    server.stop()


def journal(data_dir: Path) -> Path:
    [path] = (data_dir / "redis" / "appendonlydir").glob("*.incr.aof")
    return path


def test_redis_starts_from_a_journal_whose_end_is_torn(data_dir):
    server = EmbeddedRedis(data_dir)
    with redis.Redis.from_url(server.start()) as client:
        client.set("first", "1")
        client.set("second", "2")
    server.stop()
    os.truncate(journal(data_dir), journal(data_dir).stat().st_size - 3)
    with redis.Redis.from_url(server.start()) as client:
        assert client.get("first") == b"1"
        assert client.get("second") is None
    server.stop()


def test_redis_starts_empty_from_a_journal_torn_in_the_middle(data_dir):
    server = EmbeddedRedis(data_dir)
    with redis.Redis.from_url(server.start()) as client:
        for number in range(100):
            client.set(f"key{number}", "x" * 50)
    server.stop()
    content = journal(data_dir).read_bytes()
    journal(data_dir).write_bytes(content[:1000] + b"\0garbage" + content[1500:])
    with redis.Redis.from_url(server.start()) as client:
        assert client.dbsize() == 0
    server.stop()
    assert (data_dir / "redis" / "appendonlydir.broken").is_dir()


def test_a_server_that_dies_is_revived_at_the_same_address(data_dir):
    for server in (EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)):
        url = server.start()
        try:
            server._process.send_signal(signal.SIGKILL)
            server._process.wait()
            assert not server.is_alive()
            server.revive()
            assert server.wait_ready() == url
            assert server.is_alive()
        finally:
            server.stop()


def test_the_throwaway_servers_leave_nothing(tmp_path, monkeypatch):
    with throwaway_postgres() as (database, _), throwaway_redis() as (cache, stop):
        assert run_sql(database, "show fsync") == "off"
        sockets = Path(database.partition("host=")[2].partition("&")[0])
        assert sockets.is_dir()
        stop()
        with pytest.raises(redis.ConnectionError):
            redis.Redis.from_url(cache).ping()
    assert not sockets.exists()


def test_a_command_uses_the_servers_that_run_already_or_its_own(data_dir):
    settings = Settings.read({"JISHI_DATA_DIR": str(data_dir)})
    with connected(settings) as outer:
        assert run_sql(outer.database_url, "select 1") == 1
        with connected(settings) as inner:
            assert (inner.database_url, inner.redis_url) == (outer.database_url, outer.redis_url)
        assert run_sql(outer.database_url, "select 1") == 1
    with pytest.raises((OSError, asyncpg.PostgresError)):
        run_sql(outer.database_url, "select 1")


@only_root
def test_root_steps_down(data_dir):
    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        assert Path(f"/proc/{server._process.pid}").stat().st_uid == server.account.uid != 0
    finally:
        server.stop()


@only_root
def test_root_runs_servers_of_a_closed_home_elsewhere_without_opening_it(data_dir, monkeypatch):
    closed = data_dir.parent / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(unprivileged, "REFUGE", data_dir.parent / "refuge")
    server = EmbeddedPostgres(closed / ".data")
    try:
        run_sql(server.start(), "create table kept as select 1 as one")
        server.stop()
        assert (closed / ".data" / "postgres").is_symlink()
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert run_sql(server.start(), "select one from kept") == 1
    finally:
        server.stop()


@only_root
def test_programs_in_a_closed_directory_are_copied_once(data_dir, monkeypatch):
    monkeypatch.setattr(unprivileged, "REFUGE", data_dir.parent / "refuge")
    tree = data_dir.parent / "closed" / "tree"
    (tree / "bin").mkdir(parents=True)
    tree.parent.chmod(0o700)
    program = tree / "bin" / "hello"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o700)
    nobody = unprivileged.service_account(data_dir.parent)
    copy = unprivileged.reachable_tree(tree, "bin/hello", nobody)
    assert subprocess.check_output([copy], **unprivileged._as_user(nobody)) == b"hello\n"
    assert unprivileged.reachable_tree(tree, "bin/hello", nobody) == copy
    assert stat.S_IMODE(program.stat().st_mode) == 0o700
