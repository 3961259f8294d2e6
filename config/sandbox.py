"""What the WeChat sandbox must know of the shop it plays WeChat for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config import demo_secrets
from config.settings import Settings, TemplateName

# Titles and keywords as a merchant would pick them in the mini program's console, in display order.
_TEMPLATES: Mapping[TemplateName, tuple[str, list[str]]] = {
    "order_paid": ("订单支付成功通知", ["character_string1", "amount2", "thing3", "time4"]),
    "order_ready": ("取货提醒", ["character_string1", "character_string2", "thing3", "thing4"]),
    "order_refunded": ("退款成功通知", ["character_string1", "amount2", "thing3", "time4"]),
}


def sandbox_config(settings: Settings, *, state_dir: Path | None = None) -> dict[str, Any]:
    """The content of the file for `python -m wechat.sandbox --config FILE`; development only.

    `state_dir` None: the sandbox forgets everything when it stops."""
    demo = demo_secrets.demo_secrets(settings.data_dir)
    merchant = demo_secrets.read_private_key(settings.merchant_private_key_pem)
    return {
        "appid": settings.wechat_appid,
        "app_secret": settings.wechat_app_secret,
        "mchid": settings.mchid,
        "merchant_serial_no": settings.merchant_serial_no,
        "merchant_public_key_pem": demo_secrets.public_pem(merchant.public_key()),
        "api_v3_key": settings.api_v3_key,
        "public_key_id": settings.public_key_id,
        "platform_private_key_pem": demo.platform_private_key_pem,
        "seed": demo.seed,
        "templates": [
            {"id": settings.template(name), "title": title, "keywords": keywords}
            for name, (title, keywords) in _TEMPLATES.items()
        ],
        "state_dir": str(state_dir) if state_dir else None,
    }
