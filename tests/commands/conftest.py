"""A desk to run the program from."""

from pathlib import Path

import pytest

from tests.commands.program import Desk


@pytest.fixture
def desk(database: str, tmp_path: Path, checkout_dir: Path) -> Desk:
    return Desk(tmp_path, database, checkout_dir)
