"""The document says all there is, and what it says is so; every "no" is a problem with a code."""

import importlib
import json
import pkgutil
import re
import string
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from kit.errors import Refusal
from kit.web import problems
from kit.web.endpoints import Key
from tests.contracts.calls import DOCUMENT, ENDPOINTS, ROWS, make_ground, token_for, undocumented
from tests.shop import Shop

ROOMS = (
    "commerce",
    "kit",
    "wechat",
    "couriers",
    "miniprogram_api",
    "staff_api",
    "realtime",
    "jobs",
)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return DOCUMENT


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for route, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {route}", operation


def texts_of(value: Any, key: str) -> Iterator[str]:
    """Every text under `key`, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key and isinstance(inner, str):
                yield inner
            else:
                yield from texts_of(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner, key)


def test_the_document_is_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(described).validate()


def test_every_schema_is_json_schema_and_every_reference_leads_somewhere(
    described: dict[str, Any],
) -> None:
    schemas = described["components"]["schemas"]
    for name, schema in schemas.items():
        assert jsonschema_rs.meta.is_valid({"$schema": DIALECT} | schema), name
    wanted = {reference.rpartition("/")[2] for reference in texts_of(described, "$ref")}
    assert wanted == set(schemas)


DIALECT = "https://json-schema.org/draft/2020-12/schema"


async def test_the_document_that_is_served_lists_every_endpoint(
    shop: Shop, described: dict[str, Any]
) -> None:
    served = await shop.http.get("/openapi.json")
    assert served.headers["content-type"] == "application/json"
    assert served.json() == described
    assert {name for name, _ in operations(described)} == set(ENDPOINTS)


def test_every_operation_says_what_it_does_under_a_name_of_its_own(
    described: dict[str, Any],
) -> None:
    for name, operation in operations(described):
        assert re.fullmatch(r"\S.{8,}[.:]", operation["summary"]), name
        assert operation["tags"], name
    ids = Counter(operation["operationId"] for _, operation in operations(described))
    assert [name for name, times in ids.items() if times > 1] == []
    assert all(re.fullmatch("[a-z_]+", name) for name in ids)


def test_every_input_is_declared_where_it_is_read(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        endpoint = ENDPOINTS[name]
        declared = {(p["in"], p["name"]): p["required"] for p in operation["parameters"]}
        in_path = {part for _, part, _, _ in string.Formatter().parse(endpoint.route) if part}
        assert {part for place, part in declared if place == "path"} == in_path, name
        assert (("header", "Idempotency-Key") in declared) == (endpoint.key is not Key.NONE), name
        assert ("requestBody" in operation) == ("body" in endpoint.inputs), name
        assert all(required for (place, _), required in declared.items() if place == "path")


def test_what_makes_something_over_the_counter_asks_for_a_key() -> None:
    # Logging in makes a session and a quote makes an offer: both may be made anew at no cost.
    # Hiring is once by its account.
    free = {
        "POST /v1/session",
        "POST /v1/staff/session",
        "POST /v1/quotes",
        "POST /v1/staff/people",
    }
    posts = {name: e for name, e in ENDPOINTS.items() if e.method == "POST"}
    assert {name for name, endpoint in posts.items() if endpoint.key is Key.NONE} == free


def test_every_answer_is_described(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        statuses = set(operation["responses"])
        assert any(status.startswith("2") for status in statuses), name
        assert {"400", "503"} <= statuses, name
        if "security" in operation:
            assert "401" in statuses, name
        if "requestBody" in operation:
            assert {"400", "408", "413", "415", "422"} <= statuses, name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], (name, status)


def refusals() -> list[type[Refusal]]:
    """Every class below `Refusal` in the program, that states a code of its own."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.startswith("wechat.sandbox") and "__main__" not in module.name:
                importlib.import_module(module.name)
    return [one for one in _below(Refusal) if "code" in vars(one)]


def _below(one: type[Refusal]) -> Iterator[type[Refusal]]:
    for child in one.__subclasses__():
        if child.__module__.partition(".")[0] in ROOMS:
            yield child
            yield from _below(child)


def test_every_refusals_code_is_its_own() -> None:
    known = refusals()
    assert len(known) > 30
    codes = Counter(one.code for one in known)
    assert [code for code, times in codes.items() if times > 1] == []


def _asked_in(language: str) -> Any:
    return SimpleNamespace(headers={"accept-language": language}, path="/", method="GET")


