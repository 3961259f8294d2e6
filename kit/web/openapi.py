"""The OpenAPI 3.1 document, read off the endpoints themselves: what is declared is what is served."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kit.errors import InvalidInput, KeyReused, NotFound, Refusal, Unauthenticated
from kit.errors import TemporarilyUnavailable as Unavailable
from kit.web.endpoints import Endpoint, Key
from kit.web.once import RequestInProgress
from kit.web.pipeline import UnreadableJson, UnsupportedMediaType
from kit.web.problems import MEDIA_TYPE, Problem

_REF = "#/components/schemas/{name}"

# Sanic answers these two before an endpoint is reached.
_BODY_STATUSES = {413: "payload_too_large", 408: "request_timeout"}


def document(endpoints: Iterable[Endpoint], *, title: str, version: str) -> dict[str, Any]:
    """The whole API. Two endpoints with one route and method are a mistake and raise ValueError."""
    known = list(endpoints)
    schemas = _Schemas(_types(known))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in known:
        operations = paths.setdefault(endpoint.route, {})
        method = endpoint.method.lower()
        if method in operations:
            raise ValueError(f"{endpoint.method} {endpoint.route} is declared twice")
        operations[method] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas.referred_to_from(paths),
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer"}
                for name in sorted({_scheme(e) for e in known if e.authenticate})
            },
        },
    }


class _Schemas:
    """Every type's schema or reference, made in one go so that names stay unique."""

    def __init__(self, types: list[Any]) -> None:
        made, self._components = msgspec.json.schema_components(types, ref_template=_REF)
        self._made = dict(zip(map(repr, types), made, strict=True))

    def referred_to_from(self, paths: Mapping[str, Any]) -> dict[str, Any]:
        """The components that `paths` lead to: those of parameters stand there field by field."""
        found: dict[str, Any] = {}
        waiting = _references(paths)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self._components[name]
                waiting |= _references(found[name])
        return dict(sorted(found.items()))

    def of(self, kind: Any) -> dict[str, Any]:
        return self._made[repr(kind)]

    def fields_of(self, kind: Any) -> Iterator[tuple[str, dict[str, Any], bool]]:
        """Name, schema and whether it is required, of each field of a struct."""
        schema = self.of(kind)
        name = schema.get("$ref", "").rpartition("/")[2]
        whole = self._components[name] if name else schema
        required = set(whole.get("required", ()))
        for field, field_schema in whole["properties"].items():
            yield field, field_schema, field in required


def _references(value: object) -> set[str]:
    """The names of the components that `value` refers to, at any depth."""
    if isinstance(value, Mapping):
        inner = set().union(*(_references(each) for key, each in value.items() if key != "$ref"))
        return inner | ({value["$ref"].rpartition("/")[2]} if "$ref" in value else set())
    if isinstance(value, list):
        return set().union(*map(_references, value))
    return set()


def _types(endpoints: list[Endpoint]) -> list[Any]:
    found: dict[str, Any] = {repr(Problem): Problem}
    for endpoint in endpoints:
        for kind in (*endpoint.inputs.values(), endpoint.answer):
            if kind is not type(None):
                found[repr(kind)] = kind
    return list(found.values())


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    summary, _, more = endpoint.documentation.partition("\n")
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "tags": [endpoint.tag],
        "summary": summary,
        "parameters": list(_parameters(endpoint, schemas)),
        "responses": dict(_responses(endpoint, schemas)),
    }
    if more.strip():
        operation["description"] = more.strip()
    if "body" in endpoint.inputs:
        content = {"application/json": {"schema": schemas.of(endpoint.inputs["body"])}}
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.authenticate is not None:
        needed: list[dict[str, list[str]]] = [{_scheme(endpoint): []}]
        operation["security"] = [{}, *needed] if _is_optional(endpoint) else needed
    return operation


def _parameters(endpoint: Endpoint, schemas: _Schemas) -> Iterator[dict[str, Any]]:
    for place in ("path", "query"):
        if place in endpoint.inputs:
            for name, schema, is_required in schemas.fields_of(endpoint.inputs[place]):
                yield {
                    "name": name,
                    "in": place,
                    "required": is_required or place == "path",
                    "schema": schema,
                }
    if endpoint.key is not Key.NONE:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{8,64}$"},
        }


def _responses(endpoint: Endpoint, schemas: _Schemas) -> Iterator[tuple[str, dict[str, Any]]]:
    success: dict[str, Any] = {"description": "OK"}
    if endpoint.answer is not type(None):
        success["content"] = {"application/json": {"schema": schemas.of(endpoint.answer)}}
    yield str(endpoint.status), success
    for status, codes in sorted(_refusals(endpoint).items()):
        yield (
            str(status),
            {
                "description": ", ".join(sorted(codes)),
                "content": {MEDIA_TYPE: {"schema": schemas.of(Problem)}},
            },
        )


def _refusals(endpoint: Endpoint) -> Mapping[int, set[str]]:
    refuses: list[type[Refusal]] = [*endpoint.refuses, Unavailable]
    if endpoint.authenticate is not None:
        refuses.append(Unauthenticated)
    if endpoint.inputs or endpoint.key is not Key.NONE:
        refuses.append(InvalidInput)
    if "path" in endpoint.inputs:
        refuses.append(NotFound)
    if endpoint.key is Key.ONCE:
        refuses += [KeyReused, RequestInProgress]
    codes: dict[int, set[str]] = {}
    if "body" in endpoint.inputs:
        refuses += [UnreadableJson, UnsupportedMediaType]
        codes = {status: {code} for status, code in _BODY_STATUSES.items()}
    for refusal in refuses:
        codes.setdefault(refusal.status, set()).add(refusal.code)
    # Any malformed request line or header is refused before its endpoint is known.
    codes.setdefault(400, set()).add("bad_request")
    return codes


def _scheme(endpoint: Endpoint) -> str:
    """Shoppers and staff carry different tokens; the room of the authenticator tells which."""
    return "staff" if endpoint.authenticate.__module__.startswith("staff_api") else "shopper"


def _is_optional(endpoint: Endpoint) -> bool:
    return getattr(endpoint.authenticate, "__name__", "").endswith("_if_present")
