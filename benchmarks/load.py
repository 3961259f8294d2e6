"""The load: shoppers' walks over raw keep-alive connections, cheap enough to share two cores with the server.

    python -m benchmarks.load < plan.json

Says "begin" and "end" around the measured time, then the outcome, each on a line of its own.
A request costs about 25 us here, a twentieth of httpx: no futures, no header objects, one callback.
"""

import asyncio
import sys
from collections import Counter, defaultdict
from time import perf_counter
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.walks import WALKS, Answer, Ask, Gate, Ground, Pause, Walk, Walker

# Connections of one instant are accepted by whichever worker wakes first, all of them.
_BETWEEN_CONNECTIONS_SECONDS: Final = 0.002


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`servers` are the URLs of the shop and, where a walk needs it, the sandbox.

    Walkers walk for `warm_seconds` unmeasured, then for `seconds`; with `seconds` 0 each walks once.
    """

    walk: str
    servers: list[str]
    ground: Ground
    walkers: int
    warm_seconds: float = 1.0
    seconds: float = 0.0


class Times(msgspec.Struct, frozen=True):
    """How many, and how long the middle one and the hundredth slowest took."""

    count: int
    p50_ms: float
    p99_ms: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured. `all_walks` also counts those before and after; `statuses` count every answer ("order 409"); `errors` those not wanted."""

    seconds: float
    all_walks: int
    walks: Times
    requests: Times
    steps: dict[str, Times]
    statuses: dict[str, int]
    errors: dict[str, int]


class Record:
    """What happened while `is_on`."""

    def __init__(self) -> None:
        self.is_on = False
        self.began = self.ended = 0.0
        self.all_walks = 0
        self.walks: list[float] = []
        self.steps: defaultdict[str, list[float]] = defaultdict(list)
        self.statuses: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def begin(self) -> None:
        _say(b"begin")
        self.is_on, self.began = True, perf_counter()

    def end(self) -> None:
        self.is_on, self.ended = False, perf_counter()
        _say(b"end")

    def outcome(self) -> Outcome:
        every = [took for times in self.steps.values() for took in times]
        return Outcome(
            seconds=round(self.ended - self.began, 4),
            all_walks=self.all_walks,
            walks=_times(self.walks),
            requests=_times(every),
            steps={what: _times(times) for what, times in self.steps.items()},
            statuses=dict(self.statuses),
            errors=dict(self.errors),
        )


class Line(asyncio.Protocol):
    """One keep-alive connection: a request out, its answer back to the walker."""

    def __init__(self, runner: "Runner") -> None:
        self._runner = runner
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        held = self._held + data if self._held else data
        answer = read_answer(held)
        if answer is None:
            self._held = held
        else:
            self._held = b""
            self._runner.hear(answer)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (the loop's)
        self._runner.lose()


def read_answer(held: bytes) -> Answer | None:
    """The whole answer in `held`, or None while some of it is still to come. No chunked bodies."""
    end = held.find(b"\r\n\r\n")
    if end < 0:
        return None
    at = held.find(b"content-length: ", 0, end)
    length = int(held[at + 16 : held.index(b"\r", at)]) if at >= 0 else 0
    if len(held) < end + 4 + length:
        return None
    return Answer(int(held[9:12]), held[end + 4 :])


class Runner:
    """A walker on his connections: what he asks goes out, what he hears is timed."""

    def __init__(self, field: "Field", walker: Walker) -> None:
        self._field = field
        self._walker = walker
        self._asked: Ask | None = None
        self._asked_at = self._began = 0.0
        self._walk: Walk
        self.lines: list[Line] = []
        self.is_done = False

    def begin(self) -> None:
        self._walk = self._field.walk(self._walker)
        self._began = perf_counter()
        self._go(next(self._walk))

    def go_on(self) -> None:
        """Past the gate, or after a pause."""
        self._go(next(self._walk))

    def hear(self, answer: Answer) -> None:
        asked, record = self._asked, self._field.record
        assert asked is not None
        self._asked = None
        is_wanted = answer.status in asked.wanted
        if record.is_on:
            record.steps[asked.what].append(perf_counter() - self._asked_at)
            record.statuses[f"{asked.what} {answer.status}"] += 1
        if not is_wanted:
            record.errors[f"{asked.what} {answer.status}"] += 1
            self._end_walk(is_whole=False)
            return
        try:
            step = self._walk.send(answer)
        except StopIteration:
            self._end_walk(is_whole=True)
        else:
            self._go(step)

    def lose(self) -> None:
        if not self.is_done:
            self._field.record.errors["connection lost"] += 1
            self._finish()

    def _go(self, step: Ask | Pause | Gate) -> None:
        if isinstance(step, Ask):
            self._asked, self._asked_at = step, perf_counter()
            self.lines[step.of].transport.write(step.request)
        elif isinstance(step, Pause):
            asyncio.get_running_loop().call_later(step.seconds, self.go_on)
        else:
            self._field.wait_at_gate(self)

    def _end_walk(self, *, is_whole: bool) -> None:
        record = self._field.record
        record.all_walks += 1
        if is_whole and record.is_on:
            record.walks.append(perf_counter() - self._began)
        if self._field.goes_on:
            self.begin()
        else:
            self._finish()

    def _finish(self) -> None:
        self.is_done = True
        for line in self.lines:
            line.transport.close()
        self._field.leave()


class Field:
    """All runners of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.walk = WALKS[plan.walk]
        self.record = Record()
        self.goes_on = plan.seconds > 0
        self._waiting: list[Runner] = []
        self._still_there = plan.walkers
        self._is_empty = asyncio.Event()

    async def run(self) -> Outcome:
        plan = self._plan
        walkers = (Walker(plan.ground, n, plan.walkers) for n in range(plan.walkers))
        runners = [await self._connect(Runner(self, walker)) for walker in walkers]
        for runner in runners:
            runner.begin()
        if plan.seconds:
            await asyncio.sleep(plan.warm_seconds)
            self.record.begin()
            await asyncio.sleep(plan.seconds)
            self.goes_on = False
            self.record.end()
        await self._is_empty.wait()
        if self.record.is_on:
            self.record.end()
        return self.record.outcome()

    def wait_at_gate(self, runner: Runner) -> None:
        self._waiting.append(runner)
        self._open_gate()

    def leave(self) -> None:
        self._still_there -= 1
        if self._still_there:
            self._open_gate()
        else:
            self._is_empty.set()

    def _open_gate(self) -> None:
        if self._waiting and len(self._waiting) == self._still_there:
            waiting, self._waiting = self._waiting, []
            self.record.begin()
            for runner in waiting:
                runner.go_on()

    async def _connect(self, runner: Runner) -> Runner:
        loop = asyncio.get_running_loop()
        for server in self._plan.servers:
            place = urlsplit(server)
            _, line = await loop.create_connection(
                lambda: Line(runner), place.hostname or "", place.port or 80
            )
            runner.lines.append(line)
        await asyncio.sleep(_BETWEEN_CONNECTIONS_SECONDS)
        return runner


def _times(seconds: list[float]) -> Times:
    if not seconds:
        return Times(0, 0.0, 0.0)
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    return Times(len(ordered), round(p50 * 1000, 2), round(p99 * 1000, 2))


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)

    async def run() -> Outcome:
        return await Field(plan).run()

    _say(msgspec.json.encode(uvloop.run(run())))


if __name__ == "__main__":
    main()
