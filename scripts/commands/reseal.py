"""Seal personal data anew with the newest key."""

import asyncio
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from commerce.members.actions import Resealed
    from config.settings import Settings


@click.command()
def command() -> None:
    """Seal addresses, phone numbers and session keys anew with the first of JISHI_SEALING_KEYS.

    It may run while the shop is open. Older keys stay listed until it has ended well.
    """
    from config.embedded.session import connected  # noqa: PLC0415  (slow to import)
    from config.settings import Settings  # noqa: PLC0415

    with connected(Settings.read()) as settings:
        outcome = asyncio.run(_reseal(settings))
    click.echo(f"{outcome.count} texts sealed anew.")
    if outcome.broken:
        raise click.ClickException(f"No key opens these: {', '.join(outcome.broken)}")


async def _reseal(settings: "Settings") -> "Resealed":
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn  # noqa: PLC0415

    from commerce.members.actions import reseal_all  # noqa: PLC0415  (slow to import)
    from config.orm import close_orm, open_orm  # noqa: PLC0415
    from kit.sealing import Sealer  # noqa: PLC0415

    assert settings.database_url is not None
    await open_orm(settings.database_url, pool_size=2)
    columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed} rows"))
    try:
        with Progress(*columns) as progress:
            tasks: dict[str, TaskID] = {}

            def tell(table: str, rows: int) -> None:
                if table not in tasks:
                    tasks[table] = progress.add_task(table, total=None)
                progress.advance(tasks[table], rows)

            return await reseal_all(Sealer(settings.sealing_keys, settings.index_key), tell)
    finally:
        await close_orm()