@pytest.mark.parametrize("refusal", refusals(), ids=lambda one: one.__name__)
def test_a_refusal_is_a_problem_in_two_languages(
    refusal: type[Refusal], described: dict[str, Any]
) -> None:
    problem = described["components"]["schemas"]["Problem"]
    details = {name for _, name, _, _ in string.Formatter().parse(refusal.zh) if name}
    said = {}
    for language in ("zh-CN,zh;q=0.9", "en-GB,en;q=0.9"):
        said_no = refusal.__new__(refusal)
        Refusal.__init__(said_no, **dict.fromkeys(details, 7))
        answer = problems.render(said_no, _asked_in(language))
        assert answer.status == refusal.status
        assert answer.content_type == "application/problem+json"
        body = json.loads(answer.body or b"")
        jsonschema_rs.validate(problem, body)
        assert (body["status"], body["code"]) == (refusal.status, refusal.code)
        assert "{" not in body["detail"]
        said[language[:2]] = body["detail"]
    assert re.search("[一-鿿]", said["zh"])
    assert not re.search("[一-鿿]", said["en"])


def test_every_refusal_of_an_endpoint_can_be_told_by_its_code(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        for refusal in ENDPOINTS[name].refuses:
            listed = operation["responses"][str(refusal.status)]["description"]
            assert refusal.code in listed.split(", "), (name, refusal.code)


# What a sound call of `ROWS` comes to where it does not succeed: unknown codes and accounts, and
# steps that an unpaid order cannot take.
NO = {
    "POST /v1/session": 401,
    "POST /v1/staff/session": 401,
    "POST /v1/staff/stores/{store_id}/redemptions": 404,
    "POST /v1/staff/orders/{no}/preparation": 409,
    "POST /v1/staff/orders/{no}/readiness": 409,
    "POST /v1/staff/orders/{no}/departure": 409,
    "POST /v1/staff/orders/{no}/arrival": 409,
}

CANCELLED_BY_STAFF = "POST /v1/staff/orders/{no}/cancellation"


async def test_every_endpoint_answers_a_sound_call_as_the_document_says(shop: Shop) -> None:
    ground = await make_ground(shop)
    # Things are undone when everything else is over, and sessions last.
    undoing = ("cancellation", "DELETE", "/session")
    for name in sorted(ROWS, key=lambda name: [word in name for word in reversed(undoing)]):
        # Our own order was cancelled by its shopper before the staff may.
        things = ground.foreign if name == CANCELLED_BY_STAFF else ground.own
        answer = await ground.call(name, token_for(ground, name), things)
        assert answer.status_code == NO.get(name, ENDPOINTS[name].status), (name, answer.text)
        assert undocumented(name, answer) is None, name


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/V1/cities", 404, "not_found"),
        ("GET", "//v1/cities", 404, "not_found"),
        ("GET", "/v1/cities/%00", 404, "not_found"),
        ("GET", "/v1/stores/%ff%fe", 404, "not_found"),
        ("GET", "/media/..%2f..%2fetc%2fpasswd", 404, "not_found"),
        ("POST", "/v1/cities", 405, "method_not_allowed"),
        ("PATCH", "/v1/me", 405, "method_not_allowed"),
        ("TRACE", "/v1/me", 405, "method_not_allowed"),
        ("DELETE", "/openapi.json", 405, "method_not_allowed"),
    ],
)
async def test_whatever_is_not_there_is_a_problem_too(
    shop: Shop, method: str, path: str, status: int, code: str, language: str
) -> None:
    answer = await shop.http.request(method, path, headers={"accept-language": language})
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert (re.search("[一-鿿]", problem["detail"]) is None) == (language == "en")


async def test_a_method_that_is_not_taken_is_told_which_are(shop: Shop) -> None:
    taken = {
        "/v1/me": "GET, PUT",
        "/v1/addresses/3": "DELETE, GET, PUT",
        "/v1/orders/1/payment": "POST",
        "/health/live": "GET",
    }
    for path, methods in taken.items():
        for method in ("PATCH", "TRACE", "OPTIONS", "BREW"):
            answer = await shop.http.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, methods)


async def test_an_answer_carries_its_request_id_and_is_kept_by_nobody(shop: Shop) -> None:
    given = await shop.http.get("/v1/cities", headers={"x-request-id": "given-by-the-proxy"})
    assert given.headers["x-request-id"] == "given-by-the-proxy"
    assert given.headers["cache-control"] == "no-store"
    forged = await shop.http.get("/v1/cities", headers={"x-request-id": "x y<script>"})
    assert re.fullmatch("[0-9a-f]{32}", forged.headers["x-request-id"])
