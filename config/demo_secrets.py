"""Secrets for trying the shop out: made once per data directory, never in the repository, never in production.

Every text of them starts with "demo" and so does every key of bytes, so that production can refuse them by sight;
RSA keys are recognised by fingerprint.
"""

import base64
import hashlib
import os
import secrets
import string
import tempfile
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

MARK = "demo"
_LETTERS = string.ascii_lowercase + string.digits


class DemoSecrets(msgspec.Struct, frozen=True):
    """What the shop holds and, in `platform_private_key_pem`, what only WeChat would."""

    wechat_appid: str
    wechat_app_secret: str
    mchid: str
    merchant_serial_no: str
    merchant_private_key_pem: str
    api_v3_key: str
    public_key_id: str
    platform_private_key_pem: str
    public_key_pem: str
    template_order_paid: str
    template_order_ready: str
    template_order_refunded: str
    sealing_keys: str
    index_key: str
    metrics_token: str
    seed: int


def demo_secrets(data_dir: Path) -> DemoSecrets:
    """The demo secrets of `data_dir`, made if there are none. Any number of processes may ask at once."""
    path = _path(data_dir)
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        _publish(path, msgspec.json.encode(_generate()))
    return msgspec.json.decode(path.read_bytes(), type=DemoSecrets)


def demo_fingerprints(data_dir: Path) -> frozenset[str]:
    """Fingerprints of the RSA keys in the demo secrets of `data_dir`; empty when it has none."""
    path = _path(data_dir)
    if not path.exists():
        return frozenset()
    known = msgspec.json.decode(path.read_bytes(), type=DemoSecrets)
    merchant = read_private_key(known.merchant_private_key_pem).public_key()
    return frozenset({fingerprint(merchant), fingerprint(read_public_key(known.public_key_pem))})


def read_private_key(pem: str) -> rsa.RSAPrivateKey:
    """Raises ValueError unless `pem` is an unencrypted RSA private key."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError as encrypted:
        raise ValueError("the private key is encrypted") from encrypted
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")  # noqa: TRY004  (one exception for all that is wrong with it)
    return key


def read_public_key(pem: str) -> rsa.RSAPublicKey:
    """Raises ValueError unless `pem` is an RSA public key."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA key")  # noqa: TRY004  (one exception for all that is wrong with it)
    return key


def fingerprint(key: rsa.RSAPublicKey) -> str:
    """The SHA-256 of the key itself, however it is written down."""
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


def public_pem(key: rsa.RSAPublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _path(data_dir: Path) -> Path:
    return data_dir / "demo_secrets.json"


def _generate() -> DemoSecrets:
    platform = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return DemoSecrets(
        wechat_appid=_text(18),
        wechat_app_secret=_text(32),
        mchid=_text(10),
        merchant_serial_no=_text(40),
        merchant_private_key_pem=_private_pem(rsa.generate_private_key(65537, 2048)),
        api_v3_key=_text(32),
        public_key_id=f"PUB_KEY_ID_{_text(20)}",
        platform_private_key_pem=_private_pem(platform),
        public_key_pem=public_pem(platform.public_key()),
        template_order_paid=_text(43),
        template_order_ready=_text(43),
        template_order_refunded=_text(43),
        sealing_keys=f"demo1:{_key()}",
        index_key=_key(),
        metrics_token=_text(32),
        seed=secrets.randbelow(2**31),
    )


def _text(length: int) -> str:
    return MARK + "".join(secrets.choice(_LETTERS) for _ in range(length - len(MARK)))


def _key() -> str:
    return base64.b64encode(MARK.encode() + secrets.token_bytes(32 - len(MARK))).decode()


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _publish(path: Path, content: bytes) -> None:
    """Whole or not at all, and the first of several processes wins: `link` refuses an existing name."""
    handle, draft = tempfile.mkstemp(
        prefix="demo_secrets-", dir=path.parent
    )  # mkstemp makes it 0600
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    try:
        Path(path).hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
