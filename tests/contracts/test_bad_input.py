"""Hostile input over real HTTP: always a 4xx that the document knows, never an accident of ours."""

import asyncio
import copy
import gzip
import json
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest

from kit.web.endpoints import Key
from tests.contracts.calls import (
    ENDPOINTS,
    ROWS,
    Ground,
    code,
    described,
    filled,
    make_ground,
    token_for,
    undocumented,
)
from tests.shop import Shop

WITH_BODY = [name for name, row in ROWS.items() if row.body is not None]
WITH_PATH = [name for name, row in ROWS.items() if row.path]
WITH_QUERY = [name for name, endpoint in ENDPOINTS.items() if "query" in endpoint.inputs]

LARGEST_BODY = 1024 * 1024


@pytest.fixture
async def ground(shop: Shop) -> Ground:
    return await make_ground(shop)


def headers_for(ground: Ground, name: str) -> dict[str, str]:
    token = token_for(ground, name)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    if ENDPOINTS[name].key is not Key.NONE:
        headers["Idempotency-Key"] = uuid4().hex
    return headers


def path_of(ground: Ground, name: str, **odd: str) -> str:
    parts = {part: ground.own[thing] for part, thing in ROWS[name].path.items()} | odd
    return ENDPOINTS[name].route.format_map(parts)


BODIES = {
    "empty": b"",
    "blank": b" ",
    "cut off": b'{"a": 1',
    "two values": b"{} {}",
    "comment": b"{} // note",
    "single quotes": b"{'a': 1}",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "duplicate keys": b'{"a": 1, "a": 2}',
    "duplicate keys, one escaped": b'{"a": 1, "\\u0061": 2}',
    "duplicate keys deep inside": b'{"a": [{"b": {"c": 1, "c": 1}}]}',
    "NUL": b'{"a": "\x00"}',
    "NUL, escaped": b'{"a": "\\u0000"}',
    "NUL in a key": b'{"\\u0000": 1}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "lone surrogate, the wrong way round": b'{"a": "\\udc00\\ud800"}',
    "lone surrogate as bytes": b'{"a": "\xed\xa0\x80"}',
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "5,000 decimals and an exponent": b'{"a": 1.' + b"9" * 5000 + b"e999}",
    "10^400": b'{"a": 1e400}',
    "depth 100,000": b"[" * 100_000 + b"]" * 100_000,
    "depth 100,000, never closed": b'{"a":' * 100_000,
}


async def test_json_that_two_readers_could_read_differently_is_unreadable(ground: Ground) -> None:
    for (what, body), name in product(BODIES.items(), WITH_BODY):
        headers = headers_for(ground, name) | {"Content-Type": "application/json"}
        answer = await ground.shop.http.request(
            ENDPOINTS[name].method, path_of(ground, name), content=body, headers=headers
        )
        assert code(answer) == (400, "unreadable_json"), (what, name)
        assert undocumented(name, answer) is None, (what, name)


MEDIA = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "application/xml"},
    {"Content-Type": "application/jsonp"},
    {"Content-Type": ""},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    {"Content-Type": "application/json", "Content-Encoding": "identity"},
    {},
]


async def test_only_plain_json_is_taken(ground: Ground) -> None:
    for media, name in product(MEDIA, WITH_BODY):
        body = json.dumps(filled(ROWS[name].body, ground.own)).encode()
        body = gzip.compress(body) if media.get("Content-Encoding") == "gzip" else body
        answer = await ground.shop.http.request(
            ENDPOINTS[name].method,
            path_of(ground, name),
            content=body,
            headers=headers_for(ground, name) | media,
        )
        assert code(answer) == (415, "unsupported_media_type"), (media, name)


async def test_a_media_type_may_state_its_charset(ground: Ground) -> None:
    answer = await ground.shop.http.put(
        "/v1/me",
        content=b'{"nickname": "a"}',
        headers=headers_for(ground, "PUT /v1/me")
        | {"Content-Type": "Application/JSON; charset=utf-8"},
    )
    assert answer.status_code == 204


