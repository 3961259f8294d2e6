"""What processes cost: processor time and memory, read from /proc."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class _Process(NamedTuple):
    name: str
    parent: int
    ticks: int


def cpu_seconds(parts: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds so far of each part's process and all that it has started, "machine" being everybody's."""
    table = _table()
    spent = {
        name: sum(table[pid].ticks for pid in _family(table, first))
        for name, first in parts.items()
    }
    return {name: ticks / _TICKS for name, ticks in (spent | {"machine": _machine_ticks()}).items()}


def children_named(parent: int, *names: str) -> dict[str, int]:
    """The pids of `parent`'s own children that run these programs, by name."""
    return {
        one.name: pid for pid, one in _table().items() if one.parent == parent and one.name in names
    }


def memory_mb(pid: int) -> tuple[float, float]:
    """What is resident, and the process' fair share of it (pages in common are divided), in MB of 10^6 bytes."""
    text = (_PROC / str(pid) / "smaps_rollup").read_text()
    sizes = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
    return int(sizes["Rss"]) * 1024 / 1e6, int(sizes["Pss"]) * 1024 / 1e6


def _table() -> dict[int, _Process]:
    found = {}
    for entry in _PROC.glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile
            found[int(entry.name)] = _read((entry / "stat").read_text())
    return found


def _read(stat: str) -> _Process:
    """proc_pid_stat(5): the name stands in brackets and may hold anything; utime, stime, cutime, cstime are 14 to 17."""
    name, _, rest = stat.partition("(")[2].rpartition(")")
    words = rest.split()
    return _Process(name, int(words[1]), sum(map(int, words[11:15])))


def _family(table: Mapping[int, _Process], first: int) -> list[int]:
    family = [first] if first in table else []
    for one in family:
        family += [pid for pid, process in table.items() if process.parent == one]
    return family


def _machine_ticks() -> int:
    """Everything but idle and waiting for disks."""
    words = (_PROC / "stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, words[:8])
    return user + nice + system + irq + softirq + steal
