"""What shoppers do, one generator per kind: it yields requests and is sent their answers."""

from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import count, cycle
from random import Random
from typing import Final, NamedTuple
from urllib.parse import quote as url_quote

import msgspec

from kit.ids import uuid7

SHOP: Final = 0
SANDBOX: Final = 1

# A shopper's phone asks again this soon after paying.
LOOK_AGAIN_SECONDS: Final = 0.02


class Shopper(msgspec.Struct, frozen=True, array_like=True):
    """A member with an open session; WeChat knows him as `openid`."""

    token: str
    openid: str


class Shop(msgspec.Struct, frozen=True, array_like=True):
    """A store and where it is."""

    id: int
    lat: float
    lng: float


class Ground(msgspec.Struct, frozen=True):
    """What there is to walk on. `rush_sku` is what everybody wants, at the first store."""

    shoppers: list[Shopper]
    shops: list[Shop]
    skus: list[int]
    products: list[int]
    words: list[str]
    rush_sku: int = 0


class Ask(NamedTuple):
    """One request; an answer with another status than `wanted` ends the walk as an error."""

    what: str
    request: bytes
    wanted: tuple[int, ...] = (200,)
    of: int = SHOP


class Pause(NamedTuple):
    seconds: float


class Gate(NamedTuple):
    """Wait until every walker stands here; the measured time begins when the gate opens."""


class Answer(NamedTuple):
    status: int
    body: bytes


Walk = Generator[Ask | Pause | Gate, Answer, None]


class Walker:
    """One of `of` walkers, the `number`-th: its own dice, its own share of the shoppers."""

    def __init__(self, ground: Ground, number: int, of: int) -> None:
        self.ground = ground
        self.dice = Random(number)
        # Not of the dice: the same walker comes again in the next figure, and orders anew.
        self.keys = (uuid7().hex for _ in count())
        # Two walks of one shopper at once would share a cart.
        mine = ground.shoppers[number::of] or ground.shoppers[:1]
        self.shoppers: Iterator[Shopper] = cycle(mine)

    def basket(self) -> dict[int, int]:
        """One to three kinds, one or two pieces of each."""
        kinds = self.dice.sample(
            self.ground.skus, min(self.dice.randint(1, 3), len(self.ground.skus))
        )
        return {sku: self.dice.randint(1, 2) for sku in kinds}


def bare(_: Walker) -> Walk:
    yield Ask("live", get("/health/live"))


def bare_rush(_: Walker) -> Walk:
    yield Ask("live", get("/health/live"))
    yield Gate()
    yield Ask("live", get("/health/live"))


def product(walker: Walker) -> Walk:
    shop, wanted = (
        walker.dice.choice(walker.ground.shops),
        walker.dice.choice(walker.ground.products),
    )
    yield Ask("product", get(f"/v1/products/{wanted}?store_id={shop.id}"))


def search(walker: Walker) -> Walk:
    shop, word = walker.dice.choice(walker.ground.shops), walker.dice.choice(walker.ground.words)
    yield Ask("search", get(f"/v1/products/search?q={url_quote(word)}&store_id={shop.id}"))


def nearest(walker: Walker) -> Walk:
    """Within a few kilometres of some store; nobody stands exactly where another stood."""
    near = walker.dice.choice(walker.ground.shops)
    lat, lng = near.lat + walker.dice.gauss(0, 0.02), near.lng + walker.dice.gauss(0, 0.02)
    yield Ask("nearest", get(f"/v1/stores/nearest?lat={lat:.6f}&lng={lng:.6f}&limit=5"))


def place(walker: Walker) -> Walk:
    """Quote and order."""
    shopper, shop = next(walker.shoppers), walker.dice.choice(walker.ground.shops)
    lines = [{"sku_id": str(sku), "quantity": n} for sku, n in walker.basket().items()]
    quoted = yield Ask("quote", _quote(walker, shopper, shop, lines), (201,))
    yield Ask("order", _order(walker, shopper, _id_of(quoted)), (201,))


def rush(walker: Walker) -> Walk:
    """Everybody holds a quote for one of the same few pieces and orders at the same moment."""
    shopper, shop = next(walker.shoppers), walker.ground.shops[0]
    lines = [{"sku_id": str(walker.ground.rush_sku), "quantity": 1}]
    quoted = yield Ask("quote", _quote(walker, shopper, shop, lines), (201,))
    yield Gate()
    yield Ask("order", _order(walker, shopper, _id_of(quoted)), (201, 409))


def path(walker: Walker) -> Walk:
    """Cart, quote, order, prepay, confirm on the phone, and look until the notice was applied."""
    shopper, shop = next(walker.shoppers), walker.dice.choice(walker.ground.shops)
    for sku, quantity in walker.basket().items():
        line = put(f"/v1/cart/lines/{sku}", {"quantity": quantity}, shopper.token)
        yield Ask("cart", line)
    quoted = yield Ask("quote", _quote(walker, shopper, shop, None), (201,))
    ordered = yield Ask("order", _order(walker, shopper, _id_of(quoted)), (201,))
    no = msgspec.json.decode(ordered.body)["no"]
    payment = post(f"/v1/orders/{no}/payment", None, shopper.token, next(walker.keys))
    prepaid = yield Ask("prepay", payment, (201,))
    sheet = msgspec.json.decode(prepaid.body)["sheet"]
    shown = post(f"/sandbox/shoppers/{shopper.openid}/sheets", sheet)
    opened = yield Ask("sheet", shown, (201,), SANDBOX)
    confirm = post(f"/sandbox/sheets/{_id_of(opened)}/confirm", None)
    yield Ask("confirm", confirm, (200,), SANDBOX)
    look = Ask("look", get(f"/v1/orders/{no}", shopper.token))
    while True:
        yield Pause(LOOK_AGAIN_SECONDS)
        seen = yield look
        if msgspec.json.decode(seen.body)["status"] == "paid":
            return


WALKS: Final[Mapping[str, Callable[[Walker], Walk]]] = {
    walk.__name__: walk for walk in (bare, bare_rush, product, search, nearest, place, rush, path)
}


def get(path: str, token: str | None = None) -> bytes:
    return _request("GET", path, token)


def put(path: str, body: object, token: str) -> bytes:
    return _request("PUT", path, token, msgspec.json.encode(body))


def post(path: str, body: object, token: str | None = None, key: str | None = None) -> bytes:
    return _request("POST", path, token, b"" if body is None else msgspec.json.encode(body), key)


def _request(
    method: str, path: str, token: str | None, body: bytes | None = None, key: str | None = None
) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: shop\r\n"
    if token is not None:
        head += f"Authorization: Bearer {token}\r\n"
    if key is not None:
        head += f"Idempotency-Key: {key}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + (body or b"")


def _quote(
    walker: Walker, shopper: Shopper, shop: Shop, lines: list[dict[str, object]] | None
) -> bytes:
    wish = {"store_id": str(shop.id)} | ({} if lines is None else {"lines": lines})
    return post("/v1/quotes", wish, shopper.token, next(walker.keys))


def _order(walker: Walker, shopper: Shopper, quote_id: str) -> bytes:
    return post("/v1/orders", {"quote_id": quote_id}, shopper.token, next(walker.keys))


def _id_of(answer: Answer) -> str:
    return str(msgspec.json.decode(answer.body)["id"])
