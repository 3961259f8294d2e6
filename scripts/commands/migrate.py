"""Bring the database's tables to the newest shape."""

import asyncio

import click


@click.command()
@click.option(
    "--target", help="A migration to go to, forwards or backwards, instead of the newest."
)
def command(target: str | None) -> None:
    """Bring the database's tables to the newest shape, or to --target.

    Any number of hosts may do so at once: one of them works, the others wait.
    """
    from config.embedded.session import connected  # noqa: PLC0415  (slow to import)
    from config.orm import migrate  # noqa: PLC0415
    from config.settings import Settings  # noqa: PLC0415

    with connected(Settings.read()) as settings:
        assert settings.database_url is not None
        asyncio.run(migrate(settings.database_url, target=target))
