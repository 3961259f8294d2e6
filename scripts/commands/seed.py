"""Load the demo town into an empty shop."""

import asyncio
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from config.settings import Settings

_DEFAULT_SEED = 2026
_NOT_EMPTY = "The shop is not empty: the demo town is loaded once. Nothing was changed."


@click.command()
@click.option(
    "--seed", default=_DEFAULT_SEED, show_default=True, help="Which town; same seed, same town."
)
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day that has just begun when the month of orders ends, instead of today.",
)
def command(seed: int, day: datetime | None) -> None:
    """Load the demo town into an empty shop: stores, goods, people and a month of orders.

    Whole or not at all; in a shop that has anything nothing is changed. The sandbox, when it runs,
    hears of its shoppers.
    """
    from config.embedded.session import connected  # noqa: PLC0415  (slow to import)
    from config.settings import Settings  # noqa: PLC0415
    from kit import clock  # noqa: PLC0415

    settings = Settings.read()
    if settings.is_production:
        raise click.ClickException("The demo town is for trying out: production is not seeded.")
    today = clock.shanghai(clock.now()).date()
    asked = day.date() if day else today
    if asked > today:
        raise click.BadParameter(f"{asked} has not begun in Shanghai.", param_hint="--day")
    with connected(settings) as ready:
        click.echo(asyncio.run(_seed(ready, seed, asked)))
        if ready.uses_sandbox:
            asyncio.run(_announce(ready))


async def _seed(settings: "Settings", seed: int, day: date) -> str:
    """Load it unless somebody is there; what to say about it."""
    from config.orm import open_orm  # noqa: PLC0415  (slow to import)
    from scripts.seed.load import BeingLoaded, ShopNotEmpty, is_empty  # noqa: PLC0415

    assert settings.database_url is not None
    await open_orm(settings.database_url, pool_size=2)
    try:
        return await _load(settings, seed, day) if await is_empty() else _NOT_EMPTY
    except ShopNotEmpty:
        return _NOT_EMPTY
    except BeingLoaded:
        raise click.ClickException("Another process is loading the demo town.") from None


async def _load(settings: "Settings", seed: int, day: date) -> str:
    from random import Random  # noqa: PLC0415  (with the slow ones)

    from rich.progress import Progress, TaskID  # noqa: PLC0415

    from kit.sealing import Sealer  # noqa: PLC0415
    from scripts.seed.load import Site, load_town  # noqa: PLC0415
    from scripts.town.build import build_town  # noqa: PLC0415

    town = build_town(seed, day)
    sealer = Sealer(settings.sealing_keys, settings.index_key)
    site = Site(settings.wechat_appid, sealer, settings.data_dir)
    with Progress() as progress:
        tasks: dict[str, TaskID] = {}

        def tell(part: str, done: int, total: int) -> None:
            if part not in tasks:
                tasks[part] = progress.add_task(part, total=total)
            progress.update(tasks[part], completed=done)

        await load_town(town, site, Random(f"{seed}/numbers"), tell)
    return (
        f"The demo town is there: {len(town.stores)} stores, {len(town.products)} products,"
        f" {len(town.members)} members, {len(town.staff)} staff, {len(town.orders)} orders."
    )


async def _announce(settings: "Settings") -> None:
    from aiohttp import ClientError  # noqa: PLC0415  (slow to import)

    from scripts.seed.accounts import demo_shoppers  # noqa: PLC0415
    from scripts.seed.phone import announce_shoppers, announce_trades  # noqa: PLC0415

    assert settings.database_url is not None
    shoppers = demo_shoppers(settings.data_dir)
    try:
        await announce_shoppers(settings.wechat_api_url, shoppers)
        await announce_trades(settings.wechat_api_url, settings.database_url)
    except (ClientError, TimeoutError):
        click.echo("The sandbox does not answer: seed again to put the shoppers on its phone.")
    else:
        click.echo(f"{len(shoppers)} of the members are on the sandbox phone.")
