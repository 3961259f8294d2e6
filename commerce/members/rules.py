"""What a shopper is to us: an address, and how many of them. Pure."""

from dataclasses import dataclass
from typing import Final

from commerce.members.errors import PhoneInNickname, TooManyAddresses
from kit.phones import holds_phone

MOST_ADDRESSES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressContent:
    """Where goods are brought, and to whom. `region` is 省, 市, 区; the position is GCJ-02 degrees."""

    receiver: str
    phone: str
    region: tuple[str, str, str]
    detail: str
    lat: float
    lng: float


def check_nickname(nickname: str) -> None:
    """Raises `PhoneInNickname`: nicknames are shown to others and are not sealed (V1)."""
    if holds_phone(nickname):
        raise PhoneInNickname


def check_room(kept: int) -> None:
    """Raises `TooManyAddresses` when one more than `kept` would be too many."""
    if kept >= MOST_ADDRESSES:
        raise TooManyAddresses(limit=MOST_ADDRESSES)
