"""Passwords at rest: argon2id, in few threads, at one cost whoever asks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from kit.errors import TemporarilyUnavailable

Result = TypeVar("Result")

# RFC 9106, second recommended option: 64 MiB and about 120 ms of CPU each. Two at a time leave
# the worker its other requests; whoever would wait 2 s is better told to come back.
_hasher: Final = PasswordHasher()

# Of a random password, with the same parameters: an unknown account costs the same time.
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$Vct7FJV6YDkWa3p83DhebA"
    "$LxCUcib5Uf9M37SNTOfEwjX/iyymWbHxTqQMSAAO4Ks"
)


async def hash_password(password: str) -> str:
    """The hash to store. `TemporarilyUnavailable` when too many wait."""
    return await _threads.run(_hasher.hash, password)


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one of `password_hash`; None (no such account) takes as long.

    `TemporarilyUnavailable` when too many wait.
    """
    matches = await _threads.run(_matches, password_hash or _NOBODY, password)
    return matches and password_hash is not None


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except VerifyMismatchError:
        return False


class _Threads:
    """Threads of their own rather than `asyncio.to_thread`: a cancelled request leaves its thread
    running, and a semaphore would already have let the next one in.
    """

    def __init__(self, threads: int, longest_queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._longest_queue = longest_queue
        self._waiting = 0

    async def run(self, work: Callable[..., Result], *arguments: str) -> Result:
        if self._waiting >= self._longest_queue:
            raise TemporarilyUnavailable
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, work, *arguments)
        finally:
            self._waiting -= 1


_threads: Final = _Threads(threads=2, longest_queue=32)
