"""The pictures of the goods, painted while everything else is loaded."""

import asyncio
import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final

from scripts.town.pictures import draw_picture
from scripts.town.town import TownProduct

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


@contextmanager
def painted(products: Iterable[TownProduct]) -> Iterator[dict[str, asyncio.Future[bytes]]]:
    """The picture of each product by its code, as it comes. Needs a running loop."""
    loop = asyncio.get_running_loop()
    # One painter is done (5 s) before the rows are in, and leaves PostgreSQL the other core.
    # Spawned: a fork would share our connections.
    pool = ProcessPoolExecutor(
        1, get_context("spawn"), initializer=_follow, initargs=(os.getpid(),)
    )
    try:
        yield {
            product.code: loop.run_in_executor(pool, draw_picture, product) for product in products
        }
    finally:
        pool.shutdown(cancel_futures=True)


def _follow(parent: int) -> None:
    """End with the one who asked, however suddenly (a pool's process would wait for work for ever),
    and leave Ctrl-C to him.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:  # he died before we asked to be told
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