async def exchange(shop: Shop, request: bytes) -> tuple[int, bytes]:
    """Send raw bytes on a connection of their own; status and body of the answer."""
    at = urlsplit(shop.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        writer.write(request)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        return int(head.split()[1]), await asyncio.wait_for(reader.readexactly(length), 10)
    finally:
        writer.close()


async def test_a_body_over_a_megabyte_is_refused_before_it_is_read(shop: Shop) -> None:
    for length in (LARGEST_BODY + 1, 10**12):
        head = (
            "POST /v1/session HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n"
        )
        # Nothing of the body is sent, and the answer comes all the same.
        status, body = await exchange(shop, head.encode())
        assert (status, json.loads(body)["code"]) == (413, "payload_too_large")


async def test_a_body_of_a_megabyte_is_read(shop: Shop) -> None:
    padding = LARGEST_BODY - len('{"code": ""}')
    answer = await shop.http.post("/v1/session", content=b'{"code": "' + b"x" * padding + b'"}')
    assert answer.status_code == 415
    answer = await shop.http.post(
        "/v1/session",
        content=b'{"code": "' + b"x" * padding + b'"}',
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize(
    "lines",
    [
        "POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: two\r\n\r\n{}",
        "POST /v1/session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "GET /v1/cities HTTP/9.9\r\nHost: a\r\n\r\n",
        "GET /v1/cities\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02 TLS to a plain port\r\n\r\n",
        "GET /v1/cities HTTP/1.1\r\nHost: a\r\nNo colon here\r\n\r\n",
        "GET /v1/cities HTTP/1.1\r\nHost: a\r\nX: " + "y" * 100_000 + "\r\n\r\n",
        "GET /" + "v" * 100_000 + " HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=range(12),
)
async def test_a_request_that_is_no_http_is_refused(shop: Shop, lines: str) -> None:
    status, body = await exchange(shop, lines.encode())
    assert 400 <= status < 500, body


ODD_NUMBERS = [
    -1,
    0,
    1.5,
    "1",
    True,
    None,
    2**31,
    2**63,
    10**17,
    "１",
    "٣",
    [],
    {},
    "",
    -0.0,
    1e300,
]
# What no name in a path or a query is.
ODD_NAMES = [
    *(
        "-1",
        "0",
        "00",
        "1.5",
        "true",
        "1e3",
        "+1",
        " 1",
        "1 ",
        "0x10",
        "1_0",
        "null",
        "NaN",
        "１",
        "٣",
    ),
    *(str(2**63), "9" * 400, "1\n", "1;drop", "1'--", "%", "\x00", "a\x00b"),
]


def leaves(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every leaf of a body, and to every list and object in it."""
    yield way
    inner = enumerate(value) if isinstance(value, list) else ()
    inner = value.items() if isinstance(value, dict) else inner
    for step, below in inner:
        yield from leaves(below, (*way, step))


def replaced(body: Any, way: tuple[Any, ...], odd: object) -> Any:
    if not way:
        return odd
    changed = copy.deepcopy(body)
    place = changed
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = odd
    return changed


# These may be any text, so an odd number in text is one too.
FREE_TEXTS = {
    *(
        "nickname",
        "receiver",
        "detail",
        "remark",
        "note",
        "display_name",
        "code",
        "account",
        "password",
    ),
}
NUMBERS = {"lat", "lng", "quantity"}


def is_fine(way: tuple[Any, ...], odd: object) -> bool:
    """Whether `odd` is a sound value for this leaf after all."""
    last = next((step for step in reversed(way) if isinstance(step, str)), "")
    if isinstance(odd, str):
        return last in FREE_TEXTS or "region" in way or odd == "1"
    # `quantity` of 1.5 is refused; degrees are numbers; null is the absence of what may be absent.
    is_flag = last in ("is_default", "is_active") and isinstance(odd, bool)
    return is_flag or odd is None or (last == "store_ids" and odd == [])


@pytest.mark.parametrize("name", WITH_BODY)
async def test_an_odd_value_anywhere_in_a_body_is_a_fault_of_the_caller(
    ground: Ground, name: str
) -> None:
    sound = filled(ROWS[name].body, ground.own)
    path = path_of(ground, name)
    for way in leaves(sound):
        for odd in ODD_NUMBERS:
            answer = await ground.shop.http.request(
                ENDPOINTS[name].method,
                path,
                json=replaced(sound, way, odd),
                headers=headers_for(ground, name),
            )
            what = (way, odd, answer.text[:300])
            assert undocumented(name, answer) is None, what
            assert answer.status_code < 500, what
            if not is_fine(way, odd):
                assert answer.status_code >= 400, what


FORBIDDEN = (
    *("price_fen", "payable_fen", "discount_fen", "freight_fen", "status", "member_id", "role_id"),
    *("points", "level", "owner", "created_at", "price__lt", "$where", "__proto__", "id"),
)


async def test_what_a_body_does_not_declare_is_refused(ground: Ground) -> None:
    for name, field in product(WITH_BODY, FORBIDDEN):
        answer = await ground.shop.http.request(
            ENDPOINTS[name].method,
            path_of(ground, name),
            json=filled(ROWS[name].body, ground.own) | {field: 1},
            headers=headers_for(ground, name),
        )
        assert code(answer) == (422, "invalid_input"), (name, field)


async def test_an_odd_name_in_a_path_names_nothing(ground: Ground) -> None:
    for name, odd in product(WITH_PATH, ODD_NAMES):
        row = ROWS[name]
        body = {} if row.body is None else {"json": filled(row.body, ground.own)}
        for part in row.path:
            answer = await ground.shop.http.request(
                ENDPOINTS[name].method,
                path_of(ground, name, **{part: quote(odd, safe="")}),
                headers=headers_for(ground, name),
                **body,
            )
            assert code(answer) == (404, "not_found"), (name, part, odd)


async def test_an_odd_value_in_a_query_is_a_fault_of_the_caller_or_plain_text(
    ground: Ground,
) -> None:
    for name in WITH_QUERY:
        sound = filled(ROWS[name].query, ground.own)
        declared = {p["name"]: p["schema"] for p in described(name)["parameters"]}
        for field, odd in product(ENDPOINTS[name].inputs["query"].__struct_fields__, ODD_NAMES):
            answer = await ground.shop.http.get(
                path_of(ground, name),
                params=sound | {field: odd},
                headers=headers_for(ground, name),
            )
            what = (name, field, odd, answer.text[:300])
            assert undocumented(name, answer) is None, what
            may_be_read = odd in READ or _takes_any_text(declared[field])
            assert answer.status_code in ((200, 422) if may_be_read else (422,)), what


# msgspec reads these as the number, the flag or the null they look like.
READ = {"0", "true", "1e3", "null", "-1", "1.5"}


def _takes_any_text(schema: dict[str, Any]) -> bool:
    kinds = schema.get("anyOf", [schema])
    return any(kind.get("type") == "string" and "pattern" not in kind for kind in kinds)


async def test_a_query_is_read_once_and_only_as_declared(ground: Ground) -> None:
    for name in WITH_QUERY:
        sound = filled(ROWS[name].query, ground.own)
        for odd in ([("limit", "1"), ("limit", "2")], [("price__lt", "1")], [("order_by", "id")]):
            answer = await ground.shop.http.get(
                path_of(ground, name),
                params=[*sound.items(), *odd],
                headers=headers_for(ground, name),
            )
            assert code(answer) == (422, "invalid_input"), (name, odd)


ODD_KEYS = ["", "short", "x" * 65, "with space", "with\ttab", "einsätze", "semi;colon", "quote'd"]


async def test_an_odd_idempotency_key_is_refused(ground: Ground) -> None:
    for name, key in product(ENDPOINTS, ODD_KEYS):
        if ENDPOINTS[name].key is Key.NONE:
            continue
        body = {} if ROWS[name].body is None else {"json": filled(ROWS[name].body, ground.own)}
        headers = headers_for(ground, name) | {"Idempotency-Key": key}
        answer = await ground.shop.http.request(
            ENDPOINTS[name].method,
            path_of(ground, name),
            headers=[(header.encode(), text.encode()) for header, text in headers.items()],
            **body,
        )
        assert code(answer) == (422, "invalid_input"), (name, key)
