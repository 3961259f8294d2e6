"""What may be believed of a payment. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commerce.ports import RefundFact, TradeFact
from kit.money import Fen

# WeChat wants time_expire at least a minute ahead (Pay v3, JSAPI order); one second for the way.
SHORTEST_TRADE = timedelta(seconds=61)

# A prepay_id lives two hours; near its end a new one is asked for.
PREPAY_LIFE = timedelta(minutes=110)

# When the notice is lost, the query finds the money: soon at first, then every minute until the
# order is paid or closed (WeChat recommends the first of these; invariants.md asks for a minute).
QUERY_PAUSES = (5, 25, 30, 60)

DESCRIPTION_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Account:
    """Whose money it must be."""

    appid: str
    mchid: str


@dataclass(frozen=True, slots=True)
class Expected:
    amount_fen: Fen
    openid: str


def mismatches(fact: TradeFact, expected: Expected, account: Account) -> list[str]:
    """Which parts of a success are not ours (P1); an empty list is money in the till."""
    pairs = {
        "appid": (fact.appid, account.appid),
        "mchid": (fact.mchid, account.mchid),
        "amount_fen": (fact.amount_fen, expected.amount_fen),
        "currency": (fact.currency, "CNY"),
        "openid": (fact.openid, expected.openid),
    }
    wrong = [name for name, (said, due) in pairs.items() if said != due]
    if not fact.transaction_id:
        wrong.append("transaction_id")
    return wrong


def is_our_refund(fact: RefundFact, *, out_trade_no: str, refund_fen: Fen) -> bool:
    """Whether a refund's facts are those we asked for."""
    return fact.out_trade_no == out_trade_no and fact.refund_fen == refund_fen


def trade_expiry(pay_by: datetime, now: datetime) -> datetime:
    """When WeChat itself must refuse the payment: our deadline, but no sooner than it accepts."""
    return max(pay_by, now + SHORTEST_TRADE)


def next_query(queries: int, now: datetime) -> datetime:
    """When to ask for an unpaid trade again after `queries` times."""
    return now + timedelta(seconds=QUERY_PAUSES[min(queries, len(QUERY_PAUSES) - 1)])


def describe(titles: Sequence[str]) -> str:
    """What the shopper reads on the payment sheet. The same for the same goods: WeChat refuses a
    repeated prepay whose words differ."""
    tail = f"等{len(titles)}件" if len(titles) > 1 else ""
    return titles[0][: DESCRIPTION_CHARACTERS - len(tail)] + tail
