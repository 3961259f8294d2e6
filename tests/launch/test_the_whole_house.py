"""The real server, the real seed: what a newcomer's `make run` does. One long scenario, because the start is long."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.house import House, fetch, reach

SHOPS = "select count(*) from store"


@pytest.fixture(scope="module")
def house(ground: Path) -> Iterator[House]:
    house = House(ground / "整个集市 whole house" / ("far from the root " * 5) / "h", is_real=True)
    yield house
    house.kill_everything()


def test_the_first_start_makes_the_town_and_the_next_one_keeps_it(house):
    house.start()
    house.await_ready(180)
    for path in ("/health/ready", "/docs"):
        assert house.status(path) == 200
    assert reach(house.told("sandbox phone")) == 200
    shops = fetch(house.told("url", by="postgres"), SHOPS)
    assert shops >= 120
    assert "Demo accounts:" in house.output
    assert house.end(signal.SIGTERM) == 0
    assert not house.processes()

    house.start()
    house.await_ready()
    assert "seed: running" not in house.output
    assert fetch(house.told("url", by="postgres"), SHOPS) == shops
    house.kill_everything()

    house.start()
    house.await_ready()
    assert fetch(house.told("url", by="postgres"), SHOPS) == shops
    assert house.end(signal.SIGINT) == 0
    assert not house.processes()
    assert "Traceback" not in house.output
