"""The simulator's own time: it can be moved, and what is due then happens."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Final

import kit.clock

_CHINA: Final = timezone(timedelta(hours=8))


def rfc3339(at: float) -> str:
    """Unix seconds as Pay v3 writes them: `2026-11-23T13:47:00+08:00`."""
    return datetime.fromtimestamp(int(at), _CHINA).isoformat()


def china_day(at: float) -> str:
    """The day in China (yyyymmdd) that quotas and long numbers are cut by."""
    return f"{datetime.fromtimestamp(at, _CHINA):%Y%m%d}"


class Clock:
    """Now, in Unix seconds, plus `offset`; `speed` divides WeChat's waiting times."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.speed = 1.0

    def now(self) -> float:
        return kit.clock.now().timestamp() + self.offset


class Timers:
    """Calls things when the simulator's clock reaches their time; one timer of the loop at most."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._alarm: asyncio.TimerHandle | None = None

    def at(self, due: float, action: Callable[[], None]) -> None:
        """Run `action` at `due` (simulator's Unix seconds). Needs a running loop."""
        heapq.heappush(self._due, (due, next(self._order), action))
        self._arm()

    def move(self, *, offset: float, speed: float) -> None:
        """Set the clock; what waits is due at the same moment, its rest scaled by the speeds."""
        now = self._clock.now()
        scale = self._clock.speed / speed
        self._due = [(now + (due - now) * scale, order, act) for due, order, act in self._due]
        self._clock.offset, self._clock.speed = offset, speed
        self._arm()

    def stop(self) -> None:
        """Forget everything that waits."""
        self._due.clear()
        self._arm()

    def _arm(self) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if self._due:
            wait = max(0.0, self._due[0][0] - self._clock.now())
            self._alarm = asyncio.get_running_loop().call_later(wait, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
        self._arm()
