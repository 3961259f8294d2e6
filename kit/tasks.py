"""Tasks that are kept until they end and whose death is told."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import structlog

Result = TypeVar("Result")

# The event loop keeps only weak references: an unkept task can vanish in mid-flight.
_running: Final[set[asyncio.Task[Any]]] = set()
_log = structlog.stdlib.get_logger(__name__)


def spawn(coro: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
    """Start `coro` in the background; an exception it dies of is logged under `name`.

    Not inside `kit.db.tx()`: the task would inherit the transaction's connection
    and use it after the commit. Needs a running loop.
    """
    task = asyncio.create_task(coro, name=name)
    _running.add(task)
    task.add_done_callback(_bury)
    return task


async def drain(timeout: float) -> None:  # noqa: ASYNC109 - a budget for all, not one deadline
    """Cancel every task spawned in this loop and wait up to `timeout` seconds for their ends.

    A task that outlives the timeout is logged and left behind. The caller's own task is spared.
    """
    loop, caller = asyncio.get_running_loop(), asyncio.current_task()
    tasks = [task for task in _running if task.get_loop() is loop and task is not caller]
    for task in tasks:
        task.cancel()
    if not tasks:
        return
    _, stubborn = await asyncio.wait(tasks, timeout=timeout)
    if stubborn:
        _log.warning("tasks.outlived_drain", names=sorted(task.get_name() for task in stubborn))


def _bury(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if task.cancelled():
        return
    if error := task.exception():
        _log.error("task.died", task=task.get_name(), exc_info=error)
