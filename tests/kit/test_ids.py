"""Names for things."""

import re
from datetime import UTC, datetime

import pytest

from kit import ids


def test_uuid7_sorts_by_time_of_birth_and_says_its_version():
    born = [ids.uuid7() for _ in range(100)]
    assert born == sorted(born)
    assert {key.version for key in born} == {7}
    assert len(set(born)) == 100


def test_a_business_number_carries_the_day_in_shanghai():
    late_evening_in_utc = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
    number = ids.business_no(late_evening_in_utc)
    assert re.fullmatch(r"261123[0-9]{12}", number)


def test_business_numbers_of_one_instant_differ():
    instant = datetime(2026, 11, 22, tzinfo=UTC)
    assert len({ids.business_no(instant) for _ in range(1000)}) == 1000


def test_a_business_number_needs_a_zone():
    with pytest.raises(ValueError, match="zone"):
        ids.business_no(datetime(2026, 11, 22))  # noqa: DTZ001


def test_a_token_has_32_bytes_in_url_safe_letters():
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", ids.token())
    assert ids.token() != ids.token()


def test_a_pickup_code_has_eight_digits_even_when_small():
    codes = {ids.pickup_code() for _ in range(500)}
    assert all(re.fullmatch(r"[0-9]{8}", code) for code in codes)
    assert any(code.startswith("0") for code in codes)
    assert len(codes) > 490
