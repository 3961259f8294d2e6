"""Measure how fast the shop is, and what that costs."""

import asyncio
import sys

import click


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--seconds", type=click.FloatRange(0.1), default=10.0, show_default=True)
@click.option("--tiny", is_flag=True, help="A shop of a few rows, to see that it runs.")
def command(names: tuple[str, ...], seconds: float, *, tiny: bool) -> None:
    """Measure how fast the shop is: one JSON line per figure on standard output.

    A whole shop is started on servers of its own under the system's temporary directory and thrown away
    afterwards. Without NAME, all figures. After each benchmark that writes, every invariant is checked:
    exit 1 when one does not hold.
    """
    from benchmarks.figures import FIGURES  # noqa: PLC0415  (slow to import)
    from benchmarks.run import Failed, run  # noqa: PLC0415

    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        raise click.ClickException(f"No such figure: {unknown[0]}. There are {', '.join(FIGURES)}.")
    try:
        asyncio.run(run(names or tuple(FIGURES), seconds, tiny=tiny))
    except Failed as failed:
        click.secho(str(failed), fg="red", err=True)
        sys.exit(1)
