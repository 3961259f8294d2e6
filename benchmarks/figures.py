"""Every figure of `jishi bench`: what it measures, against what, under which conditions."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

import msgspec

from benchmarks import costs
from benchmarks.ground import Size, add_rush_sku, add_stores
from benchmarks.house import House, Measured
from benchmarks.load import Plan
from benchmarks.walks import Ground
from config.settings import CHECKOUT
from kit import clock, db, outbound
from scripts.town.workbook import big_workbook

# A worker sees a new store within two seconds (commerce/stores/directory.py).
_SEEN_SECONDS: Final = 3.0

# Before each figure: the machine may have become another one since the last.
_BARE_SECONDS: Final = 2.0
_WARM_SECONDS: Final = 2.0

# A merchant waits at most this long for his sheet (issue 2).
_SHEET_SECONDS: Final = 60.0


class Figure(msgspec.Struct, frozen=True):
    """One line of output. `ratio` is how many times as good as `baseline` `value` is, both in `unit`."""

    name: str
    value: float
    unit: str
    baseline: float | None
    ratio: float | None
    conditions: Mapping[str, Any]


class WrongResult(Exception):
    """A benchmark did not do what it measures: its figure means nothing."""


@dataclass(slots=True)
class Bench:
    """A house with ground under it, and how its figures are made."""

    house: House
    ground: Ground
    size: Size
    seconds: float
    stores: int = field(init=False)
    _served: int = 0

    def __post_init__(self) -> None:
        self.stores = self.size.stores

    def plan(self, walk: str, *, seconds: float, walkers: int | None = None) -> Plan:
        servers = [self.house.shop_url, self.house.sandbox_url]
        # A member may have five unpaid orders: whoever has bought goes to the end of the queue.
        shoppers = self.ground.shoppers
        first = self._served % len(shoppers)
        return Plan(
            walk=walk,
            servers=servers if walk == "path" else servers[:1],
            ground=msgspec.structs.replace(
                self.ground, shoppers=shoppers[first:] + shoppers[:first]
            ),
            walkers=walkers or self.size.connections,
            warm_seconds=min(_WARM_SECONDS, seconds),
            seconds=seconds,
        )

    async def measure(self, plan: Plan) -> Measured:
        measured = await self.house.measure(plan)
        if "order" in measured.outcome.steps:
            self._served += measured.outcome.all_walks + plan.walkers
        return measured

    def conditions(self, measured: Measured, plan: Plan, **more: object) -> dict[str, Any]:
        """What a reader must know to judge a figure."""
        outcome, done = measured.outcome, max(measured.outcome.walks.count, 1)
        spent = {name: round(cpu * 1000 / done, 3) for name, cpu in measured.cpu.items()}
        ours = sum(cpu for name, cpu in measured.cpu.items() if name != "machine")
        others = (measured.cpu["machine"] - ours) / outcome.seconds
        return {
            "connections": plan.walkers,
            "workers": sum(name.startswith("web-") for name in self.house.parts),
            "seconds": outcome.seconds,
            "stores": self.stores,
            "skus": len(self.ground.skus),
            "members": len(self.ground.shoppers),
            **more,
            "p50_ms": outcome.requests.p50_ms,
            "p99_ms": outcome.requests.p99_ms,
            "errors": outcome.errors,
            "cpu_ms_each": spent,
            "cores_taken_by_others": round(max(others, 0.0), 2),
        }

    async def rate(self, name: str, walk: str, **more: object) -> Figure:
        """How often a second a walk is walked by every connection at once, against the bare handler just before."""
        bare_plan = self.plan("bare", seconds=min(_BARE_SECONDS, self.seconds))
        bare = await self.measure(bare_plan)
        plan = self.plan(walk, seconds=self.seconds)
        measured = await self.measure(plan)
        if len(measured.outcome.steps) > 1:
            more |= _steps(measured)
        value, baseline = _per_second(measured), _per_second(bare)
        cpu_ratio = round(_cpu_ms(bare) / max(_cpu_ms(measured), 1e-9), 4)
        return Figure(
            name,
            round(value, 1),
            "/s",
            round(baseline, 1),
            round(value / baseline, 4),
            self.conditions(measured, plan, cpu_ratio=cpu_ratio, **more),
        )


def _per_second(measured: Measured) -> float:
    return measured.outcome.walks.count / measured.outcome.seconds


def _cpu_ms(measured: Measured) -> float:
    """What one walk cost the whole house and the client: unlike the rate, others hardly change it."""
    ours = sum(cpu for name, cpu in measured.cpu.items() if name != "machine")
    return ours * 1000 / max(measured.outcome.walks.count, 1)


def _steps(measured: Measured) -> dict[str, object]:
    outcome = measured.outcome
    return {
        "steps": {what: [times.p50_ms, times.p99_ms] for what, times in outcome.steps.items()},
        "walk_p50_ms": outcome.walks.p50_ms,
        "walk_p99_ms": outcome.walks.p99_ms,
    }


Figures = AsyncIterator[Figure]


async def bare(bench: Bench) -> Figures:
    """GET /health/live: a JSON handler of the same server that touches nothing behind it."""
    plan = bench.plan("bare", seconds=bench.seconds)
    measured = await bench.measure(plan)
    value = round(_per_second(measured), 1)
    yield Figure("http.bare", value, "/s", None, None, bench.conditions(measured, plan))


async def product(bench: Bench) -> Figures:
    """One product at one store: its matrix, prices and what is there."""
    yield await bench.rate("catalog.product", "product")


async def search(bench: Bench) -> Figures:
    """Chinese, pinyin initials, brands and codes."""
    yield await bench.rate("catalog.search", "search", products=len(bench.ground.products))


async def nearest(bench: Bench) -> Figures:
    """The five best stores for a position."""
    yield await bench.rate("stores.nearest", "nearest")


async def nearest_of_many(bench: Bench) -> Figures:
    """The same for a chain that is larger than any."""
    first = bench.size.stores + 1
    shops = await add_stores(range(first, bench.size.more_stores + 1), clock.now())
    bench.stores = bench.size.more_stores
    bench.ground = msgspec.structs.replace(bench.ground, shops=bench.ground.shops + shops)
    await db.execute("analyze store")
    await asyncio.sleep(_SEEN_SECONDS)
    yield await bench.rate("stores.nearest.many", "nearest")


async def place(bench: Bench) -> Figures:
    """Quote and order of one to three kinds; the goods are held when the answer comes."""
    await _grow_used(bench, "place")
    yield await bench.rate("order.place", "place")
    await bench.house.check_books()


async def path(bench: Bench) -> Figures:
    """From the cart to the paid order, WeChat's signed notice and all."""
    await _introduce(bench)
    await _grow_used(bench, "path")
    yield await bench.rate("order.path", "path")
    await bench.house.check_books()


