"""Staff log in, work within their rights of this moment, and leave a trail."""

import httpx
import pytest

from commerce.staff.sessions import PER_ACCOUNT_HERE
from kit import db
from tests.factories import PASSWORD, make_staff, make_store
from tests.shop import Phone, Shop

NEW = {"account": "li.ming", "password": "acht-bruecken", "display_name": "李明", "role": "clerk"}


async def try_log_in(shop: Shop, account: str, password: str = PASSWORD):
    body = {"account": account, "password": password}
    return await shop.http.post("/v1/staff/session", json=body)


async def at_work(shop: Shop, account: str) -> Phone:
    answer = await try_log_in(shop, account)
    assert answer.status_code == 201, answer.text
    return Phone(shop, account, answer.json()["token"])


async def a_worker(shop: Shop, role: str, *store_ids: int) -> Phone:
    await make_staff(role, role, *store_ids)
    return await at_work(shop, role)


async def test_a_clerk_sees_who_he_is_and_where(shop):
    store_id = await make_store(name="徐汇店")
    await make_staff("li.ming", "clerk", store_id)
    answer = (await try_log_in(shop, "li.ming")).json()
    assert answer["staff"]["role"] == "clerk"
    assert answer["staff"]["store_ids"] == [str(store_id)]
    me = (await Phone(shop, "", answer["token"]).get("/v1/staff/me")).json()
    assert me["stores"] == [{"id": str(store_id), "name": "徐汇店"}]
    assert me["account"] == "li.ming"


@pytest.mark.parametrize("role", ["headquarters", "merchandiser"])
async def test_chain_roles_see_every_store(shop, role):
    worker = await a_worker(shop, role)
    assert (await worker.get("/v1/staff/me")).json()["stores"] is None


async def test_unknown_account_wrong_password_and_dismissed_are_told_the_same(shop):
    await make_staff("li.ming", "clerk", await make_store())
    await make_staff("gone", "headquarters")
    await db.execute("update staff set is_active = false where account = 'gone'")
    answers = [
        await try_log_in(shop, "nobody"),
        await try_log_in(shop, "li.ming", "wrong-password"),
        await try_log_in(shop, "gone"),
    ]
    for answer in answers:
        assert answer.status_code == 401
        assert answer.json() == answers[0].json()
    assert answers[0].json()["code"] == "login_refused"


async def test_an_account_under_attack_rests_there_even_for_the_right_password(shop):
    await make_staff("li.ming", "clerk", await make_store())
    for _ in range(PER_ACCOUNT_HERE.tries):
        assert (await try_log_in(shop, "li.ming", "wrong-password")).status_code == 401
    answer = await try_log_in(shop, "li.ming")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert 0 < int(answer.headers["retry-after"]) <= 900


async def test_whoever_guesses_from_elsewhere_does_not_lock_the_owner_out(shop):
    await make_staff("li.ming", "clerk", await make_store())
    body = {"account": "li.ming", "password": "wrong-password"}
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(base_url=shop.url, transport=elsewhere) as attacker:
        answers = [await attacker.post("/v1/staff/session", json=body) for _ in range(30)]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [401] * PER_ACCOUNT_HERE.tries + [429] * (30 - PER_ACCOUNT_HERE.tries)
    assert (await try_log_in(shop, "li.ming")).status_code == 201


async def test_after_log_out_the_token_opens_nothing(shop):
    worker = await a_worker(shop, "headquarters")
    assert (await worker.delete("/v1/staff/session")).status_code == 204
    assert (await worker.get("/v1/staff/me")).status_code == 401


async def test_headquarters_hires_and_the_new_colleague_can_work(shop):
    head, store_id = await a_worker(shop, "headquarters"), await make_store()
    hired = await head.post("/v1/staff/people", NEW | {"store_ids": [str(store_id)]})
    assert hired.status_code == 201, hired.text
    answer = await try_log_in(shop, "li.ming", "acht-bruecken")
    assert answer.json()["staff"]["id"] == hired.json()["id"]
    again = await head.post("/v1/staff/people", NEW | {"store_ids": [str(store_id)]})
    assert (again.status_code, again.json()["code"]) == (409, "account_taken")


