import asyncio
import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from kit.processes import Children, Program


class Stage:
    """Children with everything they and their keeper said."""

    def __init__(self, cwd: Path) -> None:
        self.said: list[str] = []
        self.heard: list[tuple[str, bytes]] = []
        self.children = Children(
            cwd=cwd, say=self.said.append, hear=lambda *what: self.heard.append(what)
        )

    def output(self, name: str) -> bytes:
        return b"".join(lines for who, lines in self.heard if who == name)

    async def until(self, condition) -> None:
        """Wait for it with the children looked after."""

        def look() -> bool:
            self.children.revive()
            return bool(condition())

        await until(look)


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.children.hurry()
    await stage.children.stop(seconds=0)


def python(code: str, **environ: str) -> Program:
    return Program([sys.executable, "-c", textwrap.dedent(code)], {**os.environ, **environ})


def shell(code: str) -> Program:
    return Program(["/bin/sh", "-c", code], dict(os.environ))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_command_run_once_gives_its_exit_code_and_all_its_words(stage):
    assert (
        await stage.children.once("one", shell("echo out; echo err >&2; printf last; exit 3")) == 3
    )
    assert stage.output("one") == b"out\nerr\nlast\n"
    assert stage.children.pids == {}


async def test_a_command_ended_by_a_signal_gives_its_negative_number(stage):
    assert await stage.children.once("one", shell("kill -KILL $$")) == -signal.SIGKILL


async def test_much_output_arrives_whole_and_in_lines(stage):
    code = "for n in range(20000): print(f'{n:06d}', 'x' * 40)"
    assert await stage.children.once("loud", python(code)) == 0
    lines = stage.output("loud").splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(20000))


async def test_a_dead_child_is_back_after_growing_pauses(stage):
    stage.children.keep("ill", shell("exit 7"))
    await stage.until(lambda: len(stage.said) == 4)
    assert stage.said == [
        f"ill ended (exit code 7); back in {pause} s" for pause in ("0.2", "0.4", "0.8", "1.6")
    ]
    assert stage.children.deaths == 4


async def test_a_killed_child_is_replaced_by_another_process(stage):
    stage.children.keep("web", shell("exec sleep 60"))
    first = stage.children.pids["web"]
    os.kill(first, signal.SIGKILL)
    await stage.until(lambda: stage.children.pids.get("web", first) != first)
    assert "ended (SIGKILL)" in stage.said[0]


async def test_stopped_children_do_not_come_back(stage):
    stage.children.keep("web", shell("exec sleep 60"))
    stage.children.keep("jobs", shell("exec sleep 60"))
    await stage.children.stop("web", seconds=10)
    stage.children.revive()
    assert list(stage.children.pids) == ["jobs"]
    assert stage.said == []


async def test_a_child_that_ignores_the_request_is_killed_with_what_it_started(stage):
    stage.children.keep(
        "deaf", shell("trap '' TERM; sleep 60 & echo $!; while :; do sleep 1; done")
    )
    await stage.until(lambda: stage.output("deaf").endswith(b"\n"))
    pids = [stage.children.pids["deaf"], int(stage.output("deaf"))]
    await stage.children.stop(seconds=0.3)
    assert stage.said == ["deaf has not stopped: killed"]
    await until(lambda: not any(is_running(pid) for pid in pids))


async def test_what_a_dead_child_left_behind_is_ended(stage):
    code = "sleep 60 >/dev/null 2>&1 & echo $!; exit 0"
    await stage.children.once("careless", shell(code))
    left = int(stage.output("careless"))
    await until(lambda: not is_running(left))


async def test_a_child_gets_the_open_files_it_is_promised(stage):
    read, write = os.pipe()
    code = f"import os; os.write({write}, b'hello')"
    program = python(code)
    await stage.children.once("writer", Program(program.command, program.environ, [write]))
    os.close(write)
    assert os.read(read, 10) == b"hello"
    os.close(read)


async def test_children_of_a_killed_keeper_are_asked_to_stop(stage, tmp_path):
    keeper = python(
        """
        import asyncio, os, pathlib, sys
        from kit.processes import Children, Program
        async def main():
            kept = Children(cwd=pathlib.Path.cwd(), say=print)
            code = "trap 'echo asked > asked; exit' TERM; echo on > ready; while :; do sleep 0.05; done"
            kept.keep("one", Program(["/bin/sh", "-c", code], dict(os.environ)))
            while not pathlib.Path("ready").exists():
                await asyncio.sleep(0.01)
            print(kept.pids["one"], flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
        """,
        PYTHONPATH=str(Path(__file__).parents[2]),
    )
    stage.children.keep("keeper", keeper)
    await stage.until(lambda: stage.output("keeper").endswith(b"\n"))
    os.kill(stage.children.pids["keeper"], signal.SIGKILL)
    child = int(stage.output("keeper"))
    await until(lambda: (tmp_path / "asked").exists() and not is_running(child))
