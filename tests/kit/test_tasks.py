"""Background tasks are kept, and their death is told."""

import asyncio
import gc

import structlog.testing

from kit import tasks


async def test_a_spawned_task_survives_the_garbage_collector():
    done = asyncio.Event()

    async def work():
        await asyncio.sleep(0.01)
        done.set()

    tasks.spawn(work(), "work")
    gc.collect()
    await asyncio.wait_for(done.wait(), 2)


async def test_the_death_of_a_task_is_logged_with_its_name():
    async def fall():
        raise ValueError("gone")

    with structlog.testing.capture_logs() as lines:
        task = tasks.spawn(fall(), "faller")
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert [(line["event"], line["task"], str(line["exc_info"])) for line in lines] == [
        ("task.died", "faller", "gone")
    ]


async def test_drain_cancels_and_waits_for_the_clean_up():
    steps = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            steps.append("cleaned")

    task = tasks.spawn(work(), "work")
    await asyncio.sleep(0)
    with structlog.testing.capture_logs() as lines:
        await tasks.drain(2)
    assert task.cancelled()
    assert steps == ["cleaned"]
    assert lines == []


async def test_drain_names_who_would_not_end():
    free = asyncio.Event()

    async def cling():
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    task = tasks.spawn(cling(), "clinger")
    await asyncio.sleep(0)
    with structlog.testing.capture_logs() as lines:
        await tasks.drain(0.02)
    assert [(line["event"], line["names"]) for line in lines] == [
        ("tasks.outlived_drain", ["clinger"])
    ]
    free.set()
    await task


async def test_drain_spares_its_own_caller():
    async def close_down():
        await tasks.drain(1)
        return "closed"

    assert await tasks.spawn(close_down(), "closer") == "closed"


async def test_drain_with_nothing_running_returns():
    await tasks.drain(1)
