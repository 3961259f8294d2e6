"""One run: a house, ground under it, figures one after the other."""

import sys
from collections.abc import Collection
from contextlib import redirect_stdout
from typing import IO

import click
import msgspec

from benchmarks.figures import FIGURES, Bench, WrongResult
from benchmarks.ground import FULL, TINY, lay_ground
from benchmarks.house import BooksDoNotBalance, open_house
from kit import clock


class Failed(Exception):
    """A figure that cannot be believed, and why."""


async def run(names: Collection[str], seconds: float, *, tiny: bool) -> None:
    """Print the figures of `names`, a JSON line each.

    Everything else that is said goes to standard error. Raises `Failed` when the books do not balance
    after a figure, or what it measures was not done.
    """
    figures = sys.stdout
    with redirect_stdout(sys.stderr):
        async with open_house() as house:
            click.echo("bench: laying the ground")
            size = TINY if tiny else FULL
            ground = await lay_ground(size, house.settings.wechat_appid, house.link, clock.now())
            bench = Bench(house, ground, size, seconds)
            for name in FIGURES:
                if name in names:
                    await _show(name, bench, figures)


async def _show(name: str, bench: Bench, figures: IO[str]) -> None:
    click.echo(f"bench: {name}")
    try:
        async for figure in FIGURES[name](bench):
            click.echo(msgspec.json.encode(figure).decode(), file=figures)
    except (BooksDoNotBalance, WrongResult) as error:
        raise Failed(f"{name}: {error}") from error
