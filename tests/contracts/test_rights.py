"""Every endpoint x everybody who may knock x what is his, another's or nobody's."""

from collections.abc import Mapping

import httpx
import pytest

from models.enums import StaffRole
from tests.contracts.calls import (
    ABSENT,
    ANYBODY,
    ENDPOINTS,
    GUEST,
    ROWS,
    SHOPPER,
    Ground,
    code,
    make_ground,
)
from tests.shop import Shop

PRIVATE = [name for name, row in ROWS.items() if row.who not in (ANYBODY, GUEST)]
OF_SHOPPERS = [name for name, row in ROWS.items() if row.who == SHOPPER]
OF_STAFF = [name for name, row in ROWS.items() if isinstance(row.who, frozenset)]
OWNED = [name for name in OF_SHOPPERS if ROWS[name].thing]
GRANTED = [name for name in OF_STAFF if ROWS[name].thing in ("order", "store")]

CHAIN_ROLES = (StaffRole.HEADQUARTERS, StaffRole.MERCHANDISER)
NO_SESSION = "A" * 43


@pytest.fixture
async def ground(shop: Shop) -> Ground:
    return await make_ground(shop)


def said(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All that a caller can see, but for the request's own number and time."""
    headers = {
        name: text for name, text in answer.headers.items() if name not in ("x-request-id", "date")
    }
    return answer.status_code, answer.content, headers


def test_every_endpoint_has_its_row() -> None:
    assert set(ROWS) == set(ENDPOINTS)


def test_an_endpoint_asks_for_a_session_unless_its_row_lets_anybody_in() -> None:
    for name, endpoint in ENDPOINTS.items():
        assert (endpoint.authenticate is None) == (ROWS[name].who == ANYBODY), name


# What is served outside the families of endpoints, none of it a person's.
OPEN_ROUTES = {
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    "GET /openapi.json",
    "GET /docs",
    "GET /media/{name}",
    "POST /wechat/pay/notice",
}


async def test_there_is_no_other_door(shop: Shop) -> None:
    served = {
        f"{method} /{route.path.replace('<', '{').replace(':str>', '}').replace('>', '}')}"
        for route in shop.app.router.routes
        for method in route.methods
        if method not in ("OPTIONS", "HEAD")
    }
    assert served == set(ENDPOINTS) | OPEN_ROUTES


async def test_the_figures_of_the_house_are_absent_to_whoever_has_no_key(shop: Shop) -> None:
    absent = await shop.http.get("/no-such-page")
    for headers in (
        {},
        {"Authorization": "Bearer guess"},
        {"Authorization": f"Bearer {NO_SESSION}"},
    ):
        refused = await shop.http.get("/metrics", headers=headers)
        assert code(refused) == (404, "not_found")
        assert refused.content == absent.content


async def test_nobody_comes_in(ground: Ground) -> None:
    for name in PRIVATE:
        for token in (None, NO_SESSION, "not a token"):
            for things in (ground.own, ground.own | ABSENT):
                answer = await ground.call(name, token, things)
                assert code(answer) == (401, "unauthenticated"), (name, token)


async def test_a_staff_token_opens_nothing_of_a_shoppers(ground: Ground) -> None:
    for name in OF_SHOPPERS:
        for role, token in ground.staff.items():
            answer = await ground.call(name, token, ground.own)
            assert code(answer) == (401, "unauthenticated"), (name, role)


async def test_a_shoppers_token_opens_nothing_of_the_staffs(ground: Ground) -> None:
    for name in OF_STAFF:
        for phone in (ground.phone, ground.other_phone):
            answer = await ground.call(name, phone.token, ground.own)
            assert code(answer) == (401, "unauthenticated"), name


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.who == GUEST])
async def test_a_guest_looks_around_but_a_token_must_be_good(ground: Ground, name: str) -> None:
    async def is_known() -> bool:
        # A worker hears of a new store within a second.
        return (await ground.call(name, None, ground.own)).status_code == 200

    await ground.shop.until(is_known)
    for token, status in (
        (ground.phone.token, 200),
        (ground.staff[StaffRole.CLERK], 401),
        (NO_SESSION, 401),
    ):
        assert (await ground.call(name, token, ground.own)).status_code == status


