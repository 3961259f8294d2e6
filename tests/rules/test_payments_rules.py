"""What may be believed of a payment, and when WeChat is asked again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.payments import rules
from commerce.payments.rules import Account, Expected
from commerce.ports import RefundFact, RefundState, TradeFact, TradeState
from kit.money import Fen

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
ACCOUNT = Account(appid="wx1234567890abcdef", mchid="1900000001")
EXPECTED = Expected(amount_fen=Fen(1290), openid="o-somebody")
PAID = TradeFact(
    out_trade_no="202611200001",
    state=TradeState.SUCCESS,
    appid=ACCOUNT.appid,
    mchid=ACCOUNT.mchid,
    transaction_id="4200000001",
    amount_fen=Fen(1290),
    currency="CNY",
    openid="o-somebody",
    paid_at=NOW,
)
REFUNDED = RefundFact(
    out_trade_no="202611200001",
    out_refund_no="202611200001-cancelled",
    refund_id="5030000001",
    state=RefundState.SUCCESS,
    refund_fen=Fen(1290),
    total_fen=Fen(1290),
)


def test_a_success_that_is_ours_in_every_part_is_money() -> None:
    assert rules.mismatches(PAID, EXPECTED, ACCOUNT) == []


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("appid", "wxffffffffffffffff"),
        ("mchid", "1900000002"),
        ("amount_fen", Fen(1289)),
        ("amount_fen", Fen(129000)),
        ("amount_fen", None),
        ("currency", "HKD"),
        ("currency", None),
        ("openid", "o-another"),
        ("openid", None),
        ("transaction_id", None),
        ("transaction_id", ""),
    ],
)
def test_one_wrong_part_is_named(part: str, said: object) -> None:
    fact = replace(PAID, **{part: said})
    assert rules.mismatches(fact, EXPECTED, ACCOUNT) == [part]


def test_every_wrong_part_is_named() -> None:
    nothing = TradeFact("202611200001", TradeState.SUCCESS, "", "")
    wrong = rules.mismatches(nothing, EXPECTED, ACCOUNT)
    assert wrong == ["appid", "mchid", "amount_fen", "currency", "openid", "transaction_id"]


def test_a_refund_is_ours_by_trade_and_amount() -> None:
    ours = {"out_trade_no": "202611200001", "refund_fen": Fen(1290)}
    assert rules.is_our_refund(REFUNDED, **ours)  # type: ignore[arg-type]
    for wrong in ({"out_trade_no": "202611200002"}, {"refund_fen": Fen(1289)}):
        assert not rules.is_our_refund(REFUNDED, **(ours | wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("window", "life"),
    [
        (timedelta(minutes=15), timedelta(minutes=15)),
        (timedelta(seconds=62), timedelta(seconds=62)),
        (timedelta(seconds=61), timedelta(seconds=61)),
        (timedelta(seconds=1), timedelta(seconds=61)),
    ],
)
def test_wechat_refuses_at_our_deadline_but_never_sooner_than_it_can(
    window: timedelta, life: timedelta
) -> None:
    assert rules.trade_expiry(NOW + window, NOW) == NOW + life


def test_a_lost_notice_is_asked_after_soon_and_then_every_minute() -> None:
    pauses = [(rules.next_query(n, NOW) - NOW).total_seconds() for n in range(6)]
    assert pauses == [5, 25, 30, 60, 60, 60]


def test_the_sheet_names_the_goods() -> None:
    assert rules.describe(["鲜牛奶"]) == "鲜牛奶"
    assert rules.describe(["鲜牛奶", "面包", "鸡蛋"]) == "鲜牛奶等3件"


titles = st.lists(st.text(min_size=1, max_size=128), min_size=1, max_size=100)


@given(titles)
def test_the_sheet_never_says_more_than_wechat_takes(names: list[str]) -> None:
    said = rules.describe(names)
    assert 1 <= len(said) <= rules.DESCRIPTION_CHARACTERS
    assert said == rules.describe(list(names))


@given(titles)
def test_however_long_the_first_name_the_number_of_goods_is_said(names: list[str]) -> None:
    said = rules.describe(names)
    if len(names) > 1:
        assert said.endswith(f"等{len(names)}件")
    assert names[0].startswith(said.removesuffix(f"等{len(names)}件") if len(names) > 1 else said)
