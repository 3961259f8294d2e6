"""What an installation may vary. The only reader of the environment; everything else takes `Settings`."""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from config import demo_secrets
from config.demo_secrets import MARK

CHECKOUT = Path(__file__).resolve().parent.parent

TemplateName = Literal["order_paid", "order_ready", "order_refunded"]

_LOOPBACK = ("127.", "localhost", "::1", "0.0.0.0")  # noqa: S104  (recognised, not listened on)


class SettingsRefused(Exception):
    """The environment cannot be run with. `faults` name each variable and what is wrong with it."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(["These settings are missing or wrong:", *faults]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`database_url` and `redis_url` None: the embedded servers of `data_dir`. Secrets never show in a repr."""

    env: Literal["development", "production"]
    database_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    data_dir: Path
    host: str
    port: int
    sandbox_port: int
    workers: int
    public_url: str
    wechat_appid: str
    wechat_app_secret: str = field(repr=False)
    wechat_api_url: str
    wechat_pay_url: str
    mchid: str
    merchant_serial_no: str
    merchant_private_key_pem: str = field(repr=False)
    api_v3_key: str = field(repr=False)
    public_key_id: str
    public_key_pem: str = field(repr=False)
    template_order_paid: str
    template_order_ready: str
    template_order_refunded: str
    sealing_keys: Mapping[str, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)
    metrics_token: str = field(repr=False)
    payment_window_seconds: int
    quote_seconds: int
    proxies_count: int
    log_format: Literal["console", "json"]

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of `environ` (the process' by default). In development demo secrets fill what is missing
        and are made on first use; in production they are refused. Raises `SettingsRefused` naming every fault."""
        reader = _Reader(os.environ if environ is None else environ)
        values = {**_read_place(reader), **_read_wechat(reader), **_read_shop(reader)}
        if reader.is_production:
            reader.faults += _production_faults(values)
        if reader.faults:
            raise SettingsRefused(reader.faults)
        return cls(**values)

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def uses_sandbox(self) -> bool:
        """Whether WeChat is played by the sandbox on `sandbox_port`."""
        return not self.is_production and self.wechat_api_url == local_url(self.sandbox_port)

    def template(self, name: TemplateName) -> str:
        """The id of a subscribe-message template at WeChat."""
        ids = {
            "order_paid": self.template_order_paid,
            "order_ready": self.template_order_ready,
            "order_refunded": self.template_order_refunded,
        }
        return ids[name]

    def listening(
        self,
        *,
        host: str | None = None,
        port: int | None = None,
        sandbox_port: int | None = None,
        workers: int | None = None,
    ) -> Self:
        """These settings at other addresses. URLs that were derived from the old ones follow."""
        moved = replace(
            self,
            host=host or self.host,
            port=port or self.port,
            sandbox_port=sandbox_port or self.sandbox_port,
            workers=workers or self.workers,
        )
        followers = {
            local_url(self.port, self.host): local_url(moved.port, moved.host),
            local_url(self.sandbox_port): local_url(moved.sandbox_port),
        }
        return replace(
            moved,
            public_url=followers.get(self.public_url, self.public_url),
            wechat_api_url=followers.get(self.wechat_api_url, self.wechat_api_url),
            wechat_pay_url=followers.get(self.wechat_pay_url, self.wechat_pay_url),
        )

    def child_environment(self) -> dict[str, str]:
        """The environment for a process that is to read the same settings: ours, with what was resolved since.

        Secrets are not among it: a child finds them where we found them."""
        return os.environ | {
            "JISHI_ENV": self.env,
            "DATABASE_URL": self.database_url or "",
            "REDIS_URL": self.redis_url or "",
            "JISHI_DATA_DIR": str(self.data_dir),
            "JISHI_HOST": self.host,
            "JISHI_PORT": str(self.port),
            "JISHI_SANDBOX_PORT": str(self.sandbox_port),
            "JISHI_WORKERS": str(self.workers),
            "JISHI_PUBLIC_URL": self.public_url,
            "WECHAT_API_URL": self.wechat_api_url,
            "WECHAT_PAY_URL": self.wechat_pay_url,
            "JISHI_LOG_FORMAT": self.log_format,
        }


def local_url(port: int, host: str = "127.0.0.1") -> str:
    """How this machine reaches a server that listens on `host`."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  (recognised, not listened on)
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Reader:
    """Takes variables one by one and gathers what is wrong, so that all of it is told at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []
        self.env = self.choice("JISHI_ENV", "development", "production")
        self.is_production = self.env == "production"
        # Absolute without following links: .data may be one, and children start elsewhere.
        self.data_dir = Path(self.text("JISHI_DATA_DIR", str(CHECKOUT / ".data"))).absolute()
        self._demo = None if self.is_production else demo_secrets.demo_secrets(self.data_dir)

    def refuse(self, name: str, reason: str) -> None:
        self.faults.append(f"{name}: {reason}")

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(name, "").strip() or default

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        self.refuse(name, f"must be a whole number from {low} to {high}, not {text!r}")
        return default

    def choice(self, name: str, *choices: str) -> str:
        """One of `choices`, the first being the default."""
        text = self.text(name, choices[0])
        if text not in choices:
            self.refuse(name, f"must be one of {', '.join(choices)}, not {text!r}")
        return text

    def secret(self, name: str, demo_name: str) -> str:
        """The variable, in development else the demo secret; "" and a fault when there is neither."""
        text = self.text(name)
        if not text and self._demo is not None:
            return str(getattr(self._demo, demo_name))
        if not text:
            self.refuse(name, "is missing")
        return text

    def pem(self, name: str, demo_name: str) -> str:
        """A secret given as PEM text (with `\\n` for line ends if need be) or as the path of a file."""
        text = self.secret(name, demo_name)
        if not text or "-----BEGIN" in text:
            return text.replace("\\n", "\n")
        try:
            return Path(text).read_text()
        except (OSError, ValueError) as error:
            self.refuse(name, f"is neither PEM text nor a readable file ({error})")
            return ""

    def key(self, name: str, text: str) -> bytes:
        """32 bytes in base64. `text` is never shown: it is a secret."""
        try:
            key = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32 and text:
            self.refuse(name, "must be 32 bytes in base64")
        return key

    def url(self, name: str, default: str) -> str:
        text = self.text(name, default).rstrip("/")
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            self.refuse(name, f"must be an http or https address, not {text!r}")
        return text


def _read_place(reader: _Reader) -> dict[str, Any]:
    host = reader.text("JISHI_HOST", "127.0.0.1")
    port = reader.number("JISHI_PORT", 8000, low=1, high=65535)
    sandbox_port = reader.number("JISHI_SANDBOX_PORT", 8001, low=1, high=65535)
    sandbox = local_url(sandbox_port)
    live = reader.is_production
    return {
        "env": reader.env,
        "database_url": reader.text("DATABASE_URL") or None,
        "redis_url": reader.text("REDIS_URL") or None,
        "data_dir": reader.data_dir,
        "host": host,
        "port": port,
        "sandbox_port": sandbox_port,
        "workers": reader.number("JISHI_WORKERS", min(os.cpu_count() or 1, 4), low=1, high=256),
        "public_url": reader.url("JISHI_PUBLIC_URL", local_url(port, host)),
        "wechat_api_url": reader.url(
            "WECHAT_API_URL", "https://api.weixin.qq.com" if live else sandbox
        ),
        "wechat_pay_url": reader.url(
            "WECHAT_PAY_URL", "https://api.mch.weixin.qq.com" if live else sandbox
        ),
        "log_format": reader.choice(
            "JISHI_LOG_FORMAT", *(("json", "console") if live else ("console", "json"))
        ),
    }


def _read_wechat(reader: _Reader) -> dict[str, Any]:
    values = {name: reader.secret(variable, name) for name, variable in _TEXTS.items()}
    values |= {name: reader.pem(variable, name) for name, variable in _PEMS.items()}
    if values["api_v3_key"] and len(values["api_v3_key"].encode()) != 32:
        reader.refuse(_TEXTS["api_v3_key"], "must have 32 characters")
    _check_rsa(reader, values, "merchant_private_key_pem")
    _check_rsa(reader, values, "public_key_pem")
    return values


def _check_rsa(reader: _Reader, values: Mapping[str, str], name: str) -> None:
    if not values[name]:
        return  # already refused as missing
    try:
        size = _public_key(name, values[name]).key_size
    except ValueError as error:
        reader.refuse(_PEMS[name], f"cannot be read: {error}")
    else:
        if size < 2048:
            reader.refuse(_PEMS[name], f"has {size} bits, at least 2048 are needed")


def _read_shop(reader: _Reader) -> dict[str, Any]:
    sealing = reader.secret("JISHI_SEALING_KEYS", "sealing_keys")
    pairs = [part.strip().partition(":") for part in sealing.split(",") if part.strip()]
    keys = {name: reader.key("JISHI_SEALING_KEYS", text) for name, _, text in pairs}
    # The names are written before every sealed text: see kit.sealing.
    named = all(re.fullmatch(r"[a-z][a-z0-9]{0,15}", name) and text for name, _, text in pairs)
    if len(keys) < len(pairs) or not named or (sealing and not pairs):
        reader.refuse("JISHI_SEALING_KEYS", 'must read "k2:base64,k1:base64", each name once')
    index_key = reader.secret("JISHI_INDEX_KEY", "index_key")
    year = 366 * 86400
    return {
        "sealing_keys": MappingProxyType(keys),
        "index_key": reader.key("JISHI_INDEX_KEY", index_key),
        "metrics_token": reader.secret("JISHI_METRICS_TOKEN", "metrics_token"),
        "payment_window_seconds": reader.number(
            "JISHI_PAYMENT_WINDOW_SECONDS", 900, low=1, high=year
        ),
        "quote_seconds": reader.number("JISHI_QUOTE_SECONDS", 600, low=1, high=year),
        "proxies_count": reader.number("JISHI_PROXIES_COUNT", 0, low=0, high=10),
    }


def _production_faults(values: Mapping[str, Any]) -> list[str]:
    """What is well-formed, and fine for trying out, but must not meet real shoppers."""
    faults = [f"{variable}: is a demo secret" for variable in _demo_variables(values)]
    for name, variable in _URLS.items():
        parts = urlsplit(values[name])
        if parts.scheme != "https":
            faults.append(f"{variable}: must be https in production, not {values[name]!r}")
        elif str(parts.hostname).startswith(_LOOPBACK):
            faults.append(f"{variable}: {values[name]!r} is this machine (the sandbox?)")
    for name, length in _SHORTEST.items():
        if 0 < len(values[name]) < length:
            faults.append(f"{_TEXTS_AND_KEYS[name]}: is too short, {length} characters at least")
    return faults


def _demo_variables(values: Mapping[str, Any]) -> list[str]:
    known = demo_secrets.demo_fingerprints(values["data_dir"])
    found = [
        variable
        for name, variable in _TEXTS_AND_KEYS.items()
        if values[name].startswith(MARK.encode() if name == "index_key" else MARK)
        or f"_ID_{MARK}" in str(values[name])
    ]
    if any(key.startswith(MARK.encode()) for key in values["sealing_keys"].values()):
        found.append("JISHI_SEALING_KEYS")
    for name, variable in _PEMS.items():
        with suppress(ValueError):  # missing or broken: refused as that already
            if demo_secrets.fingerprint(_public_key(name, values[name])) in known:
                found.append(variable)
    return found


def _public_key(name: str, pem: str) -> RSAPublicKey:
    if name == "public_key_pem":
        return demo_secrets.read_public_key(pem)
    return demo_secrets.read_private_key(pem).public_key()


_TEXTS = {
    "wechat_appid": "WECHAT_APPID",
    "wechat_app_secret": "WECHAT_APP_SECRET",
    "mchid": "WECHAT_PAY_MCHID",
    "merchant_serial_no": "WECHAT_PAY_SERIAL_NO",
    "api_v3_key": "WECHAT_PAY_API_V3_KEY",
    "public_key_id": "WECHAT_PAY_PUBLIC_KEY_ID",
    "template_order_paid": "WECHAT_TEMPLATE_ORDER_PAID",
    "template_order_ready": "WECHAT_TEMPLATE_ORDER_READY",
    "template_order_refunded": "WECHAT_TEMPLATE_ORDER_REFUNDED",
}
_PEMS = {
    "merchant_private_key_pem": "WECHAT_PAY_PRIVATE_KEY",
    "public_key_pem": "WECHAT_PAY_PUBLIC_KEY",
}
_URLS = {
    "public_url": "JISHI_PUBLIC_URL",
    "wechat_api_url": "WECHAT_API_URL",
    "wechat_pay_url": "WECHAT_PAY_URL",
}
_TEXTS_AND_KEYS = _TEXTS | {"metrics_token": "JISHI_METRICS_TOKEN", "index_key": "JISHI_INDEX_KEY"}
_SHORTEST = {"wechat_app_secret": 32, "metrics_token": 16}
