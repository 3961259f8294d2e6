"""Trees to start a house in. Under /tmp and open to walk through, as a checkout usually is: pytest's own is 0700."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.house import House


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """Where houses stand."""
    place = Path(tempfile.mkdtemp(prefix="jishi house "))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="session")
def furnished(ground: Path) -> Path:
    """A data directory of a house that ran before: later starts are warm."""
    house = House(ground / "first house")
    house.start()
    house.await_ready()
    assert house.end() == 0
    return house.data_dir


@pytest.fixture
def house(ground: Path, furnished: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """A house with data, in a path with spaces that is too long for a Unix socket."""
    name = request.node.name[:60]
    house = House(ground / f"{name} 集市" / ("long name " * 8) / "house")
    subprocess.run(["cp", "-a", furnished, house.data_dir], check=True)
    yield house
    house.kill_everything()
