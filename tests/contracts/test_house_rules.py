"""Each rule of scripts/lint finds the fault it is there for, and lets the sound form pass."""

import textwrap

import pytest

from scripts.lint import money, refusals, sizes, statuses, topics
from scripts.lint.sources import Finding, Source, not_allowed


def source(path: str, text: str) -> Source:
    return Source(path, textwrap.dedent(text).lstrip("\n"))


def lines(findings: list[Finding]) -> list[tuple[str, int]]:
    return [(finding.path, finding.line) for finding in findings]


@pytest.mark.parametrize(
    "column",
    [
        "price: fields.Field[Fen] = fields.BigIntField()",
        "refunded: Fen | None = None",
        "price = fields.BigIntField()",
        "discount = fields.IntField(default=0)",
        "payable_fen = fields.BigIntField()",
    ],
)
def test_money_without_its_unit_is_found(column: str) -> None:
    model = source("models/things.py", f"class Thing:\n    {column}\n")
    assert lines(list(money.check([model]))) == [("models/things.py", 2)]


def test_sound_columns_of_money_and_of_other_things_pass() -> None:
    model = source(
        "models/things.py",
        """
        class Thing:
            payable_fen: fields.Field[Fen] = fields.BigIntField()
            refunded_fen: Fen | None = None
            prices: dict[str, Fen] = {}
            quantity = fields.IntField()
            discounted_at = fields.DatetimeField()
        """,
    )
    assert list(money.check([model])) == []


MOVE = 'db.execute("update shop_order set status = $2, paid_at = $3 where id = $1 and status = $4")'


def test_a_second_writer_of_a_status_is_found() -> None:
    first = source("commerce/orders/actions.py", MOVE)
    second = source("commerce/orders/desk.py", MOVE)
    assert list(statuses.check([first])) == []
    assert lines(list(statuses.check([first, second]))) == [("commerce/orders/desk.py", 1)]


def test_a_writer_in_another_room_is_found() -> None:
    edge = source("miniprogram_api/orders.py", MOVE)
    assert lines(list(statuses.check([edge]))) == [("miniprogram_api/orders.py", 1)]


def test_a_condition_on_the_status_is_not_a_write_of_it() -> None:
    reader = source(
        "commerce/payments/actions.py",
        """
        A = "update payment as p set prepay_id = $2 where id = $1 and status = 'created'"
        B = "update refund set query_at = $2 from payment where payment.status = 'succeeded'"
        C = "select * from shop_order where status = 'unpaid' for update"
        """,
    )
    assert list(statuses.check([reader])) == []


ENUMS = source(
    "models/enums.py",
    """
    class OrderStatus(StrEnum):
        PAID = "paid"
        CLOSED = "closed"
    """,
)
RELAY = source(
    "jobs/outbox.py",
    """
    CONSUMERS: Mapping[str, Consumer] = {
        "order.paid": tell_paid,
        "refund.requested": send_refund,
    }
    """,
)
MOVER = source(
    "commerce/orders/actions.py",
    """
    async def move(order, new):
        if new in rules.ANNOUNCED:
            await outbox.emit(f"order.{new.value}", {}, now)
    """,
)
REFUNDS = source("commerce/payments/refunds.py", 'x = outbox.emit("refund.requested", {}, now)')


def announced(members: str) -> Source:
    return source("commerce/orders/rules.py", f"ANNOUNCED = frozenset({{{members}}})")


def test_topics_that_are_emitted_and_consumed_pass() -> None:
    rules = announced("OrderStatus.PAID")
    assert list(topics.check([ENUMS, RELAY, MOVER, REFUNDS, rules])) == []


def test_a_topic_nobody_consumes_is_found() -> None:
    rules = announced("OrderStatus.PAID, OrderStatus.CLOSED")
    found = list(topics.check([ENUMS, RELAY, MOVER, REFUNDS, rules]))
    assert lines(found) == [("commerce/orders/actions.py", 3)]
    assert "order.closed has no consumer" in found[0].message


def test_a_consumer_that_waits_in_vain_is_found() -> None:
    found = list(topics.check([ENUMS, RELAY, MOVER, announced("OrderStatus.PAID")]))
    assert lines(found) == [("jobs/outbox.py", 3)]


def test_a_topic_nobody_can_read_is_found() -> None:
    vague = source("commerce/orders/messages.py", 'x = outbox.emit(f"order.{word}", {}, now)')
    rules = announced("OrderStatus.PAID")
    found = list(topics.check([ENUMS, RELAY, MOVER, REFUNDS, rules, vague]))
    assert lines(found) == [("commerce/orders/messages.py", 1)]


SOUND = """
class Gone(Refusal):
    code = "gone"
    status = 409
    zh = "没有了（{sku}）。"
    en = "It is gone ({sku})."
"""


def test_a_sound_refusal_and_its_silent_child_pass() -> None:
    child = "\nclass _GoneForGood(Gone):\n    'Told apart inside.'\n"
    assert list(refusals.check([source("commerce/things/errors.py", SOUND + child)])) == []


@pytest.mark.parametrize(
    ("sound", "wrong"),
    [
        ('    code = "gone"\n', ""),
        ('"gone"', '"Gone-Away"'),
        ("409", "200"),
        ("409", '"409"'),
        ('    zh = "没有了（{sku}）。"\n', ""),
        ("没有了（{sku}）。", "Gone ({sku})."),
        ("It is gone ({sku}).", "It is gone."),
    ],
)
def test_an_unfinished_refusal_is_found(sound: str, wrong: str) -> None:
    found = list(refusals.check([source("kit/errors.py", SOUND.replace(sound, wrong))]))
    assert lines(found) == [("kit/errors.py", 1)]


def test_one_code_for_two_refusals_is_found() -> None:
    first = source("kit/errors.py", SOUND)
    second = source("commerce/stock/errors.py", SOUND.replace("Gone", "SoldOut"))
    found = list(refusals.check([first, second]))
    assert [finding.message for finding in found] == ["SoldOut has the code of Gone"]


def test_a_line_may_allow_its_fault_when_it_says_why() -> None:
    reasoned = source("a.py", "x = 1  # lint: allow JISHI02 - the demo needs it\n")
    bare = source("b.py", "x = 1  # lint: allow JISHI02\n")
    other = source("c.py", "x = 1  # lint: allow JISHI01 - another rule\n")
    found = [Finding(path, 1, "JISHI02", "moves") for path in ("a.py", "b.py", "c.py")]
    assert lines(not_allowed(found, [reasoned, bare, other])) == [("b.py", 1), ("c.py", 1)]


def test_what_is_long_is_told() -> None:
    long = source("commerce/long.py", "def f():\n" + "    x = 1\n" * 400)
    told = "\n".join(sizes.report([long]))
    assert "commerce/long.py: 401 lines, over 400" in told
    assert "commerce/long.py:1 f: 401 lines, over 50" in told
