"""No fen is lost or made."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.money import LARGEST, Fen, apportion, parse_yuan, percent_of, yuan

amounts = st.integers(0, LARGEST).map(Fen)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=30)


@given(amounts, weights)
def test_parts_add_up_and_each_is_within_a_fen_of_its_share(total, weights):
    parts = apportion(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    shares = [
        Fraction(total * w, whole) if whole else Fraction(total, len(weights)) for w in weights
    ]
    assert all(abs(part - share) < 1 for part, share in zip(parts, shares, strict=True))


@given(amounts, weights)
def test_a_weight_of_nothing_gets_nothing_unless_all_are_nothing(total, weights):
    parts = apportion(total, weights)
    if any(weights):
        assert all(part == 0 for part, w in zip(parts, weights, strict=True) if w == 0)


@given(amounts, weights)
def test_no_larger_remainder_is_passed_over(total, weights):
    whole = sum(weights) or len(weights)
    weights = weights if any(weights) else [1] * len(weights)
    parts = apportion(total, weights)
    rank = [(total * w % whole, -position) for position, w in enumerate(weights)]
    got = [rank[i] for i, w in enumerate(weights) if parts[i] > total * w // whole]
    missed = [rank[i] for i, w in enumerate(weights) if parts[i] == total * w // whole]
    assert not got or not missed or min(got) > max(missed)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (5, [0, 0, 0], [2, 2, 1]),
        (0, [3, 4], [0, 0]),
        (1, [1, 3], [0, 1]),
        (7, [9], [7]),
    ],
)
def test_ties_go_to_the_earlier_position(total, weights, parts):
    assert apportion(Fen(total), weights) == parts


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, []), (1, [1, -1]), (0, [])])
def test_what_cannot_be_divided_is_refused(total, weights):
    with pytest.raises(ValueError, match="negative"):
        apportion(Fen(total), weights)


@pytest.mark.parametrize(
    ("amount", "rate", "share"),
    [(1999, 8500, 1699), (1, 5000, 1), (1, 4999, 0), (3, 5000, 2), (0, 10000, 0), (7, 10000, 7)],
)
def test_half_a_fen_is_rounded_up(amount, rate, share):
    assert percent_of(Fen(amount), rate) == share


@pytest.mark.parametrize(("amount", "rate"), [(-1, 5000), (1, -1)])
def test_a_share_by_negative_numbers_is_refused(amount, rate):
    with pytest.raises(ValueError, match="non-negative"):
        percent_of(Fen(amount), rate)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(1230, "12.30"), (0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-1230, "-12.30")],
)
def test_yuan_are_written_with_two_decimals(amount, text):
    assert yuan(Fen(amount)) == text


@given(amounts)
def test_what_is_written_in_yuan_is_read_as_the_same_fen(amount):
    assert parse_yuan(yuan(amount)) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12", 1200), ("12.3", 1230), ("0.01", 1), ("0", 0), ("1000000000", LARGEST)],
)
def test_people_may_leave_decimals_away(text, amount):
    assert parse_yuan(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        *("", " 1", "1 ", "1\n", "+1", "-1", ".5", "1.", "01", "1.234", "1e3", "1,000", "1_000"),
        *("１２", "٣", "¥1", "NaN"),
        *("1000000000.01", "9999999999.99", "10000000000", "9" * 5000),
    ],
)
def test_anything_else_is_not_an_amount(text):
    with pytest.raises(ValueError, match="amount"):
        parse_yuan(text)
