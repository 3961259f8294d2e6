"""The whole house in the test's loop: the real app on a real socket, the real sandbox, jobs driven by hand."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
from sanic import Sanic

import server
from commerce.audit import audit
from commerce.staff.actions import StaffRow, load_staff
from config.sandbox import sandbox_config
from config.settings import Settings
from jobs.context import Templates, Work
from jobs.outbox import relay_once
from jobs.payments import ask_refunds, ask_trades, expire_orders
from kit import clock, db
from models.enums import StaffRole
from wechat.sandbox.account import Account as WechatSide
from wechat.sandbox.app import running


@dataclass
class Phone:
    """One shopper with his WeChat: what he taps goes through the sandbox."""

    shop: "Shop"
    openid: str
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def log_in(self) -> dict[str, Any]:
        code = (await self.shop.sandbox.post(f"/sandbox/shoppers/{self.openid}/login-code")).json()
        answer = await self.shop.http.post("/v1/session", json={"code": code["code"]})
        assert answer.status_code == 201, answer.text
        self.token = answer.json()["token"]
        return answer.json()

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.shop.http.get(path, headers=self.headers, **options)

    async def post(
        self, path: str, body: object = None, *, key: str | None = None, **options: Any
    ) -> httpx.Response:
        headers = self.headers | {"Idempotency-Key": key or uuid4().hex}
        return await self.shop.http.post(path, json=body, headers=headers, **options)

    async def put(self, path: str, body: object) -> httpx.Response:
        return await self.shop.http.put(path, json=body, headers=self.headers)

    async def delete(self, path: str) -> httpx.Response:
        return await self.shop.http.delete(path, headers=self.headers)

    async def quote(self, store_id: int, lines: dict[int, int], **more: Any) -> dict[str, Any]:
        wanted = [{"sku_id": str(sku), "quantity": n} for sku, n in lines.items()]
        answer = await self.post("/v1/quotes", {"store_id": str(store_id), "lines": wanted, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def order(self, store_id: int, lines: dict[int, int], **more: Any) -> str:
        """Quote and order; the order's number."""
        quote = await self.quote(store_id, lines, **more)
        answer = await self.post("/v1/orders", {"quote_id": quote["id"]})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["no"])

    async def open_sheet(self, order_no: str) -> str:
        """Ask the shop to pay and open WeChat's payment sheet; the sheet's id."""
        answer = await self.post(f"/v1/orders/{order_no}/payment")
        assert answer.status_code == 201, answer.text
        opened = await self.shop.sandbox.post(
            f"/sandbox/shoppers/{self.openid}/sheets", json=answer.json()["sheet"]
        )
        assert opened.status_code == 201, opened.text
        return str(opened.json()["id"])

    async def confirm(self, sheet_id: str) -> httpx.Response:
        return await self.shop.sandbox.post(f"/sandbox/sheets/{sheet_id}/confirm")

    async def pay(self, order_no: str) -> None:
        """Pay and wait until the shop knows it."""
        paid = await self.confirm(await self.open_sheet(order_no))
        assert paid.status_code == 200, paid.text
        await self.await_status(order_no, "paid")

    async def await_status(self, order_no: str, status: str) -> dict[str, Any]:
        return await self.shop.until(lambda: self._order_in(order_no, status))

    async def _order_in(self, order_no: str, status: str) -> dict[str, Any] | None:
        seen = (await self.get(f"/v1/orders/{order_no}")).json()
        return seen if seen["status"] == status else None

    async def messages(self) -> list[dict[str, Any]]:
        answer = await self.shop.sandbox.get(f"/sandbox/shoppers/{self.openid}/messages")
        return list(answer.json()["items"])

    async def subscribe(self, template_id: str, count: int = 1) -> None:
        body = {"template_id": template_id, "accept": True, "count": count}
        path = f"/sandbox/shoppers/{self.openid}/subscriptions"
        assert (await self.shop.sandbox.post(path, json=body)).status_code == 200


PASSWORD = "correct horse battery"


