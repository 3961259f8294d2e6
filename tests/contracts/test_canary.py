"""A telephone number and an address go the whole way; they are seen where they must be, and nowhere else."""

import base64
import io
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import structlog

from kit import db
from kit.logging import configure
from kit.redis import client
from models.enums import StaffRole
from tests.factories import LAT, LNG, make_sku, make_store, stock
from tests.shop import Phone, Shop

PHONE, NAME, PLACE = "13977178899", "金丝雀女士", "丝雀弄八十八号"
LATITUDE = LAT + 0.0031415
ADDRESS = {
    "receiver": NAME,
    "phone": PHONE,
    "region": ["上海市", "上海市", "徐汇区"],
    "detail": PLACE,
    "lat": LATITUDE,
    "lng": LNG,
    "is_default": True,
}


def _spellings() -> Iterator[str]:
    for secret in (PHONE, NAME, PLACE, str(LATITUDE)):
        yield secret
        yield secret.encode().hex()
        yield secret.encode("unicode_escape").decode()
        # Inside a longer text base64 has three alignments; the middle of each is the same.
        for shift in range(3):
            yield base64.b64encode(b"x" * shift + secret.encode())[4:-4].decode()


CANARIES = sorted(set(_spellings()))


def canaries_in(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


@dataclass
class Seen:
    """Everything the shop answered, and to whom."""

    answers: list[tuple[str, str, httpx.Response]] = field(default_factory=list)

    async def note(self, response: httpx.Response) -> None:
        await response.aread()
        request = response.request
        who = request.headers.get("authorization", "nobody")
        self.answers.append((f"{request.method} {request.url.path}", who, response))


@pytest.fixture
async def seen(shop: Shop) -> AsyncIterator[Seen]:
    ears = Seen()
    shop.http.event_hooks["response"].append(ears.note)
    yield ears
    shop.http.event_hooks["response"].clear()


@pytest.fixture
def log() -> Iterator[io.BytesIO]:
    """What a production process would write."""
    before, handlers, level = structlog.get_config(), logging.root.handlers[:], logging.root.level
    configure("json")
    # The client of the tests, which no shop runs.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    written = io.BytesIO()
    # Loggers that are kept would go on writing here when the test is over.
    structlog.configure(
        **structlog.get_config()
        | {
            "logger_factory": structlog.BytesLoggerFactory(written),
            "cache_logger_on_first_use": False,
        }
    )
    yield written
    structlog.configure(**before)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.getLogger("httpx").setLevel(logging.NOTSET)


async def rows_with_canaries() -> dict[str, list[str]]:
    """The tables in which some text, in whatever column, shows one."""
    tables = await db.rows("select tablename from pg_tables where schemaname = 'public'")
    found: dict[str, list[str]] = {}
    for table in tables:
        name = table["tablename"]
        for row in await db.rows(f'select to_jsonb(t)::text as whole from "{name}" t'):
            if canaries_in(row["whole"]):
                found.setdefault(name, []).append(row["whole"])
    return found


async def redis_text(shop: Shop) -> str:
    redis = client(shop.settings.redis_url or "")
    try:
        keys = [key async for key in redis.scan_iter()]
        dumped = [await redis.dump(key) for key in keys]
        return repr(keys) + repr(dumped)
    finally:
        await redis.aclose()


async def buy_two(shop: Shop, phone: Phone) -> tuple[int, str, str]:
    """Two orders to one address, quoted, placed and paid; the store and their numbers."""
    store, sku = await make_store(), await make_sku()
    await stock(store, sku, 9)
    address = (await phone.post("/v1/addresses", ADDRESS)).json()["id"]
    await phone.put(f"/v1/addresses/{address}", ADDRESS)
    for path in ("/v1/me", "/v1/addresses", f"/v1/addresses/{address}"):
        assert (await phone.get(path)).status_code == 200
    for template in ("order_paid", "order_ready", "order_refunded"):
        await phone.subscribe(getattr(shop.settings, f"template_{template}"), 5)
    first, second = [await phone.order(store, {sku: 1}, address_id=address) for _ in range(2)]
    await phone.pay(first)
    await phone.pay(second)
    stranger = await shop.phone()
    for path in (f"/v1/addresses/{address}", f"/v1/orders/{first}", "/v1/addresses", "/v1/orders"):
        await stranger.get(path)
    return store, first, second


async def deliver_and_refund(shop: Shop, store: int, first: str, second: str) -> None:
    """One goes to the door, the other is undone; everybody who works there looks at them."""
    rider = await shop.clerk(store, role=StaffRole.RIDER)
    manager = await shop.clerk(store)
    headquarters = await shop.clerk(role=StaffRole.HEADQUARTERS)
    for clerk in (rider, manager, headquarters):
        await clerk.get(f"/v1/staff/stores/{store}/orders")
        await clerk.get(f"/v1/staff/orders/{first}")
    for step in ("preparation", "readiness"):
        await manager.post(f"/v1/staff/orders/{first}/{step}")
    shown = await rider.get(f"/v1/staff/orders/{first}/address")
    assert (shown.json()["phone"], shown.json()["detail"]) == (PHONE, PLACE)
    for step in ("departure", "arrival"):
        assert (await rider.post(f"/v1/staff/orders/{first}/{step}")).status_code == 200
    assert (await manager.post(f"/v1/staff/orders/{second}/cancellation")).status_code == 200
    await shop.run_jobs()
    for path in ("/v1/staff/audit", "/v1/staff/alerts", "/v1/staff/people"):
        assert (await headquarters.get(path)).status_code == 200


async def stumble(shop: Shop, phone: Phone) -> None:
    """Everything that can go wrong with an address or a number in hand."""
    for wrong in (
        {"lat": 999},
        {"region": [PLACE]},
        {"is_default": NAME},
        {PHONE: 1},
        {"detail": 5},
    ):
        assert (await phone.post("/v1/addresses", ADDRESS | wrong)).status_code == 422
    json_like = f'{{"phone": "{PHONE}", "phone": "{PHONE}", "detail": "{PLACE}'.encode()
    headers = phone.headers | {"Content-Type": "application/json", "Idempotency-Key": "stumble-1"}
    broken = await shop.http.post("/v1/addresses", content=json_like, headers=headers)
    assert broken.status_code == 400
    for path in (f"/v1/orders/{PHONE}", f"/v1/addresses/{PHONE}", f"/{PHONE}", f"/v1/{PLACE}"):
        assert (await phone.get(path)).status_code == 404
    for query in ({"limit": PHONE}, {PHONE: "1"}, {"cursor": PHONE}, {"status": PLACE}):
        assert (await phone.get("/v1/orders", params=query)).status_code == 422
    body = {"account": "nobody", "password": PHONE}
    assert (await shop.http.post("/v1/staff/session", json=body)).status_code == 401
    assert (await shop.http.post("/v1/session", json={"code": PHONE})).status_code == 401
    for header in ("Authorization", "Idempotency-Key", "X-Request-Id", "Accept-Language"):
        await phone.shop.http.post("/v1/addresses", json=ADDRESS, headers={header: PHONE})
    await fail_inside(phone)


async def fail_inside(phone: Phone) -> None:
    """An accident of ours, with the address in the hands of the code that fails."""
    await db.execute("alter table address rename column phone_index to lost")
    try:
        assert (await phone.post("/v1/addresses", ADDRESS)).status_code == 500
    finally:
        await db.execute("alter table address rename column lost to phone_index")
    await db.execute(
        "alter table address add constraint never check (content_sealed = '') not valid"
    )
    try:
        assert (await phone.post("/v1/addresses", ADDRESS)).status_code == 500
    finally:
        await db.execute("alter table address drop constraint never")


def is_entitled(call: str, who: str, phone: Phone) -> bool:
    """The owner reads his own addresses; who delivers reads that of the delivery."""
    if who == phone.headers["Authorization"]:
        return call.startswith("GET /v1/addresses")
    return call.startswith("GET /v1/staff/orders/") and call.endswith("/address")


async def test_a_number_and_an_address_are_seen_only_by_who_must(
    shop: Shop, seen: Seen, log: io.BytesIO
) -> None:
    phone = await shop.phone()
    await deliver_and_refund(shop, *await buy_two(shop, phone))
    await stumble(shop, phone)

    shown = [(call, who) for call, who, answer in seen.answers if canaries_in(answer.text)]
    assert len(shown) >= 3
    assert [call for call, who in shown if not is_entitled(call, who, phone)] == []
    errors = [answer for _, _, answer in seen.answers if answer.status_code >= 400]
    assert len(errors) > 20
    assert [answer.text for answer in errors if canaries_in(answer.text)] == []
    for _, _, answer in seen.answers:
        # A request's own number comes back to who gave it; in the log it is masked like any other.
        answer.headers.pop("x-request-id", None)
        assert canaries_in(str(answer.headers)) == []

    written = log.getvalue().decode()
    assert written.count('"event":"request.failed"') == 2
    assert canaries_in(written) == []
    assert await rows_with_canaries() == {}
    assert canaries_in(await redis_text(shop)) == []
    assert canaries_in(str(await phone.messages())) == []


async def test_the_search_finds_what_it_looks_for(shop: Shop, seen: Seen, log: io.BytesIO) -> None:
    """The control: a canary let out on purpose is found in each of the places."""
    phone = await shop.phone()
    assert (await phone.put("/v1/me", {"nickname": NAME})).status_code == 204
    assert list(await rows_with_canaries()) == ["member"]
    await phone.get("/v1/me")
    assert [call for call, _, answer in seen.answers if canaries_in(answer.text)] == ["GET /v1/me"]
    structlog.get_logger().info("let.out", text=PLACE)
    assert canaries_in(log.getvalue().decode()) == [PLACE]
    packed: Any = base64.b64encode(f"xx{PHONE}yy".encode()).decode()
    assert canaries_in(packed) != []
