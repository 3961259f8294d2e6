"""Whom the simulator plays WeChat for: one mini program and one merchant."""

from pathlib import Path
from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subscribe-message template the mini program owns; `keywords` are names like `thing1`."""

    id: Text
    title: Text
    keywords: Annotated[list[Text], msgspec.Meta(min_length=1)]


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both sides' secrets as WeChat holds them; `state_dir` None keeps everything in memory."""

    appid: Text
    app_secret: Text
    mchid: Text
    merchant_serial_no: Text
    merchant_public_key_pem: str
    api_v3_key: Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]{32}\Z")]
    public_key_id: Annotated[str, msgspec.Meta(pattern=r"\APUB_KEY_ID_[0-9A-Za-z]+\Z")]
    platform_private_key_pem: str
    seed: int
    templates: list[Template]
    state_dir: str | None = None


def read_account(path: Path) -> Account:
    """The account written as JSON in `path`; raises msgspec.ValidationError naming the field."""
    return msgspec.json.decode(path.read_bytes(), type=Account)
