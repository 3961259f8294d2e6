import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Where another user may walk, as in a checkout: pytest's own directories are 0700."""
    place = Path(tempfile.mkdtemp(prefix="jishi data "))
    place.chmod(0o755)
    yield place / "数据 data"
    shutil.rmtree(place)
