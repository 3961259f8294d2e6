"""Misbehaviour on command: which calls go wrong, how, and how often."""

from random import Random
from typing import Annotated, Final, Literal

import msgspec

CallName = Literal[
    "notice", "prepay", "query", "close", "refund", "code2session", "token", "subscribe_send"
]
Kind = Literal[
    "lost",
    "duplicate",
    "delay",
    "timeout_before",
    "timeout_after",
    "error_500",
    "error_429",
    "html",
    "wrong_signature",
    "token_killed",
]

_ANSWERS: Final = {"timeout_before", "timeout_after", "error_500", "error_429", "html"}
_PAY: Final = _ANSWERS | {"wrong_signature"}
KINDS: Final[dict[str, set[str]]] = {
    "notice": {"lost", "duplicate", "delay", "wrong_signature"},
    "prepay": _PAY,
    "query": _PAY,
    "close": _PAY,
    "refund": _PAY,
    "code2session": _ANSWERS,
    "token": _ANSWERS | {"token_killed"},
    "subscribe_send": _ANSWERS | {"token_killed"},
}


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """Strikes `call` with chance `rate` (None: always), `times` times (None: for ever)."""

    call: CallName
    kind: Kind
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=600)] | None = None


class Faults:
    """The faults in force, oldest first; each call meets at most one."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._faults: list[Fault] = []
        self._count = 0

    def add(self, fault: Fault) -> str:
        """Put `fault` in force; raises ValueError when such a call cannot fail that way."""
        if fault.kind not in KINDS[fault.call]:
            raise ValueError(f"{fault.call} knows only {', '.join(sorted(KINDS[fault.call]))}")
        self._faults.append(fault)
        self._count += 1
        return f"fault-{self._count}"

    def clear(self) -> None:
        self._faults.clear()

    def strike(self, call: str) -> Fault | None:
        """The fault that this `call` meets, counted as used."""
        for fault in self._faults:
            if fault.call == call and (fault.rate is None or self._random.random() < fault.rate):
                self._use(fault)
                return fault
        return None

    def _use(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._faults.remove(fault)
