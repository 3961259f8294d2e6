"""Phone numbers and addresses at rest: sealed, findable by keyed hash, and masked for display."""

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
_KEY_ID: Final = re.compile(r"[a-z][a-z0-9]{0,15}")
_MAINLAND_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")


class SealBroken(Exception):
    """The text was not sealed here, for this context, with a key we still hold; or was altered."""


class Sealer:
    """AES-256-GCM with keys that can be changed without reading every row first.

    `keys` maps key ids to 32 bytes each, in order: the first seals, all open. `index_key` (32 bytes)
    is separate and cannot be rotated without computing every blind index again.
    Random nonces bear about 2^32 seals per key; rotate long before. Raises ValueError for bad keys.
    """

    def __init__(self, keys: Mapping[str, bytes], index_key: bytes) -> None:
        if not keys:
            raise ValueError("at least one sealing key is needed")
        if not all(_KEY_ID.fullmatch(key_id) for key_id in keys):
            raise ValueError("a key id is a lower-case letter and up to 15 letters or digits")
        if any(len(key) != _KEY_BYTES for key in (*keys.values(), index_key)):
            raise ValueError("sealing and index keys have 32 bytes")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = next(iter(keys))
        self._index_key = index_key

    def seal(self, text: str, context: str) -> str:
        """`text` readable only by `open` with the same `context` (such as "address.phone").

        The answer is "<key id>:<base64url of nonce and ciphertext>" and differs at each call.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, text.encode(), context.encode())
        return f"{self._newest}:{urlsafe_b64encode(nonce + sealed).rstrip(b'=').decode()}"

    def open(self, sealed: str, context: str) -> str:
        """The text that was sealed. Raises SealBroken when it cannot be proved genuine."""
        key_id, _, encoded = sealed.partition(":")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealBroken("sealed with a key we do not hold")
        raw = _decode(encoded)
        try:
            text = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
        except InvalidTag:
            raise SealBroken("altered, or sealed for another context") from None
        return text.decode()

    def is_stale(self, sealed: str) -> bool:
        """Whether `sealed` should be opened and sealed again with the newest key."""
        return not sealed.startswith(f"{self._newest}:")

    def blind_index(self, text: str, context: str) -> bytes:
        """32 bytes, equal for equal text and context: finds a row without opening any.

        Normalise `text` first; whoever holds the index key can try all phone numbers.
        """
        return hmac.digest(self._index_key, f"{context}\0{text}".encode(), "sha256")


def mask_phone(phone: str) -> str:
    """ "138****1234" for a mainland mobile; of other numbers at most the last four digits."""
    if _MAINLAND_MOBILE.fullmatch(phone):
        return f"{phone[:3]}****{phone[-4:]}"
    return f"****{phone[-4:]}" if len(phone) >= 8 else "****"


def mask_name(name: str) -> str:
    """The first character and at most two stars: "张**". A single character is hidden."""
    return name[:1] + "*" * min(len(name) - 1, 2) if len(name) > 1 else "*" * len(name)


def mask_address(address: str) -> str:
    """At most the first six characters (city and district) and never more than half."""
    return f"{address[: min(6, len(address) // 2)]}****" if address else ""


def _decode(encoded: str) -> bytes:
    """Strictly: the decoder of base64 drops foreign characters, which would hide an alteration."""
    try:
        raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        raise SealBroken("not base64url") from None
    if (
        urlsafe_b64encode(raw).rstrip(b"=") != encoded.encode()
        or len(raw) < _NONCE_BYTES + _TAG_BYTES
    ):
        raise SealBroken("not base64url of a sealed text")
    return raw
