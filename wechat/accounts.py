"""Who we are to WeChat: plain values, handed in by `server.py`. Secrets stay out of `repr`."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WechatAccount:
    """A mini program or official account. `api_url` is `https://api.weixin.qq.com` or the sandbox."""

    appid: str
    app_secret: str = field(repr=False)
    api_url: str


@dataclass(frozen=True, slots=True)
class Merchant:
    """A direct merchant of WeChat Pay in public-key mode.

    `serial_no` is that of our own API certificate, `public_key_id` (`PUB_KEY_ID_…`) names WeChat's
    key. `pay_url` is `https://api.mch.weixin.qq.com` or the sandbox; the notify addresses are
    public https addresses of ours without a query string.
    """

    mchid: str
    appid: str
    serial_no: str
    private_key_pem: str = field(repr=False)
    api_v3_key: str = field(repr=False)
    public_key_id: str
    public_key_pem: str = field(repr=False)
    pay_url: str
    notify_url: str
    refund_notify_url: str


@dataclass(frozen=True, slots=True)
class PushAccount:
    """The message push settings of one app; `encoding_aes_key` None means plain mode."""

    appid: str
    token: str = field(repr=False)
    encoding_aes_key: str | None = field(default=None, repr=False)