async def rush(bench: Bench) -> Figures:
    """Everybody orders the last few pieces at the same moment; the time until the last one knows."""
    size = bench.size
    bare_seconds = [(await _rush(bench, "bare_rush")).outcome.seconds for _ in range(size.rushes)]
    rushes = []
    for number in range(size.rushes):
        sku = await add_rush_sku(number, bench.ground.shops[0], size.units, clock.now())
        bench.ground = msgspec.structs.replace(bench.ground, rush_sku=sku)
        measured = await _rush(bench, "rush")
        rushes.append(measured)
        held = await db.value("select reserved from stock_level where sku_id = $1", sku)
        if held != size.units or measured.outcome.statuses.get("order 201") != held:
            raise WrongResult(f"{held} of {size.units} pieces held: {measured.outcome.statuses}")
    await bench.house.check_books()
    outcomes = [measured.outcome for measured in rushes]
    middle = sorted(rushes, key=lambda measured: measured.outcome.seconds)[len(rushes) // 2]
    plan = bench.plan("rush", seconds=0, walkers=size.buyers)
    value, baseline = middle.outcome.seconds, median(bare_seconds)
    yield Figure(
        "order.rush",
        round(value, 3),
        "s",
        round(baseline, 3),
        round(baseline / value, 4),
        bench.conditions(
            middle,
            plan,
            units=size.units,
            rushes=size.rushes,
            sold=[outcome.statuses.get("order 201", 0) for outcome in outcomes],
            refused=[outcome.statuses.get("order 409", 0) for outcome in outcomes],
        ),
    )


async def import_catalogue(bench: Bench) -> Figures:
    """A sheet of many SKUs, counted in a few stores, by the command a merchant uses."""
    codes = [row["code"] for row in await db.rows("select code from store order by id limit 5")]
    with tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder, "goods.xlsx")
        skus = big_workbook(sheet, skus=bench.size.sheet_skus, stores=codes)
        words = ("-m", "scripts.jishi", "import", "catalogue", str(sheet), "--database-url")
        began = perf_counter()
        importer = await asyncio.create_subprocess_exec(
            sys.executable, *words, str(bench.house.settings.database_url), cwd=CHECKOUT, stdout=2
        )
        if await importer.wait() != 0:
            raise WrongResult("the import failed")
        value = perf_counter() - began
    await bench.house.check_books()
    yield Figure(
        "import.catalogue",
        round(value, 2),
        "s",
        _SHEET_SECONDS,
        round(_SHEET_SECONDS / value, 2),
        {"skus": skus, "counted_stores": len(codes)},
    )


async def worker_memory(bench: Bench) -> Figures:
    """What a web worker holds after its work: the larger of them."""
    pids = [pid for name, pid in bench.house.parts.items() if name.startswith("web-")]
    resident, share = max(costs.memory_mb(pid) for pid in pids)
    yield Figure(
        "process.rss",
        round(resident, 1),
        "MB",
        None,
        None,
        {"stores": bench.stores, "share_mb": round(share, 1)},
    )


async def _grow_used(bench: Bench, walk: str) -> None:
    """Let PostgreSQL learn how tables grow, as it has in a shop that is older than a minute."""
    await bench.measure(bench.plan(walk, seconds=1.0))
    await db.execute("analyze")


async def _introduce(bench: Bench) -> None:
    """Make every member known to WeChat."""
    session, few = outbound.open_session(), asyncio.Semaphore(10)

    async def introduce(openid: str) -> None:
        url = f"{bench.house.sandbox_url}/sandbox/shoppers"
        async with few, session.post(url, json={"openid": openid}) as answer:
            answer.raise_for_status()

    try:
        await asyncio.gather(*(introduce(shopper.openid) for shopper in bench.ground.shoppers))
    finally:
        await session.close()


async def _rush(bench: Bench, walk: str) -> Measured:
    measured = await bench.measure(bench.plan(walk, seconds=0, walkers=bench.size.buyers))
    if measured.outcome.errors:
        raise WrongResult(f"{walk}: {measured.outcome.errors}")
    return measured


FIGURES: Final[Mapping[str, Callable[[Bench], Figures]]] = {
    "http.bare": bare,
    "stores.nearest": nearest,
    "catalog.product": product,
    "catalog.search": search,
    "order.place": place,
    "order.rush": rush,
    "order.path": path,
    "process.rss": worker_memory,
    "import.catalogue": import_catalogue,
    "stores.nearest.many": nearest_of_many,
}
