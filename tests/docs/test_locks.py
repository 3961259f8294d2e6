"""Two advisory locks of one number would wait for each other for no reason anybody could see."""

import re
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent.parent


def test_every_advisory_lock_has_its_own_number_and_line() -> None:
    sources = [
        p
        for p in HOUSE.glob("*/**/*.py")
        if p.relative_to(HOUSE).parts[0] not in {"tests", ".venv", ".data"}
    ]
    numbers = [
        number.replace("_", "")
        for path in sources
        for number in re.findall(r"\b728_?301_?\d{3}\b", path.read_text())
    ]
    listed = re.findall(r"`(728301\d{3})`", (HOUSE / "docs/locking.md").read_text())
    assert sorted(numbers) == sorted(listed)
