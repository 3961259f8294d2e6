"""Questions that travel together: each gets its own, fresh answer, whoever hangs up."""

import asyncio
from collections.abc import Sequence

import pytest

from commerce.catalog.coalescing import MOST_AT_ONCE, Coalesced


class Books:
    """Answers squares after a pause; keeps what it was asked together."""

    def __init__(self) -> None:
        self.trips: list[list[int]] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def read(self, asked: Sequence[int]) -> dict[int, int]:
        self.trips.append(list(asked))
        await self.open.wait()
        if self.error:
            raise self.error
        return {number: number * number for number in asked if number >= 0}


async def test_what_is_asked_during_a_trip_shares_the_next() -> None:
    books = Books()
    squares = Coalesced(books.read, "squares")
    first = asyncio.ensure_future(squares.ask(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.ensure_future(squares.ask(number)) for number in (2, 3, 2, -4)]
    await asyncio.sleep(0)
    books.open.set()
    assert await asyncio.gather(first, *later) == [1, 4, 9, 4, None]
    assert books.trips == [[1], [2, 3, -4]]


async def test_nothing_is_remembered() -> None:
    books = Books()
    books.open.set()
    squares = Coalesced(books.read, "squares")
    assert await squares.ask(2) == 4
    assert await squares.ask(2) == 4
    assert books.trips == [[2], [2]]


async def test_a_question_during_its_own_trip_is_asked_again() -> None:
    books = Books()
    squares = Coalesced(books.read, "squares")
    early = asyncio.ensure_future(squares.ask(2))
    await asyncio.sleep(0.01)
    late = asyncio.ensure_future(squares.ask(2))
    await asyncio.sleep(0.01)
    books.open.set()
    assert await asyncio.gather(early, late) == [4, 4]
    assert books.trips == [[2], [2]]


async def test_who_hangs_up_takes_nobody_along() -> None:
    books = Books()
    squares = Coalesced(books.read, "squares")
    impatient, patient = (asyncio.ensure_future(squares.ask(3)) for _ in range(2))
    await asyncio.sleep(0.01)
    impatient.cancel()
    books.open.set()
    assert await patient == 9
    assert impatient.cancelled()
    assert await squares.ask(4) == 16


async def test_a_failed_trip_fails_its_own_askers_only() -> None:
    books = Books()
    squares = Coalesced(books.read, "squares")
    books.error = ConnectionError("gone")
    books.open.set()
    failed = await asyncio.gather(squares.ask(1), squares.ask(2), return_exceptions=True)
    assert [type(error) for error in failed] == [ConnectionError, ConnectionError]
    books.error = None
    assert await squares.ask(1) == 1


async def test_a_crowd_is_divided() -> None:
    books = Books()
    books.open.set()
    squares = Coalesced(books.read, "squares")
    await asyncio.gather(*(squares.ask(number) for number in range(MOST_AT_ONCE + 1)))
    assert [len(trip) for trip in books.trips] == [MOST_AT_ONCE, 1]


async def test_the_end_of_the_process_leaves_nobody_waiting() -> None:
    books = Books()
    squares = Coalesced(books.read, "squares")
    asked = asyncio.ensure_future(squares.ask(1))
    await asyncio.sleep(0.01)
    assert squares._reader is not None
    squares._reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    books.open.set()
    assert await squares.ask(2) == 4
