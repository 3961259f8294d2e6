"""The simulator put together: parts, routes, start and stop."""

import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Final

from sanic import HTTPResponse, Sanic
from sanic.config import Config
from sanic.exceptions import SanicException

from wechat.sandbox.account import Account
from wechat.sandbox.answers import ApiDoor, Call, PayDoor
from wechat.sandbox.control import Levers, Phone, json_answer, panel
from wechat.sandbox.ground import Ground
from wechat.sandbox.login import Logins
from wechat.sandbox.messages import Messages, check_keywords
from wechat.sandbox.notices import Notices
from wechat.sandbox.phone import show_phone
from wechat.sandbox.refunds import Refunds
from wechat.sandbox.sheets import Sheets
from wechat.sandbox.tokens import Tokens
from wechat.sandbox.trades import Trades

App = Sanic[Config, SimpleNamespace]

_apps: Final = itertools.count(1)


class World:
    """Every part of one simulated WeChat, wired."""

    def __init__(self, account: Account) -> None:
        check_keywords(account)
        self.ground = ground = Ground(account)
        self.notices = Notices(ground)
        self.trades = Trades(ground)
        self.refunds = Refunds(ground, self.trades, self.notices)
        self.logins = Logins(ground)
        self.tokens = Tokens(ground)
        self.messages = Messages(ground, self.tokens)
        sheets = Sheets(ground, self.trades, self.notices)
        self.phone = Phone(self.logins, self.messages, sheets)
        self.levers = Levers(ground, trades=self.trades, refunds=self.refunds, notices=self.notices)
        self.pay = PayDoor(ground)
        self.api = ApiDoor(ground)

    def resume(self) -> None:
        """Go on with notices and refunds that a former run left open. Needs a running loop."""
        self.notices.resume()
        self.refunds.resume()

    async def stop(self) -> None:
        """End what is under way and close the journal."""
        self.ground.timers.stop()
        await self.notices.stop()
        self.ground.store.close()


def create_app(account: Account) -> App:
    """A Sanic app that plays WeChat for `account`; any number may live in one process.

    Raises ValueError for keys or templates that cannot be used.
    """
    app: App = Sanic(f"wechat_sandbox_{next(_apps)}")
    app.config.AUTO_EXTEND = False
    app.config.MOTD = False
    # Sanic rewrites its own classes at start, and fails when a second app of the process does so.
    app.config.TOUCHUP = False
    app.config.ACCESS_LOG = False
    app.config.REQUEST_MAX_SIZE = 1_000_000
    app.config.RESPONSE_TIMEOUT = 900
    app.config.KEEP_ALIVE_TIMEOUT = 75
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = 1.0
    world = World(account)
    _route_wechat(app, world)
    _route_panel(app, world)
    _get(app, "/phone", show_phone)
    app.exception(SanicException)(_refuse)

    @app.after_server_start
    async def _resume(_: App) -> None:
        world.resume()

    @app.before_server_stop
    async def _stop(_: App) -> None:
        await world.stop()

    return app


@asynccontextmanager
async def running(account: Account, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """The simulator inside this process and loop while the block runs; yields its URL."""
    app = create_app(account)
    listener = listen(host, port)
    # Sanic leaves the methods of its server untyped.
    server: Any = await app.create_server(sock=listener, return_asyncio_server=True)
    await server.startup()
    await server.before_start()
    await server.after_start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        await server.before_stop()
        for connection in list(server.connections):
            # From Python 3.12 on, closing waits for callers that a fault keeps hanging.
            if not connection.close_if_idle():
                connection.abort()
        await server.close()
        await server.after_stop()
        Sanic.unregister_app(app)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one (Sanic's own 0 means 8000). Raises OSError."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(1024)
    return listener


def _route_wechat(app: App, world: World) -> None:
    pay, api = world.pay, world.api
    trades = "/v3/pay/transactions"
    refunds = "/v3/refund/domestic/refunds"
    by_number = f"{trades}/out-trade-no/<out_trade_no:str>"
    _post(app, f"{trades}/jsapi", pay.guard("prepay", world.trades.prepay))
    _get(app, by_number, pay.guard("query", world.trades.by_number))
    _get(app, f"{trades}/id/<transaction_id:str>", pay.guard("query", world.trades.by_transaction))
    _post(app, f"{by_number}/close", pay.guard("close", world.trades.close))
    _post(app, refunds, pay.guard("refund", world.refunds.create))
    _get(app, f"{refunds}/<out_refund_no:str>", pay.guard("query", world.refunds.by_number))
    tokens, messages = world.tokens, world.messages
    login = api.guard("code2session", world.logins.code2session, tokens.kill_used)
    _get(app, "/sns/jscode2session", login)
    _get(app, "/cgi-bin/token", api.guard("token", tokens.plain, tokens.kill_stable))
    stable = api.guard("token", tokens.stable, tokens.kill_stable)
    send = api.guard("subscribe_send", messages.send, tokens.kill_used)
    for path, handler in (
        ("/cgi-bin/stable_token", stable),
        ("/cgi-bin/message/subscribe/send", send),
    ):
        _post(app, path, handler)
        _get(app, path, handler)  # answered with errcode 43002, as WeChat does


def _route_panel(app: App, world: World) -> None:
    phone, levers = world.phone, world.levers
    shopper = "/sandbox/shoppers/<openid:str>"
    _post(app, "/sandbox/shoppers", panel(phone.add_shopper))
    _get(app, "/sandbox/shoppers", panel(phone.shoppers))
    _get(app, "/sandbox/templates", panel(phone.templates))
    _post(app, f"{shopper}/login-code", panel(phone.login_code))
    _post(app, f"{shopper}/subscriptions", panel(phone.subscribe))
    _get(app, f"{shopper}/messages", panel(phone.messages))
    _post(app, f"{shopper}/sheets", panel(phone.open_sheet))
    _get(app, f"{shopper}/sheets", panel(phone.sheets))
    _post(app, "/sandbox/sheets/<sheet_id:str>/confirm", panel(phone.confirm))
    _post(app, "/sandbox/sheets/<sheet_id:str>/decline", panel(phone.decline))
    _post(app, "/sandbox/trades", panel(levers.remember_trade))
    _get(app, "/sandbox/trades/<out_trade_no:str>", panel(levers.trade))
    _post(app, "/sandbox/notices/<out_trade_no:str>/resend", panel(levers.resend))
    _post(app, "/sandbox/faults", panel(levers.add_fault))
    _add(app, "DELETE", "/sandbox/faults", panel(levers.clear_faults))
    _post(app, "/sandbox/clock", panel(levers.move_clock))
    _post(app, "/sandbox/refunds/<out_refund_no:str>", panel(levers.settle))
    _get(app, "/health/live", panel(lambda _: (200, {"status": "live"})))


def _get(app: App, path: str, handler: Callable[..., Any]) -> None:
    _add(app, "GET", path, handler)


def _post(app: App, path: str, handler: Callable[..., Any]) -> None:
    _add(app, "POST", path, handler)


def _add(app: App, method: str, path: str, handler: Callable[..., Any]) -> None:
    name = f"{method} {path}".translate(str.maketrans(" /<>:-", "______"))
    # Without a stated format Sanic reads each handler's source to guess one: 3 ms a route.
    app.add_route(handler, path, methods=[method], name=name, unquote=True, error_format="json")


async def _refuse(request: Call, error: SanicException) -> HTTPResponse:  # noqa: ARG001
    code = "NOT_FOUND" if error.status_code == 404 else "INVALID_REQUEST"
    return json_answer(error.status_code, {"code": code, "message": str(error)})
