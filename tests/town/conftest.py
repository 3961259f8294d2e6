"""One town for all tests that read it: it is frozen, so nobody spoils it for the others."""

from datetime import date

import pytest

from scripts.town.build import build_town
from scripts.town.town import Town

SEED = 20261123
TODAY = date(2026, 11, 23)  # a Monday: the story ends with a Sunday evening


@pytest.fixture(scope="session")
def town() -> Town:
    return build_town(SEED, TODAY)
