"""Instants at the edges."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import clock


def test_now_is_aware_and_utc():
    assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T05:47:00Z", datetime(2026, 11, 23, 5, 47, tzinfo=UTC)),
        ("2026-11-23t05:47:00z", datetime(2026, 11, 23, 5, 47, tzinfo=UTC)),
        ("2026-11-23T13:47:00+08:00", datetime(2026, 11, 23, 5, 47, tzinfo=UTC)),
        ("2026-11-23T05:47:00.25-00:00", datetime(2026, 11, 23, 5, 47, 0, 250_000, tzinfo=UTC)),
        ("2026-11-23T05:47:00.123456789Z", datetime(2026, 11, 23, 5, 47, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_an_rfc_3339_instant_is_read_into_utc(text, instant):
    read = clock.parse_instant(text)
    assert read == instant
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23T05:47:00",
        "2026-11-23 05:47:00Z",
        "2026-11-23T05:47Z",
        "20261123T054700Z",
        "2026-W48-1T05:47:00Z",
        "2026-11-23T05:47:00Z\n",
        "2026-11-23T05:47:60Z",
        "2026-02-29T00:00:00Z",
        "2026-11-23T24:00:01Z",
        "2026-11-23T05:47:00+25:00",
        "２０２６-11-23T05:47:00Z",
        "0001-01-01T00:00:00+14:00",
        "0000-01-01T00:00:00Z",
    ],
)
def test_what_is_not_an_instant_with_a_zone_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        clock.parse_instant(text)


zones = st.sampled_from([UTC, clock.SHANGHAI, timezone(timedelta(hours=-5))])


# From 2000 on: the summer times of 1941 and 1986 to 1991 have hours that never were.
@given(st.datetimes(datetime(2000, 1, 1), datetime(9999, 12, 30), timezones=zones))  # noqa: DTZ001
def test_what_is_written_can_be_read_again(instant):
    assert clock.parse_instant(clock.format_instant(instant)) == instant


def test_the_wall_clock_of_the_shop_is_eight_hours_ahead():
    wall = clock.shanghai(datetime(2026, 11, 22, 16, 30, tzinfo=UTC))
    assert (wall.day, wall.hour, wall.minute) == (23, 0, 30)


@pytest.mark.parametrize("ask", [clock.shanghai, clock.format_instant])
def test_a_zone_less_time_is_never_guessed(ask):
    with pytest.raises(ValueError, match="zone"):
        ask(datetime(2026, 11, 23, 5, 47))  # noqa: DTZ001
