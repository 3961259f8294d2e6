"""The composition root: binds ports to adapters, builds the app, runs one worker or the jobs.

    python -m server worker --fd N     one web worker on an inherited listening socket
    python -m server jobs              background work

`jishi run` supervises both; nobody imports this module.
"""

import argparse
import asyncio
import ctypes
import signal
import socket
import sys
from collections.abc import Iterable
from typing import Any

import uvloop
from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse

from commerce.payments.closing import Till
from commerce.payments.rules import Account
from commerce.ports import Ports
from commerce.stores.directory import directory
from config.orm import close_orm, open_orm
from config.settings import Settings
from jobs.context import Templates, Work
from jobs.run import run_jobs
from kit import clock, db, logging, outbound, tasks
from kit.redis import Link, client
from kit.sealing import Sealer
from kit.web import operations, problems
from kit.web.api import Api
from kit.web.openapi import document
from miniprogram_api import carts, catalog, members, orders, pictures, session, stores
from staff_api import alerts, people
from staff_api import orders as staff_orders
from staff_api import session as staff_session
from wechat import callbacks
from wechat.accounts import Merchant, WechatAccount
from wechat.login import WechatLogin
from wechat.messages import WechatNotifier
from wechat.pay import WechatPay
from wechat.tokens import AccessTokens

VERSION = "0.1.0"

APIS: tuple[Api[Any], ...] = (
    session.login,
    session.session,
    members.members,
    catalog.catalog,
    stores.stores,
    carts.carts,
    orders.orders,
    staff_session.staff_login,
    staff_session.staff_session,
    people.people,
    staff_orders.desk_api,
    alerts.alerts,
)

# A request body over this is refused before it is read (invariants.md section 4).
LARGEST_BODY = 1024 * 1024

# Connections per worker: PostgreSQL on two cores gains nothing from more.
POOL_SIZE = 12

_PR_SET_PDEATHSIG = 1


def build_app(settings: Settings, *, name: str = "jishi") -> "Sanic[Any, Any]":
    """The web application, not yet listening. Its context carries what handlers need."""
    app: Sanic[Any, Any] = Sanic(name, configure_logging=False)
    app.config.update(
        AUTO_EXTEND=False,
        REQUEST_MAX_SIZE=LARGEST_BODY,
        REQUEST_TIMEOUT=20,
        RESPONSE_TIMEOUT=30,
        KEEP_ALIVE_TIMEOUT=75,
        GRACEFUL_SHUTDOWN_TIMEOUT=15.0,
        FALLBACK_ERROR_FORMAT="json",
        ACCESS_LOG=False,
        PROXIES_COUNT=settings.proxies_count or None,
    )
    app.ctx.settings = settings
    app.error_handler.add(Exception, _render)
    app.error_handler.add(SanicException, _render)
    for api in APIS:
        api.mount(app, clock.now)
    callbacks.mount(app)
    pictures.mount(app, settings.data_dir / "media")
    operations.mount(
        app,
        checks={
            "postgres": lambda: db.value("select 1"),
            "redis": lambda: app.ctx.link.call("PING"),
        },
        metrics_token=settings.metrics_token,
        document=document(
            (endpoint for api in APIS for endpoint in api.endpoints), title="Jishi", version=VERSION
        ),
    )
    app.before_server_start(_open)
    app.after_server_stop(_close)
    return app


def _render(request: Request, error: Exception) -> HTTPResponse:
    return problems.render(error, request)


async def _open(app: "Sanic[Any, Any]") -> None:
    settings: Settings = app.ctx.settings
    await open_orm(_url(settings.database_url), pool_size=POOL_SIZE)
    ctx = app.ctx
    ctx.link = Link(_url(settings.redis_url))
    await ctx.link.open()
    ctx.redis = client(_url(settings.redis_url))
    ctx.session = outbound.open_session()
    ctx.sealer = Sealer(settings.sealing_keys, settings.index_key)
    ctx.ports = bind_ports(settings, ctx.session, ctx.redis)
    ctx.account = Account(settings.wechat_appid, settings.mchid)
    ctx.till = Till(ctx.ports.payments, ctx.account)
    # The first shopper should not pay for reading all stores.
    await directory.current()


async def _close(app: "Sanic[Any, Any]") -> None:
    await tasks.drain(5)
    await app.ctx.session.close()
    await app.ctx.link.close()
    await app.ctx.redis.aclose()
    await close_orm()


def bind_ports(settings: Settings, session: Any, redis: Any) -> Ports:
    """The real adapters. In development their addresses are the sandbox's."""
    account = WechatAccount(
        settings.wechat_appid, settings.wechat_app_secret, settings.wechat_api_url
    )
    notice = f"{settings.public_url}{callbacks.PAY_NOTICE_PATH}"
    merchant = Merchant(
        mchid=settings.mchid,
        appid=settings.wechat_appid,
        serial_no=settings.merchant_serial_no,
        private_key_pem=settings.merchant_private_key_pem,
        api_v3_key=settings.api_v3_key,
        public_key_id=settings.public_key_id,
        public_key_pem=settings.public_key_pem,
        pay_url=settings.wechat_pay_url,
        notify_url=notice,
        refund_notify_url=notice,
    )
    return Ports(
        identity=WechatLogin(account, session),
        payments=WechatPay(merchant, session),
        notifier=WechatNotifier(AccessTokens(account, session, redis)),
    )


def _url(url: str | None) -> str:
    if url is None:
        raise SystemExit("DATABASE_URL and REDIS_URL must be set; `jishi run` sets them.")
    return url


def run_worker(settings: Settings, fd: int) -> None:
    """Serve on the inherited socket until SIGTERM; then finish what was begun."""
    app = build_app(settings)
    with socket.socket(fileno=fd) as listening:
        app.run(sock=listening, single_process=True, motd=False, access_log=False)


async def run_background(settings: Settings) -> None:
    """Everything that nobody waits for, until SIGTERM."""
    await open_orm(_url(settings.database_url), pool_size=POOL_SIZE)
    redis = client(_url(settings.redis_url))
    session = outbound.open_session()
    work = Work(
        ports=bind_ports(settings, session, redis),
        account=Account(settings.wechat_appid, settings.mchid),
        templates=Templates(
            settings.template_order_paid,
            settings.template_order_ready,
            settings.template_order_refunded,
        ),
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await run_jobs(work, _url(settings.database_url), stop)
    finally:
        await session.close()
        await redis.aclose()
        await close_orm()


def main(words: Iterable[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m server")
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("worker").add_argument("--fd", type=int, required=True)
    kinds.add_parser("jobs")
    asked = parser.parse_args(list(words))
    # A supervisor that is killed takes its children along; they finish as on any SIGTERM.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    settings = Settings.read()
    logging.configure(settings.log_format)
    if asked.kind == "worker":
        run_worker(settings, asked.fd)
    else:
        uvloop.run(run_background(settings))


if __name__ == "__main__":
    main(sys.argv[1:])
