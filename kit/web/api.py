"""Endpoints from typed functions.

A handler states its inputs by annotation: `call` first, then any of `path`, `query` and `body`
(msgspec structs); its return type is the answer, its docstring the documentation:

    @orders.get("/orders/{no}", refuses=(NotFound,))
    async def show_order(call: Call[Shopper], path: OrderPath) -> OrderView:
        "One of my orders."
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Generic, TypeVar, get_type_hints

from sanic import Request, Sanic

from kit.errors import Refusal
from kit.web import pipeline
from kit.web.endpoints import Endpoint, Handler, Key

V = TypeVar("V")


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
                name=endpoint.operation_id,
                unquote=True,
                # Without it Sanic reads each handler's source to guess a format: 3 ms a route.
                error_format="json",
            )


_INPUTS = ("path", "query", "body")
