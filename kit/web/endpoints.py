"""What is known of one operation: the router, the pipeline and the OpenAPI document all read it."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from sanic import Request

from kit.errors import Refusal


class Viewer(Protocol):
    """Who calls. `caller` names him for idempotency and logs, for example "member:12"."""

    @property
    def caller(self) -> str: ...


V = TypeVar("V")
Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Call(Generic[V]):
    """One request as a handler sees it. `key` is its Idempotency-Key where the endpoint asks for one."""

    request: Request
    viewer: V
    now: datetime
    key: str | None

    @property
    def ctx(self) -> Any:
        """What the composition root hung on the app: ports, link, sealer, settings."""
        return self.request.app.ctx


class Key(Enum):
    """What an endpoint does with Idempotency-Key.

    OWN: the action keeps it with its rows. ONCE: the answer is stored with the effect; such a
    handler runs inside a transaction and must not cross the network.
    """

    NONE = "none"
    OWN = "own"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """All that is known of one operation; the router and the OpenAPI document both read it."""

    method: str
    route: str
    handler: Handler
    inputs: Mapping[str, type]
    answer: Any
    status: int
    refuses: tuple[type[Refusal], ...]
    key: Key
    guard: Callable[[Any], None] | None
    tag: str
    authenticate: Callable[[Request], Awaitable[Any]] | None

    @property
    def operation_id(self) -> str:
        return f"{self.tag}_{self.handler.__name__}".replace(" ", "_")

    @property
    def documentation(self) -> str:
        """The handler's docstring, for people."""
        return inspect.getdoc(self.handler) or ""
