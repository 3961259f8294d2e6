import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import asyncpg
import pytest

from tests.launch.house import House, await_true, fetch, free_port

is_root = os.geteuid() == 0


def test_it_starts_in_a_long_path_with_spaces_and_leaves_no_process_behind(house):
    house.start()
    house.await_ready()
    assert len(str(house.tree)) > 107
    assert house.status("/health/ready") == 200
    migrations = "select count(*) from tortoise_migrations"
    assert fetch(house.answer()["DATABASE_URL"], migrations) > 0
    everybody = house.processes()
    assert len(everybody) >= 7  # launcher, two workers, jobs, sandbox, PostgreSQL, Valkey
    assert house.end(signal.SIGTERM) == 0
    assert not house.processes()
    assert not {pid for pid, _ in everybody if Path(f"/proc/{pid}").exists()}
    assert "stopped" in house.output


def test_ctrl_c_stops_everything_too(house):
    house.start()
    house.await_ready()
    assert house.end(signal.SIGINT) == 0
    assert not house.processes()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is what it is about")
def test_stopping_make_stops_the_house(house):
    (house.tree / ".venv").symlink_to(Path(sys.executable).parent.parent)
    # The stamps say what is installed; this test's environment says it itself.
    house.start("make", "-o", ".venv/run.stamp", "-o", ".venv/dev.stamp", "run")
    house.await_ready()
    house.end(signal.SIGTERM)
    await_true(lambda: not house.processes(), 30, lambda: f"left: {house.processes()}")


def test_a_start_after_kill_9_of_everything_recovers_and_keeps_the_data(house):
    house.start()
    house.await_ready()
    fetch(house.answer()["DATABASE_URL"], "create table kept as select 42 as answer")
    house.kill_everything()
    house.start()
    house.await_ready()
    assert fetch(house.answer()["DATABASE_URL"], "select answer from kept") == 42
    assert house.end() == 0
    assert "seed: running" not in house.output


def test_kill_9_of_the_launcher_alone_ends_its_children(house):
    house.start()
    house.await_ready()
    house.process.kill()
    house.process.wait()
    await_true(lambda: not house.processes(), 30, lambda: f"left: {house.processes()}")


def test_an_open_request_is_finished_before_the_stop(house):
    house.start()
    house.await_ready()
    answers = []
    caller = threading.Thread(target=lambda: answers.append(house.answer("/slow")))
    caller.start()
    await_true(lambda: _is_connected(house), 5, lambda: "never connected")
    assert house.end() == 0
    caller.join()
    assert "pid" in answers[0]


def test_taken_ports_are_told_and_replaced_by_free_ones(house):
    ports = (house.port, house.sandbox_port)
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        house.start()
        house.await_ready()
        told = house.answer()
        assert [f"port {port} is taken" in house.output for port in ports] == [True, True]
        assert told["JISHI_PUBLIC_URL"] == house.url
        assert not house.url.endswith(f":{house.port}")
        assert house.told("sandbox phone") == f"{told['WECHAT_API_URL']}/phone"


