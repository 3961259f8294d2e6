"""`python -m wechat.sandbox --config FILE.json`: the simulator as a program of its own."""

import os
from pathlib import Path

import click
import msgspec
import orjson

from wechat.sandbox.account import read_account
from wechat.sandbox.app import App, create_app, listen


@click.command()
@click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, show_default=True, help="0 takes a free port.")
@click.option("--announce", type=click.Path(dir_okay=False, path_type=Path))
def main(config: Path, host: str, port: int, announce: Path | None) -> None:
    """Play WeChat until SIGTERM or SIGINT; --announce names the file that gets url and pid."""
    try:
        app = create_app(read_account(config))
    except (msgspec.DecodeError, ValueError) as error:
        raise click.ClickException(f"{config}: {error}") from None
    try:
        listener = listen(host, port)
    except OSError as error:
        raise click.ClickException(f"{host}:{port}: {error.strerror}") from None
    url = f"http://{host}:{listener.getsockname()[1]}"

    @app.after_server_start
    async def _tell(_: App) -> None:
        if announce:
            _write(announce, {"url": url, "pid": os.getpid()})
        click.echo(f"WeChat sandbox {url}  phone {url}/phone")

    app.run(sock=listener, single_process=True, motd=False, access_log=False)


def _write(path: Path, announcement: dict[str, object]) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_bytes(orjson.dumps(announcement))
    draft.replace(path)


if __name__ == "__main__":
    main()
