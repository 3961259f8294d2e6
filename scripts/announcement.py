"""What `jishi run` tells the person who started it."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from config.settings import Settings, local_url


def say(text: str) -> None:
    """One line in our own name."""
    click.echo(f"jishi    | {text}")


def hear(name: str, lines: bytes) -> None:
    """A child's lines under its name, in one write so that children do not mix."""
    head = f"{name:<8} | ".encode()
    sys.stdout.buffer.write(b"".join(head + line + b"\n" for line in lines.splitlines()))
    sys.stdout.buffer.flush()


def addresses(settings: Settings) -> dict[str, str]:
    """Where a human finds what, by name."""
    web = local_url(settings.port, settings.host)
    found = {"API docs": f"{web}/docs", "health": f"{web}/health/ready"}
    if settings.uses_sandbox:
        found["sandbox phone"] = f"{settings.wechat_api_url}/phone"
    return found


def welcome(settings: Settings) -> None:
    """The addresses, and in development the accounts of the demo town."""
    lines = ["", "Jishi is ready."]
    lines += [f"  {name:<14} {address}" for name, address in addresses(settings).items()]
    accounts = [] if settings.is_production else _demo_accounts(settings)
    if accounts:
        lines += ["", "Demo accounts:"]
        lines += ["  " + "  ".join(str(value) for value in one.values()) for one in accounts]
    click.echo("\n".join([*lines, "", "Ctrl-C stops everything; the data stays.", ""]))


def already_runs(address: Mapping[str, Any]) -> str:
    """Why a second start of the same data directory is refused."""
    known = [f"  {name:<14} {value}" for name, value in address.items() if name != "pid"]
    who = f"Jishi already runs on this data directory (process {address.get('pid', 'unknown')})"
    return "\n".join([f"{who}:", *known]) if known else f"{who}; it is still starting."


def _demo_accounts(settings: Settings) -> list[dict[str, Any]]:
    """Written by the seed: it alone knows whom it made."""
    try:
        accounts = json.loads((settings.data_dir / "demo_accounts.json").read_text())
    except (OSError, ValueError):
        return []
    return list(accounts)
