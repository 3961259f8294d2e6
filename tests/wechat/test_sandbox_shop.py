"""The tests' own shop: signs, verifies and decrypts without a line of the simulator.

It is proved by WeChat's published vectors, so that two halves cannot agree on the same mistake.
"""

import asyncio
import base64
import functools
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from yarl import URL

from wechat.sandbox.account import Account, Template
from wechat.sandbox.app import running
from wechat.sandbox.refusals import PayRefusal
from wechat.sandbox.signatures import Gate, Seal

APPID = "wx1234567890abcdef"
SECRET = "secret-of-the-mini-program-32byte"
MCHID = "1900000001"
SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
API_V3_KEY = "0123456789abcdefghijklmnopqrstuv"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000000012026112300000000000001"
TEMPLATE = "template-order-paid"
_numbers = itertools.count(1)


@functools.cache
def key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(name: str) -> str:
    pkcs8 = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    return key(name).private_bytes(serialization.Encoding.PEM, pkcs8, plain).decode()


def public_pem(name: str) -> str:
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return key(name).public_key().public_bytes(serialization.Encoding.PEM, info).decode()


def account(seed: int = 7, state_dir: str | None = None) -> Account:
    return Account(
        appid=APPID,
        app_secret=SECRET,
        mchid=MCHID,
        merchant_serial_no=SERIAL,
        merchant_public_key_pem=public_pem("merchant"),
        api_v3_key=API_V3_KEY,
        public_key_id=PUBLIC_KEY_ID,
        platform_private_key_pem=private_pem("platform"),
        seed=seed,
        templates=[
            Template(TEMPLATE, "订单支付成功通知", ["character_string1", "thing2", "amount3"])
        ],
        state_dir=state_dir,
    )


