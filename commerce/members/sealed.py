"""How a member's personal texts are sealed: each under a context that ties it to its owner.

A sealed text copied to another member's row, or into another column, does not open.
"""

from typing import Final

import msgspec

from commerce.members.rules import AddressContent
from kit.sealing import Sealer

_CONTENT: Final = msgspec.json.Decoder(AddressContent)


def address_context(member_id: int) -> str:
    return f"address.content:{member_id}"


def snapshot_context(member_id: int) -> str:
    """Of an address as a quote and then its order keep it."""
    return f"order.address:{member_id}"


def phone_context(member_id: int) -> str:
    return f"member.phone:{member_id}"


def session_key_context(appid: str, openid: str) -> str:
    return f"wechat_identity.session_key:{appid}:{openid}"


def seal_address(content: AddressContent, member_id: int, sealer: Sealer) -> str:
    return sealer.seal(_text(content), address_context(member_id))


def open_address(sealed: str, member_id: int, sealer: Sealer) -> AddressContent:
    """Raises `SealBroken` when the row was altered."""
    return _CONTENT.decode(sealer.open(sealed, address_context(member_id)))


def seal_snapshot(content: AddressContent, member_id: int, sealer: Sealer) -> str:
    return sealer.seal(_text(content), snapshot_context(member_id))


def open_snapshot(sealed: str, member_id: int, sealer: Sealer) -> AddressContent:
    """Raises `SealBroken` when the row was altered."""
    return _CONTENT.decode(sealer.open(sealed, snapshot_context(member_id)))


def address_phone_index(phone: str, sealer: Sealer) -> bytes:
    return sealer.blind_index(phone, "address.phone")


def member_phone_index(phone: str, sealer: Sealer) -> bytes:
    return sealer.blind_index(phone, "member.phone")


def _text(content: AddressContent) -> str:
    return msgspec.json.encode(content).decode()
