"""How each endpoint is called, by whom it may be, and what its caller must own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import jsonschema_rs

import server
from commerce.alerts import raise_alert
from kit import clock, db
from kit.web.endpoints import Endpoint, Key
from kit.web.openapi import document
from models.enums import StaffRole
from tests.factories import LAT, LNG, PASSWORD, make_sku, make_staff, make_store, stock
from tests.shop import Phone, Shop

ENDPOINTS: dict[str, Endpoint] = {
    f"{endpoint.method} {endpoint.route}": endpoint
    for api in server.APIS
    for endpoint in api.endpoints
}

# Who may come in: everybody, whatever his token; a guest or a shopper; shoppers; staff by role.
ANYBODY, GUEST, SHOPPER = "anybody", "guest", "shopper"
HEADQUARTERS = frozenset({StaffRole.HEADQUARTERS})
ALL_STAFF = frozenset(StaffRole)
PREPARERS = frozenset({StaffRole.HEADQUARTERS, StaffRole.STORE_MANAGER, StaffRole.CLERK})
DELIVERERS = frozenset({StaffRole.HEADQUARTERS, StaffRole.STORE_MANAGER, StaffRole.RIDER})
CANCELLERS = frozenset({StaffRole.HEADQUARTERS, StaffRole.STORE_MANAGER})

ADDRESS: dict[str, Any] = {
    "receiver": "王小明",
    "phone": "13800138000",
    "region": ["上海市", "上海市", "徐汇区"],
    "detail": "漕溪北路88号",
    "lat": LAT + 0.005,
    "lng": LNG + 0.005,
    "is_default": True,
}


@dataclass(frozen=True)
class Row:
    """`thing` is what the caller must own; `path` says what each part of the route names."""

    who: str | frozenset[StaffRole]
    thing: str | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


_LINES = [{"sku_id": "{sku}", "quantity": 1}]
_ORDER = {"no": "order"}
_STORE = {"store_id": "store"}
_ID = {name: {"id": name} for name in ("address", "store", "person", "alert")}
_PERSON = {
    "display_name": "小周",
    "role": "clerk",
    "store_ids": ["{store}"],
    "password": "quite a long passphrase",
}
_HERE = {"lat": str(LAT), "lng": str(LNG)}

ROWS: dict[str, Row] = {
    "POST /v1/session": Row(ANYBODY, body={"code": "never given"}),
    "DELETE /v1/session": Row(SHOPPER),
    "GET /v1/me": Row(SHOPPER),
    "PUT /v1/me": Row(SHOPPER, body={"nickname": "小明"}),
    "GET /v1/addresses": Row(SHOPPER),
    "GET /v1/addresses/{id}": Row(SHOPPER, "address", _ID["address"]),
    "POST /v1/addresses": Row(SHOPPER, body=ADDRESS),
    "PUT /v1/addresses/{id}": Row(SHOPPER, "address", _ID["address"], body=ADDRESS),
    "DELETE /v1/addresses/{id}": Row(SHOPPER, "address", _ID["address"]),
    "GET /v1/categories": Row(ANYBODY),
    "GET /v1/brands": Row(ANYBODY),
    "GET /v1/products": Row(ANYBODY, query={"store_id": "{store}"}),
    "GET /v1/products/search": Row(ANYBODY, query={"q": "牛奶"}),
    "GET /v1/products/{product_id}": Row(ANYBODY, path={"product_id": "product"}),
    "GET /v1/stores/nearest": Row(GUEST, query=_HERE | {"basket": "{sku}:1"}),
    "GET /v1/stores/{id}": Row(GUEST, path=_ID["store"]),
    "GET /v1/stores": Row(GUEST),
    "GET /v1/cities": Row(GUEST),
    "GET /v1/cart": Row(SHOPPER, query={"store_id": "{store}"}),
    "PUT /v1/cart/lines/{sku_id}": Row(SHOPPER, path={"sku_id": "sku"}, body={"quantity": 1}),
    "DELETE /v1/cart/lines/{sku_id}": Row(SHOPPER, path={"sku_id": "sku"}),
    "DELETE /v1/cart": Row(SHOPPER),
    "POST /v1/quotes": Row(
        SHOPPER,
        "address",
        body={"store_id": "{store}", "lines": _LINES, "address_id": "{address}"},
    ),
    "POST /v1/orders": Row(SHOPPER, "quote", body={"quote_id": "{quote}", "remark": "少冰"}),
    "GET /v1/orders": Row(SHOPPER),
    "GET /v1/orders/{no}": Row(SHOPPER, "order", _ORDER),
    "POST /v1/orders/{no}/payment": Row(SHOPPER, "order", _ORDER),
    "POST /v1/orders/{no}/cancellation": Row(SHOPPER, "order", _ORDER),
    "POST /v1/staff/session": Row(ANYBODY, body={"account": "nobody", "password": "wrong"}),
    "DELETE /v1/staff/session": Row(ALL_STAFF),
    "GET /v1/staff/me": Row(ALL_STAFF),
    "POST /v1/staff/people": Row(HEADQUARTERS, body=_PERSON | {"account": "zhou"}),
    "GET /v1/staff/people": Row(HEADQUARTERS),
    "GET /v1/staff/people/{id}": Row(HEADQUARTERS, "person", _ID["person"]),
    "PUT /v1/staff/people/{id}": Row(
        HEADQUARTERS, "person", _ID["person"], body=_PERSON | {"is_active": True}
    ),
    "GET /v1/staff/audit": Row(HEADQUARTERS),
    "GET /v1/staff/alerts": Row(HEADQUARTERS),
    "POST /v1/staff/alerts/{id}/closure": Row(
        HEADQUARTERS, "alert", _ID["alert"], body={"note": "已处理"}
    ),
    "GET /v1/staff/stores/{store_id}/orders": Row(ALL_STAFF, "store", _STORE),
    "GET /v1/staff/orders/{no}": Row(ALL_STAFF, "order", _ORDER),
    "GET /v1/staff/orders/{no}/address": Row(DELIVERERS, "order", _ORDER),
    "POST /v1/staff/orders/{no}/preparation": Row(PREPARERS, "order", _ORDER),
    "POST /v1/staff/orders/{no}/readiness": Row(PREPARERS, "order", _ORDER),
    "POST /v1/staff/orders/{no}/departure": Row(DELIVERERS, "order", _ORDER),
    "POST /v1/staff/orders/{no}/arrival": Row(DELIVERERS, "order", _ORDER),
    "POST /v1/staff/stores/{store_id}/redemptions": Row(
        PREPARERS, "store", _STORE, body={"code": "00000000"}
    ),
    "POST /v1/staff/orders/{no}/cancellation": Row(CANCELLERS, "order", _ORDER),
}

ABSENT = {
    "order": "9" * 18,
    "address": "999999999999",
    "store": "999999999999",
    "person": "999999999999",
    "alert": "999999999999",
    "quote": "00000000-0000-7000-8000-00000000dead",
}


@dataclass
class Ground:
    """Two shoppers, two stores, staff of every role in the first; `own` and `foreign` name their things."""

    shop: Shop
    phone: Phone
    other_phone: Phone
    staff: dict[StaffRole, str]
    own: dict[str, str]
    foreign: dict[str, str]

    async def call(self, name: str, token: str | None, things: Mapping[str, str]) -> httpx.Response:
        """Call the endpoint `name` of `ROWS` with its things taken from `things`."""
        row, endpoint = ROWS[name], ENDPOINTS[name]
        path = endpoint.route.format_map({part: things[thing] for part, thing in row.path.items()})
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if endpoint.key is not Key.NONE:
            headers["Idempotency-Key"] = uuid4().hex
        return await self.shop.http.request(
            endpoint.method,
            path,
            headers=headers,
            params=filled(row.query, things),
            **({} if row.body is None else {"json": filled(row.body, things)}),
        )


def filled(template: Any, things: Mapping[str, str]) -> Any:
    """`template` with the names in its texts replaced by things."""
    if isinstance(template, str):
        return template.format_map(things)
    if isinstance(template, Mapping):
        return {name: filled(inner, things) for name, inner in template.items()}
    if isinstance(template, list):
        return [filled(inner, things) for inner in template]
    return template


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status, and the problem's code ("" when it is none)."""
    is_problem = answer.headers.get("content-type") == "application/problem+json"
    return answer.status_code, answer.json()["code"] if is_problem else ""


