"""Start everything: servers, WeChat sandbox, web workers and jobs."""

import asyncio

import click


@click.command()
@click.option("--host", help="Address to listen on, instead of JISHI_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port, instead of JISHI_PORT.")
@click.option(
    "--workers", type=click.IntRange(1, 256), help="Web workers, instead of JISHI_WORKERS."
)
def command(host: str | None, port: int | None, workers: int | None) -> None:
    """Start everything and keep it running until Ctrl-C or SIGTERM.

    Without DATABASE_URL and REDIS_URL, PostgreSQL and Valkey are started under JISHI_DATA_DIR; their data stays.
    """
    from config.settings import Settings  # noqa: PLC0415  (slow to import)
    from scripts.launch import run  # noqa: PLC0415

    settings = Settings.read().listening(host=host, port=port, workers=workers)
    asyncio.run(run(settings))
