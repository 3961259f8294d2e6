"""What WeChat Pay encrypts with the APIv3 key: AEAD_AES_256_GCM."""

import base64
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ALGORITHM: Final = "AEAD_AES_256_GCM"


class BadSeal(Exception):
    """The text was not sealed with our key, or was changed."""


class SealOpener:
    """Opens sealed resources with one APIv3 key."""

    def __init__(self, api_v3_key: str) -> None:
        """Raises ValueError for a key of impossible length (real ones have 32 ASCII bytes)."""
        self._cipher = AESGCM(api_v3_key.encode())

    def open(self, *, nonce: str, associated_data: str, ciphertext: str) -> bytes:
        """The plain text of base64 `ciphertext` (data and tag, facts D3); raises `BadSeal`."""
        try:
            sealed = base64.b64decode(ciphertext, validate=True)
            return self._cipher.decrypt(nonce.encode(), sealed, associated_data.encode())
        except (ValueError, InvalidTag):
            raise BadSeal from None