def test_a_second_start_is_refused_with_the_addresses_of_the_first(house):
    house.start()
    house.await_ready()
    second = subprocess.run(
        [*house.command, "run"],
        check=False,
        cwd=house.tree,
        env=house.environ,
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert f"process {house.process.pid}" in second.stderr
    assert f"{house.url}/docs" in second.stderr
    assert house.status("/health/ready") == 200


def test_a_killed_worker_comes_back(house):
    house.start()
    house.await_ready()
    victim = int(house.answer()["pid"])
    before = _workers(house)
    os.kill(victim, signal.SIGKILL)
    await_true(
        lambda: len(_workers(house)) == 2 and victim not in _workers(house),
        20,
        lambda: f"workers before {before}, now {_workers(house)}\n{house.output}",
    )
    assert house.status("/health/ready") == 200
    assert "(SIGKILL); back in" in house.output


def test_a_killed_postgres_comes_back_at_the_same_address(house):
    house.start()
    house.await_ready()
    url = house.answer()["DATABASE_URL"]
    os.kill(_postmaster(house), signal.SIGKILL)
    await_true(lambda: "postgres died" in house.output, 10, lambda: house.output)
    await_true(lambda: _is_up(url), 30, lambda: house.output)
    assert not house.is_over()


def test_while_postgres_recovers_workers_come_back_and_signals_are_heard(house):
    house.start()
    house.await_ready()
    url = house.answer()["DATABASE_URL"]
    fetch(url, "create table much as select repeat('x', 200) from generate_series(1, 500000)")
    os.kill(_postmaster(house), signal.SIGKILL)
    startup = _frozen_startup(house)
    [first, second] = _workers(house)
    os.kill(first, signal.SIGKILL)
    await_true(
        lambda: len(_workers(house) - {first, second}) == 1,
        20,
        lambda: f"no new worker\n{house.output}",
    )
    await_true(lambda: "postgres recovers" in house.output, 20, lambda: house.output)
    house.process.send_signal(signal.SIGTERM)
    await_true(lambda: not _workers(house), 20, lambda: house.output)
    assert not house.is_over()
    os.kill(startup, signal.SIGCONT)
    assert house.process.wait(60) == 0
    assert not house.processes()


def test_a_second_signal_waits_for_nobody(house):
    house.start(STAND_IN_IS_STUBBORN="1")
    await_true(lambda: "jobs run" in house.output, 60, lambda: house.output)
    house.process.send_signal(signal.SIGTERM)
    threading.Event().wait(1.5)
    assert house.end(signal.SIGTERM) == 0
    assert "jobs has not stopped: killed" in house.output
    assert not house.processes()


def test_workers_that_cannot_start_end_the_start_with_their_words(house):
    house.start(STAND_IN_IS_BROKEN="1")
    assert house.process.wait(60) == 1
    assert "this worker is broken" in house.output
    assert "No answer from the web workers" in house.output
    assert not house.processes()


def test_a_database_that_cannot_be_reached_is_named_without_its_password(house):
    house.start(DATABASE_URL=f"postgres://shop:hunter2@127.0.0.1:{free_port()}/shop")
    assert house.process.wait(60) == 1
    assert "DATABASE_URL cannot be used" in house.output
    assert "hunter2" not in house.output
    assert not house.processes()


@pytest.mark.skipif(not is_root, reason="only root can become somebody else")
def test_an_ordinary_user_starts_it(ground: Path):
    """Everything a shop needs runs in the user's own name; nothing is asked of root."""
    nobody = pwd.getpwnam("nobody").pw_uid
    home = ground / "home of an ordinary user"
    house = House(home / "shop")
    house.environ |= _python_for_all(ground)
    house.command[0] = house.environ.pop("PYTHON")
    house.account = nobody
    subprocess.run(["chown", "-R", str(nobody), home], check=True)
    house.environ["HOME"] = str(home)
    try:
        house.start()
        house.await_ready()
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid, _ in house.processes()}
        assert owners == {nobody}
        assert house.end() == 0
        assert not house.processes()
    finally:
        house.kill_everything()


def _python_for_all(ground: Path) -> dict[str, str]:
    """This interpreter and its packages where anybody may walk: a root's Python may live in /root."""
    base, packages = Path(sys.base_prefix), Path(asyncpg.__file__).parent.parent
    copy = ground / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copytree(
        base / "lib" / version,
        copy / "lib" / version,
        ignore=shutil.ignore_patterns(
            "site-packages", "test", "__pycache__", "config-3*", "idlelib"
        ),
    )
    for library in base.glob("lib/libpython3*.so*"):
        shutil.copy(library, copy / "lib")
    (copy / "bin").mkdir()
    shutil.copy(Path(sys.executable).resolve(), copy / "bin" / version)
    shutil.copytree(packages, copy / "packages", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
    return {
        "PYTHON": str(copy / "bin" / version),
        "PYTHONHOME": str(copy),
        "PYTHONPATH": str(copy / "packages"),
        "LD_LIBRARY_PATH": str(copy / "lib"),
    }


def _is_up(url: str) -> bool:
    try:
        return bool(fetch(url, "select true"))
    except (OSError, asyncpg.PostgresError):
        return False


def _workers(house: House) -> set[int]:
    return _who_says(house, b"worker")


def _who_says(house: House, word: bytes) -> set[int]:
    """Processes with `word` in their command line."""
    found = set()
    for pid, _ in house.processes():
        with suppress(OSError):
            if word in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b" ", b"\0").split(b"\0"):
                found.add(pid)
    return found


def _postmaster(house: House) -> int:
    return int((house.data_dir / "postgres/cluster/postmaster.pid").read_text().split()[0])


def _frozen_startup(house: House) -> int:
    """The process that replays the log, stopped in the middle of it."""
    log = house.data_dir / "postgres.log"
    await_true(lambda: "interrupted" in log.read_text(), 20, lambda: house.output)
    [startup] = _who_says(house, b"startup")
    os.kill(startup, signal.SIGSTOP)
    return startup


def _is_connected(house: House) -> bool:
    port = f":{int(house.url.rpartition(':')[2]):04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(port) and line.split()[3] == "01" for line in lines)