def rsa_sign(signer: rsa.RSAPrivateKey, *lines: str) -> str:
    message = "".join(f"{line}\n" for line in lines).encode()
    return base64.b64encode(signer.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def rsa_verify(verifier: rsa.RSAPublicKey, signature: str, *lines: bytes) -> bool:
    message = b"".join(line + b"\n" for line in lines)
    try:
        verifier.verify(base64.b64decode(signature), message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def decrypt(api_v3_key: str, resource: dict) -> bytes:
    sealed = base64.b64decode(resource["ciphertext"])
    aad = resource["associated_data"].encode()
    return AESGCM(api_v3_key.encode()).decrypt(resource["nonce"].encode(), sealed, aad)


def is_wechats(headers, body: bytes) -> bool:
    """Whether WeChat's own key signed this answer or notice."""
    return headers["Wechatpay-Serial"] == PUBLIC_KEY_ID and rsa_verify(
        key("platform").public_key(),
        headers["Wechatpay-Signature"],
        headers["Wechatpay-Timestamp"].encode(),
        headers["Wechatpay-Nonce"].encode(),
        body,
    )


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        return self.json["code"]


@dataclass
class Arrived:
    headers: dict[str, str]
    raw: bytes

    @property
    def envelope(self):
        return json.loads(self.raw)

    @property
    def plain(self):
        return json.loads(decrypt(API_V3_KEY, self.envelope["resource"]))


@dataclass
class Receiver:
    """The shop's notify_url on loopback; answers with `statuses` in turn, then 204."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    arrived: list[Arrived] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        self.arrived.append(Arrived(dict(request.headers), await request.read()))
        async with self.news:
            self.news.notify_all()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)

    async def wait(self, count: int, seconds: float = 5) -> list[Arrived]:
        async with asyncio.timeout(seconds), self.news:
            await self.news.wait_for(lambda: len(self.arrived) >= count)
        return self.arrived


@dataclass
class Shop:
    """A shop and its shoppers' phones, talking to one simulator."""

    url: str
    session: aiohttp.ClientSession
    receiver: Receiver
    offset: float = 0

    async def pay(self, method: str, path: str, body: object = None, **changes) -> Answer:
        """A signed Pay v3 call; `changes` spoil one part of it."""
        text = "" if body is None else json.dumps(body, ensure_ascii=False)
        if isinstance(body, str):
            text = body
        now = int(time.time() + self.offset + changes.get("late", 0))
        nonce = changes.get("nonce") or secrets.token_hex(16)
        signature = rsa_sign(
            key(changes.get("key", "merchant")), method, path, str(now), nonce, text
        )
        parts = {
            "mchid": MCHID,
            "nonce_str": nonce,
            "timestamp": str(now),
            "serial_no": SERIAL,
            "signature": signature,
        } | changes.get("parts", {})
        said = ",".join(f'{name}="{value}"' for name, value in parts.items())
        headers = {
            "Authorization": f"WECHATPAY2-SHA256-RSA2048 {said}",
            "Accept": "application/json",
            "User-Agent": "shop-test/1",
            "Wechatpay-Serial": PUBLIC_KEY_ID,
        } | ({"Content-Type": "application/json"} if text else {})
        headers |= changes.get("headers", {})
        headers = {name: value for name, value in headers.items() if value is not None}
        sent = changes.get("sent", text)
        return await self.http(method, changes.get("sent_path", path), sent.encode(), headers)

    async def http(self, method: str, path: str, body: bytes = b"", headers=None) -> Answer:
        url = URL(self.url + path, encoded=True)  # the path must leave as it was signed
        async with self.session.request(method, url, data=body or None, headers=headers) as got:
            return Answer(got.status, dict(got.headers), await got.read())

    async def do(self, method: str, path: str, body: object = None, expect: int | None = None):
        """A call to the phone or the levers."""
        raw = b"" if body is None else json.dumps(body).encode()
        answer = await self.http(method, path, raw)
        if expect is not None:
            assert answer.status == expect, answer.raw
        return answer.json

    def order(self, openid: str, **changes) -> dict:
        return {
            "appid": APPID,
            "mchid": MCHID,
            "description": "集市·望京店-鲜花套餐",
            "out_trade_no": f"T{next(_numbers):010d}",
            "notify_url": self.receiver.url,
            "amount": {"total": 1990, "currency": "CNY"},
            "payer": {"openid": openid},
        } | changes

    async def shopper(self) -> str:
        return (await self.do("POST", "/sandbox/shoppers", {}, 201))["openid"]

    async def prepay(self, order: dict) -> Answer:
        return await self.pay("POST", "/v3/pay/transactions/jsapi", order)

    def request_payment(self, prepay_id: str) -> dict:
        """What the shop's server gives the mini program for wx.requestPayment."""
        said = {
            "timeStamp": str(int(time.time() + self.offset)),
            "nonceStr": secrets.token_hex(16),
            "package": f"prepay_id={prepay_id}",
        }
        sign = rsa_sign(key("merchant"), APPID, *said.values())
        return said | {"appId": APPID, "signType": "RSA", "paySign": sign}

    async def open_sheet(self, order: dict, openid: str) -> str:
        prepaid = await self.prepay(order)
        assert prepaid.status == 200, prepaid.raw
        asked = self.request_payment(prepaid.json["prepay_id"])
        sheet = await self.do("POST", f"/sandbox/shoppers/{openid}/sheets", asked, 201)
        return sheet["id"]

    async def paid(self, **changes) -> dict:
        """An order, paid; the notice has not necessarily arrived yet."""
        openid = await self.shopper()
        order = self.order(openid, **changes)
        sheet = await self.open_sheet(order, openid)
        await self.do("POST", f"/sandbox/sheets/{sheet}/confirm", {}, 200)
        return order

    async def query(self, number: str) -> Answer:
        return await self.pay("GET", f"/v3/pay/transactions/out-trade-no/{number}?mchid={MCHID}")

    async def close(self, number: str) -> Answer:
        path = f"/v3/pay/transactions/out-trade-no/{number}/close"
        return await self.pay("POST", path, {"mchid": MCHID})

    async def refund(self, order: dict, number: str, fen: int, **changes) -> Answer:
        body = {
            "out_trade_no": order["out_trade_no"],
            "out_refund_no": number,
            "amount": {"refund": fen, "total": order["amount"]["total"], "currency": "CNY"},
        } | changes
        return await self.pay("POST", "/v3/refund/domestic/refunds", body)

    async def move(self, offset: float = 0, speed: float = 1) -> None:
        self.offset = offset
        body = {"offset_seconds": offset, "notice_speed": speed}
        await self.do("POST", "/sandbox/clock", body, 200)

    async def fault(self, call: str, kind: str, **more) -> None:
        await self.do("POST", "/sandbox/faults", {"call": call, "kind": kind} | more, 201)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/notify", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/notify"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def talking(url: str) -> AsyncIterator[Shop]:
    async with receiving() as receiver, aiohttp.ClientSession() as session:
        # Else aiohttp repeats a GET whose connection broke, and no test would see it break.
        session._retry_connection = False
        yield Shop(url, session, receiver)


@asynccontextmanager
async def open_shop(seed: int = 7, state_dir: str | None = None) -> AsyncIterator[Shop]:
    async with running(account(seed, state_dir)) as url, talking(url) as shop:
        yield shop


VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text())


def vector(name: str) -> dict:
    return next(item for item in VECTORS["vectors"] if item["id"] == name)


def published_account(merchant: str, **changes) -> Account:
    """An account whose keys are the demo keys the vectors were made with."""
    private = VECTORS["keys"][merchant]["private_key_pem"]
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    loaded = serialization.load_pem_private_key(private.encode(), None).public_key()
    public = loaded.public_bytes(serialization.Encoding.PEM, info).decode()
    return msgspec.structs.replace(account(), merchant_public_key_pem=public, **changes)


def test_the_tests_own_signer_and_verifier_agree_with_published_vectors():
    item = vector("pay-request-jsapi")
    said = item["input"]
    pem = VECTORS["keys"][said["key"]]["private_key_pem"].encode()
    signer = serialization.load_pem_private_key(pem, None)
    lines = ("POST", said["canonical_url"], said["timestamp"], said["nonce_str"], said["body"])
    assert rsa_sign(signer, *lines) == item["expect"]["signature"]
    item = vector("pay-response-verify-pubkey")
    said = item["input"]
    pem = VECTORS["keys"][said["public_key"]]["public_key_pem"].encode()
    verifier = serialization.load_pem_public_key(pem)
    lines = [said[name].encode() for name in ("timestamp", "nonce", "body")]
    assert rsa_verify(verifier, item["expect"]["signature"], *lines)
    assert not rsa_verify(verifier, item["expect"]["signature"], *lines[:2], b"{}")


def test_the_tests_own_receiver_opens_the_published_notice():
    item = vector("derived-pay-notify-success")
    envelope = json.loads(item["input"]["body"])
    plain = json.loads(decrypt(item["input"]["api_v3_key"], envelope["resource"]))
    assert plain == item["expect"]["resource"]


def test_the_simulator_seals_as_the_published_vectors_do():
    item = vector("pay-aead-java")
    said = item["input"]
    seal = Seal(msgspec.structs.replace(account(), api_v3_key=said["api_v3_key"]))
    sealed = seal.encrypt(
        said["plaintext"].encode(), nonce=said["nonce"], associated_data=said["associated_data"]
    )
    assert sealed == item["expect"]["ciphertext"]
    item = vector("derived-pay-notify-success")["input"]
    platform = VECTORS["keys"][item["public_key"]]["private_key_pem"]
    seal = Seal(msgspec.structs.replace(account(), platform_private_key_pem=platform))
    headers = item["headers"]
    made = seal.headers(
        item["body"].encode(), int(headers["Wechatpay-Timestamp"]), headers["Wechatpay-Nonce"]
    )
    assert made["Wechatpay-Signature"] == headers["Wechatpay-Signature"]


def test_the_simulator_accepts_the_published_pay_sign_and_no_other():
    item = vector("pay-miniprogram-paysign")
    said = item["input"]
    gate = Gate(published_account(said["key"]))
    parts = [said[name] for name in ("app_id", "time_stamp", "nonce_str", "package")]
    gate.check_client_sign(item["expect"]["pay_sign"], *parts)
    with pytest.raises(PayRefusal):
        gate.check_client_sign(item["expect"]["pay_sign"], *parts[:3], parts[3] + "0")


@pytest.mark.parametrize(("spoil", "status"), [("", 200), (" ", 401)])
async def test_the_published_order_request_passes_byte_for_byte(spoil: str, status: int):
    item = vector("pay-request-jsapi")
    said = item["input"]
    body = json.loads(said["body"])
    ours = published_account(said["key"], appid=body["appid"], mchid=body["mchid"])
    async with running(ours) as url, talking(url) as shop:
        await shop.do("POST", "/sandbox/shoppers", {"openid": body["payer"]["openid"]}, 201)
        await shop.move(int(said["timestamp"]) - time.time())
        parts = {
            "mchid": body["mchid"],
            "timestamp": said["timestamp"],
            "nonce_str": said["nonce_str"],
            "signature": item["expect"]["signature"],
        }
        path, sent = said["canonical_url"], said["body"] + spoil
        answer = await shop.pay("POST", path, said["body"], parts=parts, sent=sent)
        assert answer.status == status, answer.raw