DOCUMENT = document(ENDPOINTS.values(), title="Jishi", version=server.VERSION)


def described(name: str) -> dict[str, Any]:
    """The operation as the document has it."""
    method, route = name.split()
    return DOCUMENT["paths"][route][method.lower()]


def undocumented(name: str, answer: httpx.Response) -> str | None:
    """What the document does not know of this answer; None when it knows it in every part."""
    known = described(name)["responses"].get(str(answer.status_code))
    if known is None:
        return f"{answer.status_code} {answer.text[:200]}"
    if "content" not in known:
        return f"content {answer.text[:200]}" if answer.content else None
    ((media_type, content),) = known["content"].items()
    if answer.headers["content-type"] != media_type:
        return f"{answer.status_code} as {answer.headers['content-type']}"
    if answer.status_code >= 400 and code(answer)[1] not in known["description"].split(", "):
        return f"{answer.status_code} {code(answer)[1]}"
    schema = content["schema"] | {"components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    faults = [f"{f.instance_path} {f.message}" for f in validator.iter_errors(answer.json())]
    return "; ".join(faults) or None


def token_for(ground: Ground, name: str) -> str | None:
    """Of somebody who may."""
    who = ROWS[name].who
    if who in (ANYBODY, GUEST):
        return None
    return ground.phone.token if who == SHOPPER else ground.staff[StaffRole.HEADQUARTERS]


async def make_ground(shop: Shop) -> Ground:
    """The shop with one unpaid delivery order and one unused quote of each shopper."""
    store, other_store, sku = await make_store(), await make_store(), await make_sku()
    for place in (store, other_store):
        await stock(place, sku, 10)
    product = await db.value("select product_id from sku where id = $1", sku)
    common = {"sku": str(sku), "product": str(product)}
    phone, other_phone = await shop.phone(), await shop.phone()
    own = common | await _things_of(phone, store, sku)
    foreign = common | await _things_of(other_phone, other_store, sku)
    staff = {role: await _log_in(shop, role, store) for role in StaffRole}
    own["person"] = str(await make_staff("s-person", StaffRole.CLERK, store))
    foreign["person"] = str(await make_staff("s-stranger", StaffRole.CLERK, other_store))
    own["alert"], foreign["alert"] = await _alert("1"), await _alert("2")
    return Ground(shop, phone, other_phone, staff, own, foreign)


async def _things_of(phone: Phone, store: int, sku: int) -> dict[str, str]:
    address = (await phone.post("/v1/addresses", ADDRESS)).json()["id"]
    order = await phone.order(store, {sku: 1}, address_id=address)
    quote = (await phone.quote(store, {sku: 1}))["id"]
    return {"store": str(store), "address": address, "order": order, "quote": quote}


async def _alert(cause: str) -> str:
    await raise_alert("refund_abnormal", cause, {}, clock.now())
    return str(await db.value("select id from alert where cause = $1", cause))


async def _log_in(shop: Shop, role: StaffRole, store: int) -> str:
    is_chain = role in (StaffRole.HEADQUARTERS, StaffRole.MERCHANDISER)
    account = f"s-{role.value}"
    await make_staff(account, role, *(() if is_chain else (store,)))
    body = {"account": account, "password": PASSWORD}
    answer = await shop.http.post("/v1/staff/session", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])