async def test_a_dismissal_holds_at_once_and_leaves_a_trace(shop):
    head, store_id = await a_worker(shop, "headquarters"), await make_store()
    clerk = await a_worker(shop, "clerk", store_id)
    clerk_id = (await clerk.get("/v1/staff/me")).json()["id"]
    position = {"display_name": "李明", "role": "clerk", "store_ids": [str(store_id)]}
    dismissed = await head.put(f"/v1/staff/people/{clerk_id}", position | {"is_active": False})
    assert dismissed.status_code == 204, dismissed.text
    assert (await clerk.get("/v1/staff/me")).status_code == 401
    assert (await try_log_in(shop, "clerk")).status_code == 401
    [trace] = (await head.get("/v1/staff/audit")).json()["items"]
    assert (trace["action"], trace["subject"]) == ("staff.changed", f"staff:{clerk_id}")
    assert trace["details"]["is_active"] is False
    assert len(trace["hash"]) == 64
    assert (await head.get(f"/v1/staff/people/{clerk_id}")).json()["is_active"] is False


async def test_a_new_role_ends_the_sessions_of_the_old_one(shop):
    head, store_id = await a_worker(shop, "headquarters"), await make_store()
    clerk = await a_worker(shop, "clerk", store_id)
    clerk_id = (await clerk.get("/v1/staff/me")).json()["id"]
    position = {"display_name": "李明", "role": "guide", "store_ids": [str(store_id)]}
    await head.put(f"/v1/staff/people/{clerk_id}", position | {"is_active": True})
    assert (await clerk.get("/v1/staff/me")).status_code == 401
    assert (await (await at_work(shop, "clerk")).get("/v1/staff/me")).json()["role"] == "guide"


async def test_headquarters_cannot_lock_itself_out(shop):
    head = await a_worker(shop, "headquarters")
    me = (await head.get("/v1/staff/me")).json()["id"]
    position = {"display_name": "总部", "role": "headquarters", "store_ids": [], "is_active": False}
    answer = await head.put(f"/v1/staff/people/{me}", position)
    assert (answer.status_code, answer.json()["code"]) == (409, "own_account")


@pytest.mark.parametrize("role", ["merchandiser", "store_manager", "clerk", "guide", "rider"])
async def test_people_and_trail_are_forbidden_to_all_others(shop, role):
    store_id = await make_store()
    worker = await a_worker(shop, role, *([] if role == "merchandiser" else [store_id]))
    me = (await worker.get("/v1/staff/me")).json()["id"]
    body = {"display_name": "x", "role": "headquarters", "store_ids": [], "is_active": True}
    answers = [
        await worker.get("/v1/staff/people"),
        await worker.get(f"/v1/staff/people/{me}"),
        await worker.get("/v1/staff/people/999999"),
        await worker.get("/v1/staff/audit"),
        await worker.post("/v1/staff/people", NEW | {"store_ids": [str(store_id)]}),
        await worker.put(f"/v1/staff/people/{me}", body),
    ]
    assert [answer.status_code for answer in answers] == [403] * 6
    assert await db.value("select count(*) from audit_entry") == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "li.ming-2026"}, "weak_password"),
        ({"password": "kurz"}, "invalid_input"),
        ({"account": "Li Ming"}, "invalid_input"),
        ({"account": "li"}, "invalid_input"),
        ({"role": "king"}, "invalid_input"),
        ({"role": "headquarters"}, "invalid_input"),
        ({"store_ids": []}, "invalid_input"),
        ({"store_ids": ["999999"]}, "invalid_input"),
        ({"store_ids": [1]}, "invalid_input"),
        ({"display_name": "李\u202e明"}, "invalid_input"),
        ({"is_active": True}, "invalid_input"),
    ],
)
async def test_ill_fitting_colleagues_are_not_hired(shop, change, code):
    head, store_id = await a_worker(shop, "headquarters"), await make_store()
    answer = await head.post("/v1/staff/people", NEW | {"store_ids": [str(store_id)]} | change)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await db.value("select count(*) from staff") == 1


async def test_people_and_trail_are_read_page_by_page(shop):
    head = await a_worker(shop, "headquarters")
    for n in range(4):
        answer = await head.post(
            "/v1/staff/people",
            NEW | {"account": f"boss-{n}", "role": "headquarters", "store_ids": []},
        )
        assert answer.status_code == 201, answer.text
    for path, seen in (("people", "account"), ("audit", "subject")):
        first = (await head.get(f"/v1/staff/{path}?limit=2")).json()
        query = {"limit": 3, "cursor": first["next_cursor"]}
        rest = (await head.get(f"/v1/staff/{path}", params=query)).json()
        values = [item[seen] for item in first["items"] + rest["items"]]
        assert len(set(values)) == len(values) >= 4
        forged = await head.get(f"/v1/staff/{path}", params={"cursor": "WyJ4Il0"})
        assert forged.status_code == 422
