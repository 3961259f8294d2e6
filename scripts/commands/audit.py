"""Check every invariant in one read-only snapshot."""

import asyncio
import sys

import click


@click.command()
def command() -> None:
    """Check every invariant of docs/invariants.md; exit 1 and name those that do not hold."""
    from config.embedded.session import connected  # noqa: PLC0415  (slow to import)
    from config.settings import Settings  # noqa: PLC0415

    with connected(Settings.read()) as settings:
        assert settings.database_url is not None
        sys.exit(asyncio.run(_audit(settings.database_url)))


async def _audit(database_url: str) -> int:
    import asyncpg  # noqa: PLC0415

    from commerce.audit import INVARIANTS, audit  # noqa: PLC0415
    from kit import clock  # noqa: PLC0415

    connection = await asyncpg.connect(database_url)
    try:
        violations = await audit(connection, clock.now())
    finally:
        await connection.close()
    for violation in violations:
        click.secho(f"{violation.id}: {violation.count} rows", fg="red")
        for row in violation.rows:
            click.echo(f"    {row}")
    click.echo(f"{len(INVARIANTS) - len(violations)} of {len(INVARIANTS)} invariants hold.")
    return 1 if violations else 0
