"""What operators ask of a worker: is it alive, may it serve, what does it count, how is it used."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sanic import HTTPResponse, Request, Sanic

from kit.errors import NotFound
from kit.web.docs_page import PAGE
from kit.web.problems import render

log = structlog.get_logger()

Check = Callable[[], Awaitable[object]]


def mount(
    app: "Sanic[Any, Any]",
    *,
    checks: Mapping[str, Check],
    metrics_token: str,
    document: Mapping[str, Any],
) -> None:
    """Route health, metrics and documentation. `checks` must all pass for the worker to be ready."""
    described = orjson.dumps(document)

    async def live(_: Request) -> HTTPResponse:
        return _json({"status": "live"})

    async def ready(_: Request) -> HTTPResponse:
        states = {name: await _passes(name, check) for name, check in checks.items()}
        is_ready = all(states.values())
        body = {"status": "ready" if is_ready else "not_ready", "checks": states}
        return _json(body, status=200 if is_ready else 503)

    async def metrics(request: Request) -> HTTPResponse:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), metrics_token.encode()):
            # Absent to whoever may not read it.
            return render(NotFound(), request)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return HTTPResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    async def openapi(_: Request) -> HTTPResponse:
        return HTTPResponse(described, content_type="application/json")

    async def docs(_: Request) -> HTTPResponse:
        policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
        headers = {"content-security-policy": policy, "x-frame-options": "DENY"}
        return HTTPResponse(PAGE, headers=headers, content_type="text/html; charset=utf-8")

    app.add_route(live, "/health/live", name="health_live")
    app.add_route(ready, "/health/ready", name="health_ready")
    app.add_route(metrics, "/metrics", name="metrics")
    app.add_route(openapi, "/openapi.json", name="openapi")
    app.add_route(docs, "/docs", name="docs")


async def _passes(name: str, check: Check) -> bool:
    try:
        await check()
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the answer is "not ready"
        log.warning("health.failed", check=name, error=repr(error))
        return False
    return True


def _json(body: object, *, status: int = 200) -> HTTPResponse:
    return HTTPResponse(orjson.dumps(body), status=status, content_type="application/json")
