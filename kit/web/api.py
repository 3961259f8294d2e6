"""Endpoints from typed functions.

A handler states its inputs by annotation: `call` first, then any of `path`, `query` and `body`
(msgspec structs); its return type is the answer, its docstring the documentation:

    @orders.get("/orders/{no}", refuses=(NotFound,))
    async def show_order(call: Call[Shopper], path: OrderPath) -> OrderView:
        "One of my orders."
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

from sanic import HTTPResponse, Request, Sanic

from kit.errors import Refusal
from kit.web import pipeline


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
    def name(self) -> str:
        return self.handler.__name__


class Api(Generic[V]):
    """A family of endpoints with one prefix, one tag and one way to know the caller."""

    def __init__(
        self,
        tag: str,
        prefix: str,
        *,
        authenticate: Callable[[Request], Awaitable[V]] | None = None,
    ) -> None:
        self.tag = tag
        self.prefix = prefix
        self.authenticate = authenticate
        self.endpoints: list[Endpoint] = []

    def get(self, route: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._add("GET", route, **options)

    def post(self, route: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._add("POST", route, **options)

    def put(self, route: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._add("PUT", route, **options)

    def delete(self, route: str, **options: Any) -> Callable[[Handler], Handler]:
        return self._add("DELETE", route, **options)

    def _add(
        self,
        method: str,
        route: str,
        *,
        status: int = 200,
        refuses: tuple[type[Refusal], ...] = (),
        key: Key = Key.NONE,
        guard: Callable[[V], None] | None = None,
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            hints = get_type_hints(handler, include_extras=True)
            self.endpoints.append(
                Endpoint(
                    method=method,
                    route=self.prefix + route,
                    handler=handler,
                    inputs={name: hints[name] for name in _INPUTS if name in hints},
                    answer=hints["return"],
                    status=status,
                    refuses=refuses,
                    key=key,
                    guard=guard,
                    tag=self.tag,
                    authenticate=self.authenticate,
                )
            )
            return handler

        return register

    def mount(self, app: "Sanic[Any, Any]", clock: Callable[[], datetime]) -> None:
        """Route every endpoint of this family in `app`; `clock` gives the `now` of a call."""
        for endpoint in self.endpoints:
            app.add_route(
                pipeline.serve(endpoint, clock),
                endpoint.route.replace("{", "<").replace("}", ":str>"),
                methods=[endpoint.method],
                name=f"{self.tag}_{endpoint.name}",
                unquote=True,
            )


_INPUTS = ("path", "query", "body")


def describe(endpoint: Endpoint) -> str:
    """The handler's docstring, for people."""
    return inspect.getdoc(endpoint.handler) or ""


__all__ = ["Api", "Call", "Endpoint", "HTTPResponse", "Key", "Viewer", "describe"]
