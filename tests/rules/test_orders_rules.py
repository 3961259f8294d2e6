"""Which order and which fulfilment may become what: the tables themselves, walked to their ends."""

import re
from collections.abc import Mapping
from itertools import product
from typing import TypeVar

import pytest

from commerce.audit import INVARIANTS
from commerce.orders import rules
from commerce.orders.errors import IllegalTransition
from models.enums import DeliveryMethod, FulfilmentStatus, OrderStatus

State = TypeVar("State")


def reachable(table: Mapping[State, frozenset[State]], start: State) -> set[State]:
    """Every state that some walk from `start` comes to."""
    found, waiting = {start}, [start]
    while waiting:
        for state in table[waiting.pop()] - found:
            found.add(state)
            waiting.append(state)
    return found


def test_every_order_state_has_a_row_and_is_reached() -> None:
    assert set(rules.NEXT) == set(OrderStatus)
    assert reachable(rules.NEXT, OrderStatus.UNPAID) == set(OrderStatus)


@pytest.mark.parametrize("method", DeliveryMethod)
def test_a_fulfilments_rows_are_exactly_the_states_it_reaches(method: DeliveryMethod) -> None:
    table = rules.NEXT_FULFILMENT[method]
    assert reachable(table, FulfilmentStatus.WAITING) == set(table)


def test_every_fulfilment_state_belongs_to_some_method() -> None:
    rows = [set(table) for table in rules.NEXT_FULFILMENT.values()]
    assert set(rules.NEXT_FULFILMENT) == set(DeliveryMethod)
    assert set.union(*rows) == set(FulfilmentStatus)


def test_nothing_leaves_an_end() -> None:
    ends = {state for state, following in rules.NEXT.items() if not following}
    assert ends == {OrderStatus.COMPLETED, OrderStatus.CLOSED}
    for table in rules.NEXT_FULFILMENT.values():
        ends_of_method = {state for state, following in table.items() if not following}
        assert ends_of_method == {FulfilmentStatus.HANDED_OVER, FulfilmentStatus.CANCELLED}


@pytest.mark.parametrize("method", DeliveryMethod)
def test_no_walk_comes_back_to_where_it_was(method: DeliveryMethod) -> None:
    for table in (rules.NEXT, rules.NEXT_FULFILMENT[method]):
        for state, following in table.items():
            after = set().union(*(reachable(table, step) for step in following))  # type: ignore[type-var]
            assert state not in after


@pytest.mark.parametrize(("old", "new"), list(product(OrderStatus, repeat=2)))
def test_an_order_moves_by_the_table_or_not_at_all(old: OrderStatus, new: OrderStatus) -> None:
    allowed = {
        ("unpaid", "paid"),
        ("unpaid", "closed"),
        ("paid", "completed"),
        ("paid", "closed"),
    }
    if (old.value, new.value) in allowed:
        rules.check_transition(old, new)
    else:
        with pytest.raises(IllegalTransition) as refusal:
            rules.check_transition(old, new)
        assert refusal.value.details == {"old": old.value, "new": new.value}


_SHARED_STEPS = {
    ("waiting", "preparing"),
    ("waiting", "cancelled"),
    ("preparing", "ready"),
    ("preparing", "cancelled"),
    ("ready", "cancelled"),
}
_STEPS = {
    DeliveryMethod.PICKUP: _SHARED_STEPS | {("ready", "handed_over")},
    DeliveryMethod.DELIVERY: _SHARED_STEPS
    | {("ready", "delivering"), ("delivering", "handed_over")},
}


@pytest.mark.parametrize("method", DeliveryMethod)
@pytest.mark.parametrize(("old", "new"), list(product(FulfilmentStatus, repeat=2)))
def test_a_fulfilment_moves_by_its_methods_table_or_not_at_all(
    method: DeliveryMethod, old: FulfilmentStatus, new: FulfilmentStatus
) -> None:
    if (old.value, new.value) in _STEPS[method]:
        rules.check_fulfilment(method, old, new)
    else:
        with pytest.raises(IllegalTransition) as refusal:
            rules.check_fulfilment(method, old, new)
        assert refusal.value.details == {"old": old.value, "new": new.value}


def test_what_is_announced_can_happen() -> None:
    assert set(OrderStatus) - {OrderStatus.UNPAID} >= rules.ANNOUNCED
    assert set(FulfilmentStatus) - {FulfilmentStatus.WAITING} >= rules.ANNOUNCED_FULFILMENT


def test_the_audit_knows_the_same_steps_as_the_program() -> None:
    listed = INVARIANTS["O2"].partition("not in (")[2]
    audited = set(re.findall(r"\('(\w*)', '(\w+)'\)", listed))
    program = {(old.value, new.value) for old, following in rules.NEXT.items() for new in following}
    assert audited == program | {("", OrderStatus.UNPAID.value)}
