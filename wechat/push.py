"""Message push: what WeChat posts to us, verified and opened (facts C6)."""

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from xml.parsers.expat import ExpatError

import msgspec
from wechatpy.crypto.base import WeChatCipher
from wechatpy.parser import parse_message
from wechatpy.utils import WeChatSigner

from kit.errors import Refusal
from wechat.accounts import PushAccount

# Our own rule; WeChat binds the verification request to no window. A POST is not judged by
# its age: a repeat keeps the time of the first.
_VERIFY_WINDOW_SECONDS: Final = 600
_LIMIT_BYTES: Final = 256 << 10
_DEPTH_LIMIT: Final = 16
# Parsing costs 3 µs a tag; a user's own text may hold some thousand of these characters.
_TAGS_LIMIT: Final = 5_000
_BLOCK: Final = 32

# The envelope is what WeChat writes, letter for letter: bytes of unproved origin
# never reach an XML parser.
_XML_ENVELOPE: Final = re.compile(
    r"<Encrypt>(?:<!\[CDATA\[)?([A-Za-z0-9+/=]{1,400000})(?:\]\]>)?</Encrypt>"
)
_UNIX_SECONDS: Final = re.compile(r"[0-9]{1,11}")
# wechatpy's parser raises most of these on XML that is well-formed but no message.
_UNREADABLE: Final = (
    msgspec.DecodeError,
    ExpatError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)


class PushRefused(Refusal):
    """Signature, seal, receiver or content is wrong: nothing may change."""

    code = "push_refused"
    status = 401
    zh = "消息推送验签失败。"
    en = "The pushed message could not be verified."


class _Envelope(msgspec.Struct):
    encrypt: str = msgspec.field(name="Encrypt")


def check_url(account: PushAccount, query: Mapping[str, str], now: datetime) -> str:
    """The `echostr` to answer with, raw, when WeChat verifies our address.

    Raises `PushRefused` for a wrong signature or one more than ten minutes away from `now`.
    """
    _check_signature(query.get("signature", ""), account.token, query)
    timestamp = query.get("timestamp", "")
    if not _UNIX_SECONDS.fullmatch(timestamp):
        raise PushRefused(reason="timestamp")
    if abs(now.timestamp() - int(timestamp)) > _VERIFY_WINDOW_SECONDS:
        raise PushRefused(reason="age")
    return query.get("echostr", "")


def open_push(account: PushAccount, query: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The fields of a pushed message, JSON or XML, as WeChat named them.

    With an `encoding_aes_key` only the encrypted form counts, also in compatible mode: the plain
    signature does not cover the body. Values are not normalised (facts C6: numbers may be text,
    a list of one may be a bare object); wechatpy names a scan that follows `subscribe_scan`.
    Raises `PushRefused` with the `reason`. Repeats are the caller's to recognise.
    """
    if len(body) > _LIMIT_BYTES:
        raise PushRefused(reason="too_large")
    try:
        text = body.decode().strip()
        if account.encoding_aes_key is None:
            _check_signature(query.get("signature", ""), account.token, query)
            return _fields(text)
        sealed = _sealed_in(text)
        _check_signature(query.get("msg_signature", ""), account.token, query, sealed)
        return _fields(_unseal(account.encoding_aes_key, account.appid, sealed).strip())
    except _UNREADABLE:
        raise PushRefused(reason="content") from None


def _check_signature(given: str, token: str, query: Mapping[str, str], *sealed: str) -> None:
    signer = WeChatSigner()
    try:
        signer.add_data(token, query.get("timestamp", ""), query.get("nonce", ""), *sealed)
        is_right = hmac.compare_digest(signer.signature.encode(), given.encode())
    except UnicodeEncodeError:
        is_right = False
    if not is_right:
        raise PushRefused(reason="signature")


def _sealed_in(text: str) -> str:
    if text.startswith("{"):
        return msgspec.json.decode(text, type=_Envelope).encrypt
    match = _XML_ENVELOPE.search(text)
    if not match:
        raise PushRefused(reason="envelope")
    return match[1]


def _unseal(encoding_aes_key: str, appid: str, sealed: str) -> str:
    """16 random bytes, length, message, receiver, padding to 32.

    wechatpy's own opener takes any padding and cuts instead of refusing, so only its cipher is used.
    """
    cipher = WeChatCipher(base64.b64decode(encoding_aes_key + "="))
    plain: bytes = cipher.decrypt(base64.b64decode(sealed, validate=True))
    pad = plain[-1]
    if not 1 <= pad <= _BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise PushRefused(reason="padding")
    content = plain[16:-pad]
    end = 4 + int.from_bytes(content[:4], "big")
    if content[end:] != appid.encode():
        raise PushRefused(reason="receiver")
    return content[4:end].decode()


def _fields(text: str) -> dict[str, Any]:
    """The message itself. A document type can only stand before the root, so the root must be
    first: that leaves no place to declare an entity."""
    if text.startswith("{"):
        fields = msgspec.json.decode(text, type=dict[str, Any])
    elif text.startswith("<xml>") and text.count("<") <= _TAGS_LIMIT:
        fields = dict(parse_message(text)._data)
    else:
        raise PushRefused(reason="format")
    _check_depth(fields)
    return fields


def _check_depth(fields: dict[str, Any]) -> None:
    level: list[Any] = [fields]
    for _ in range(_DEPTH_LIMIT):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise PushRefused(reason="depth")
