"""Both directions of Pay v3 trust: the merchant's signatures checked, WeChat's own made."""

import base64
import binascii
import re
from collections import deque
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from sanic.request import Request

from wechat.sandbox.account import Account
from wechat.sandbox.refusals import PayRefusal

CLOCK_WINDOW_SECONDS: Final = 300
SCHEMA: Final = "WECHATPAY2-SHA256-RSA2048"

_FIELD: Final = re.compile(r'([a-z_]+)="([!#-~]+)"')
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_FIELDS: Final = {"mchid", "nonce_str", "timestamp", "serial_no", "signature"}
_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()
_INNER_SIGN_ERROR: Final = 268443699


class Gate:
    """Checks requests of the merchant, byte by byte (facts D1)."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._key = _public_key(account.merchant_public_key_pem)
        self._nonces: set[str] = set()
        self._nonce_ages: deque[tuple[float, str]] = deque()

    def check(self, request: Request[Any, Any], now: float) -> None:
        """Raise PayRefusal unless the request is the merchant's own, fresh and unrepeated."""
        said = _parse(request.headers.get("authorization", ""))
        if said["mchid"] != self._account.mchid:
            raise _sign_error("商户号与签名不匹配")
        if said["serial_no"] != self._account.merchant_serial_no:
            raise _sign_error("商户证书序列号有误，请使用签名私钥匹配的证书序列号")
        if not _SECONDS.fullmatch(said["timestamp"]):
            raise _sign_error("Http头Authorization值中的timestamp不正确")
        if abs(now - int(said["timestamp"])) > CLOCK_WINDOW_SECONDS:
            raise _sign_error("Http头Authorization值中的timestamp与发起请求的时间不能超过5分钟")
        parts = (
            request.method.encode(),
            request.raw_url,
            said["timestamp"].encode(),
            said["nonce_str"].encode(),
            request.body,
        )
        self._verify(b"".join(part + b"\n" for part in parts), said["signature"])
        self._use_nonce(said["nonce_str"], now)
        self._check_headers(request)

    def check_client_sign(self, pay_sign: str, *parts: str) -> None:
        """Raise PayRefusal unless the merchant signed `parts`, as for wx.requestPayment (D4)."""
        self._verify("".join(f"{part}\n" for part in parts).encode(), pay_sign)

    def _verify(self, message: bytes, signature: str) -> None:
        try:
            self._key.verify(base64.b64decode(signature, validate=True), message, _PADDING, _HASH)
        except (InvalidSignature, binascii.Error, ValueError):
            raise _sign_error("错误的签名，验签失败") from None

    def _use_nonce(self, nonce: str, now: float) -> None:
        # A nonce can come back only while its timestamp is still believed: remember it that long.
        while self._nonce_ages and self._nonce_ages[0][0] < now - 2 * CLOCK_WINDOW_SECONDS:
            self._nonces.discard(self._nonce_ages.popleft()[1])
        if nonce in self._nonces:
            raise _sign_error("Http头Authorization值中的nonce_str重复")
        self._nonces.add(nonce)
        self._nonce_ages.append((now, nonce))

    def _check_headers(self, request: Request[Any, Any]) -> None:
        headers = request.headers
        if headers.get("wechatpay-serial") != self._account.public_key_id:
            raise PayRefusal(400, "PARAM_ERROR", "Http头Wechatpay-Serial不是微信支付公钥ID")
        if not headers.get("user-agent") or "json" not in headers.get("accept", ""):
            raise PayRefusal(400, "PARAM_ERROR", "Http头缺少User-Agent或Accept")
        if request.body and "application/json" not in headers.get("content-type", ""):
            raise PayRefusal(400, "PARAM_ERROR", "Http头Content-Type必须是application/json")


class Seal:
    """Signs and encrypts as WeChat does, with the platform key in public-key mode (D2, D3)."""

    def __init__(self, account: Account) -> None:
        self._public_key_id = account.public_key_id
        self._key = _private_key(account.platform_private_key_pem)
        self._aead = AESGCM(account.api_v3_key.encode())

    def headers(self, body: bytes, timestamp: int, nonce: str) -> dict[str, str]:
        """The Wechatpay-* headers of an answer or a notice with `body`."""
        message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
        return {
            "Wechatpay-Timestamp": str(timestamp),
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self._public_key_id,
            "Wechatpay-Signature": self._sign(message),
            "Wechatpay-Signature-Type": SCHEMA,
        }

    def encrypt(self, plain: bytes, *, nonce: str, associated_data: str) -> str:
        """AEAD_AES_256_GCM under the APIv3 key: base64 of ciphertext and tag."""
        sealed = self._aead.encrypt(nonce.encode(), plain, associated_data.encode())
        return base64.b64encode(sealed).decode()

    def _sign(self, message: bytes) -> str:
        return base64.b64encode(self._key.sign(message, _PADDING, _HASH)).decode()


def _parse(authorization: str) -> dict[str, str]:
    schema, _, rest = authorization.partition(" ")
    pairs = [_FIELD.fullmatch(part.strip()) for part in rest.split(",")]
    said = {pair[1]: pair[2] for pair in pairs if pair}
    if schema != SCHEMA or len(pairs) != len(_FIELDS) or set(said) != _FIELDS:
        raise _sign_error("Http头Authorization格式有误")
    return said


def _sign_error(message: str) -> PayRefusal:
    return PayRefusal(401, "SIGN_ERROR", message, inner=_INNER_SIGN_ERROR)


def _public_key(pem: str) -> RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise TypeError("the merchant's key must be RSA")
    return key


def _private_key(pem: str) -> RSAPrivateKey:
    # Proving the primes takes 50 ms at each start, and this key guards nothing.
    key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the platform's key must be RSA")
    return key