@dataclass
class Clerk:
    """Somebody of the staff, logged in."""

    shop: "Shop"
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.shop.http.get(path, headers=self.headers, **options)

    async def post(
        self, path: str, body: object = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = self.headers | {"Idempotency-Key": key or uuid4().hex}
        return await self.shop.http.post(path, json=body, headers=headers)


@dataclass
class Shop:
    """What a test holds: addresses, clients, and the jobs' work to be driven by hand."""

    url: str
    http: httpx.AsyncClient
    sandbox: httpx.AsyncClient
    settings: Settings
    work: Work
    app: "Sanic[Any, Any]"

    async def phone(self, openid: str | None = None) -> Phone:
        """A shopper, new unless `openid` is known, logged in."""
        body = {"openid": openid} if openid else {}
        made = (await self.sandbox.post("/sandbox/shoppers", json=body)).json()
        phone = Phone(self, made["openid"])
        await phone.log_in()
        return phone

    async def clerk(self, *store_ids: int, role: StaffRole = StaffRole.STORE_MANAGER) -> Clerk:
        """Staff of `store_ids` (none: a chain role), logged in."""
        codes = await db.rows("select code from store where id = any($1::bigint[])", store_ids)
        account = f"s{uuid4().hex[:12]}"
        row = StaffRow(
            account=account,
            password=PASSWORD,
            display_name="小李",
            role=role,
            store_codes=tuple(row["code"] for row in codes),
        )
        await load_staff([row], clock.now())
        body = {"account": account, "password": PASSWORD}
        answer = await self.http.post("/v1/staff/session", json=body)
        assert answer.status_code == 201, answer.text
        return Clerk(self, answer.json()["token"])

    async def run_jobs(self, *, later: timedelta = timedelta(0)) -> None:
        """Do everything the jobs process would do until nothing is due, as if `later` had passed."""
        for _ in range(20):
            now = clock.now() + later
            done = await expire_orders(self.work, now) + await ask_trades(self.work, now)
            done += await ask_refunds(self.work, now) + await relay_once(self.work, now)
            if not done:
                return

    async def until(self, probe: Any, seconds: float = 10) -> Any:
        """The first truthy answer of the coroutine function `probe`."""
        async with asyncio.timeout(seconds):
            while not (answer := await probe()):
                await asyncio.sleep(0.02)
        return answer

    async def audit(self, now: datetime | None = None) -> list[Any]:
        """Every invariant that does not hold."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            return await audit(connection, now or clock.now())
        finally:
            await connection.close()


@asynccontextmanager
async def open_shop(database_url: str, redis_url: str, data_dir: Path) -> AsyncIterator[Shop]:
    """The shop on a free port, WeChat played by the sandbox on another."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = _settings(database_url, redis_url, data_dir, url)
        async with running(msgspec.convert(sandbox_config(settings), WechatSide)) as wechat_url:
            settings = replace(settings, wechat_api_url=wechat_url, wechat_pay_url=wechat_url)
            async with _serving(settings, listener) as app, _clients(url, wechat_url) as clients:
                yield Shop(url, *clients, settings, _work(app, settings), app)


def _settings(database_url: str, redis_url: str, data_dir: Path, url: str) -> Settings:
    return Settings.read(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "JISHI_DATA_DIR": str(data_dir),
            "JISHI_PUBLIC_URL": url,
        }
    )


@asynccontextmanager
async def _serving(settings: Settings, listener: socket.socket) -> AsyncIterator["Sanic[Any, Any]"]:
    app = server.build_app(settings, name=f"jishi_{uuid4().hex}")
    # Sanic rewrites its own classes at start, which two apps in one process cannot both do.
    app.config.TOUCHUP = False
    serving: Any = await app.create_server(sock=listener, return_asyncio_server=True)
    await serving.startup()
    await serving.before_start()
    await serving.after_start()
    try:
        yield app
    finally:
        await serving.before_stop()
        for connection in list(serving.connections):
            connection.close_if_idle()
        await serving.close()
        await serving.after_stop()
        Sanic.unregister_app(app)


@asynccontextmanager
async def _clients(
    url: str, wechat_url: str
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    limits = httpx.Limits(max_connections=300)
    async with (
        httpx.AsyncClient(base_url=url, limits=limits, timeout=20) as http,
        httpx.AsyncClient(base_url=wechat_url, limits=limits, timeout=20) as sandbox,
    ):
        yield http, sandbox


def _work(app: "Sanic[Any, Any]", settings: Settings) -> Work:
    templates = Templates(
        settings.template_order_paid,
        settings.template_order_ready,
        settings.template_order_refunded,
    )
    return Work(app.ctx.ports, app.ctx.account, templates)
