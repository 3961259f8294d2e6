"""The `jishi` command. Each file of `scripts/commands` is one subcommand, named like the file."""

import ast
import importlib
from pathlib import Path
from typing import Any

import click

_FILES = Path(__file__).parent / "commands"


class _Commands(click.Group):
    """Imports only the subcommand that is used: the ORM alone takes longer than `--help` may."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return sorted(path.stem.rstrip("_") for path in _FILES.glob("[a-z]*.py"))

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  (click's signature)
        cmd_name: str,
    ) -> click.Command | None:
        path = _file(cmd_name)
        if path is None:
            return None
        command = importlib.import_module(f"scripts.commands.{path.stem}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        from config.embedded import EmbeddedUnavailable  # noqa: PLC0415  (not for --help)
        from config.settings import SettingsRefused  # noqa: PLC0415

        try:
            return super().invoke(ctx)
        except (EmbeddedUnavailable, SettingsRefused) as refusal:
            raise click.ClickException(str(refusal)) from None


@click.command(cls=_Commands)
def main() -> None:
    """Jishi: a chain of shops inside WeChat."""


def _file(name: str) -> Path | None:
    """`import` is a word of Python's: its file ends in an underscore."""
    for path in (_FILES / f"{name}.py", _FILES / f"{name}_.py"):
        if name.isidentifier() and path.is_file():
            return path
    return None


def _summary(name: str) -> str:
    path = _file(name)
    docstring = ast.get_docstring(ast.parse(path.read_text())) if path else None
    return (docstring or "").partition("\n")[0]


if __name__ == "__main__":
    main(prog_name="jishi")
