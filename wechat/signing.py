"""WeChat Pay v3 signatures: ours on requests and payment sheets, theirs on answers and notices."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

# WeChat's own tolerance in both directions (facts D2); beyond it a signature may be a replay.
WINDOW_SECONDS: Final = 300
# WeChat probes verifiers with wrong signatures that begin so; they must fail like any other.
PROBE_PREFIX: Final = "WECHATPAY/SIGNTEST/"

_SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
_UNIX_SECONDS: Final = re.compile(r"[0-9]{1,11}")


class BadSignature(Exception):
    """The bytes are not proved to be WeChat's; the message says which check failed."""


class MerchantSigner:
    """Signs in the merchant's name. The key is parsed once; an instance may be shared freely."""

    def __init__(self, *, mchid: str, serial_no: str, private_key_pem: str) -> None:
        """Raises ValueError unless the PEM holds an unencrypted RSA private key."""
        key = serialization.load_pem_private_key(private_key_pem.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("the merchant's private key must be RSA")  # noqa: TRY004 - settings
        self._key = key
        self._mchid = mchid
        self._serial_no = serial_no

    def sign(self, message: bytes) -> str:
        """RSASSA-PKCS1-v1_5 with SHA-256 over `message`, base64."""
        signature = self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(signature).decode()

    def authorization(
        self, method: str, target: str, *, body: bytes, timestamp: str, nonce: str
    ) -> str:
        """The `Authorization` header (facts D1).

        `target` is path and query exactly as they go over the wire, `body` the exact bytes sent,
        empty when there is none.
        """
        head = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode()
        signature = self.sign(head + body + b"\n")
        return (
            f'{_SCHEME} mchid="{self._mchid}",nonce_str="{nonce}",timestamp="{timestamp}",'
            f'serial_no="{self._serial_no}",signature="{signature}"'
        )

    def payment_sheet(
        self, appid: str, prepay_id: str, *, timestamp: str, nonce: str
    ) -> dict[str, str]:
        """The parameters of `wx.requestPayment` with their `paySign` (facts D4)."""
        package = f"prepay_id={prepay_id}"
        return {
            "appId": appid,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self.sign(f"{appid}\n{timestamp}\n{nonce}\n{package}\n".encode()),
        }


class WechatVerifier:
    """Checks WeChat's signatures in public-key mode. The key is parsed once."""

    def __init__(self, *, public_key_id: str, public_key_pem: str) -> None:
        """Raises ValueError unless the PEM holds an RSA public key."""
        key = serialization.load_pem_public_key(public_key_pem.encode())
        if not isinstance(key, rsa.RSAPublicKey):
            raise ValueError("WeChat Pay's public key must be RSA")  # noqa: TRY004 - settings
        self._key = key
        self._key_id = public_key_id

    def check(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Raise `BadSignature` unless WeChat signed `body` within 300 s of `now` (facts D2).

        `headers` has lower-case names; `body` is raw, empty for a 204.
        """
        timestamp = headers.get("wechatpay-timestamp", "")
        if not _UNIX_SECONDS.fullmatch(timestamp):
            raise BadSignature("timestamp")
        if abs(now.timestamp() - int(timestamp)) > WINDOW_SECONDS:
            raise BadSignature("age")
        if headers.get("wechatpay-serial") != self._key_id:
            raise BadSignature("serial")
        signature = headers.get("wechatpay-signature", "")
        if signature.startswith(PROBE_PREFIX):
            raise BadSignature("probe")
        head = f"{timestamp}\n{headers.get('wechatpay-nonce', '')}\n"
        self._verify(signature, head.encode(errors="surrogatepass") + body + b"\n")

    def _verify(self, signature: str, message: bytes) -> None:
        try:
            raw = base64.b64decode(signature, validate=True)
            self._key.verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
        except (binascii.Error, ValueError, InvalidSignature):
            raise BadSignature("signature") from None