@pytest.mark.parametrize("name", OWNED)
async def test_anothers_thing_is_as_absent_as_none(ground: Ground, name: str) -> None:
    foreign, absent = _only(ground, name, ground.foreign), _only(ground, name, ABSENT)
    other = await ground.call(name, ground.phone.token, foreign)
    none = await ground.call(name, ground.phone.token, absent)
    assert said(other) == said(none)
    assert code(other) == (404, "not_found")
    # The other shopper's own hand is refused on ours just so, and ours takes it.
    theirs = await ground.call(name, ground.other_phone.token, ground.own)
    assert said(theirs) == said(none)
    assert (await ground.call(name, ground.phone.token, ground.own)).status_code < 300


def _only(ground: Ground, name: str, things: Mapping[str, str]) -> dict[str, str]:
    """Our things, but for the one that the endpoint asks to be owned."""
    thing = ROWS[name].thing
    return ground.own | ({thing: things[thing]} if thing else {})


async def test_a_role_without_the_right_is_told_so_whatever_it_names(ground: Ground) -> None:
    refused = 0
    for name in OF_STAFF:
        for role, token in ground.staff.items():
            if role not in ROWS[name].who:
                own, other, none = await _by_owner(ground, name, token)
                assert code(own) == (403, "forbidden"), (name, role)
                assert said(own) == said(other) == said(none), (name, role)
                refused += 1
    assert refused > 50


async def test_another_stores_thing_is_as_absent_as_none(ground: Ground) -> None:
    for name in GRANTED:
        for role, token in ground.staff.items():
            if role in ROWS[name].who and role not in CHAIN_ROLES:
                other, none = [
                    await ground.call(name, token, _only(ground, name, things))
                    for things in (ground.foreign, ABSENT)
                ]
                assert said(other) == said(none), (name, role)
                assert code(other) == (404, "not_found"), (name, role)


async def _by_owner(ground: Ground, name: str, token: str) -> list[httpx.Response]:
    """The answers for what is our own, another's and nobody's."""
    return [
        await ground.call(name, token, _only(ground, name, things))
        for things in (ground.own, ground.foreign, ABSENT)
    ]


@pytest.mark.parametrize("name", OF_STAFF)
async def test_whoever_has_the_right_and_the_grant_is_heard(ground: Ground, name: str) -> None:
    for role, token in ground.staff.items():
        if role in ROWS[name].who:
            answer = await ground.call(name, token, ground.own)
            # Refused it may be for the state of the thing, or the second time for being done.
            assert answer.status_code not in (401, 403, 422), (role, answer.text)
            assert code(answer) != (404, "not_found"), role


@pytest.mark.parametrize("name", GRANTED)
async def test_headquarters_reaches_every_store_and_only_what_is_there(
    ground: Ground, name: str
) -> None:
    token = ground.staff[StaffRole.HEADQUARTERS]
    none = await ground.call(name, token, _only(ground, name, ABSENT))
    other = await ground.call(name, token, _only(ground, name, ground.foreign))
    assert code(other) != (404, "not_found")
    is_empty_list = none.status_code == 200 and none.json()["items"] == []
    assert is_empty_list or none.status_code == 404


async def test_lists_hold_what_is_ones_own_and_nothing_else(ground: Ground) -> None:
    mine, theirs = ground.own, ground.foreign
    for name, thing in (("GET /v1/orders", "order"), ("GET /v1/addresses", "address")):
        seen = [await ground.call(name, p.token, {}) for p in (ground.phone, ground.other_phone)]
        assert [f'"{mine[thing]}"' in answer.text for answer in seen] == [True, False]
        assert [f'"{theirs[thing]}"' in answer.text for answer in seen] == [False, True]
    desk = await ground.call(
        "GET /v1/staff/stores/{store_id}/orders", ground.staff[StaffRole.CLERK], mine
    )
    assert [order["no"] for order in desk.json()["items"]] == [mine["order"]]
