"""What a shopper is to us: an address, and how many of them. Pure."""

from dataclasses import dataclass
from typing import Final

from commerce.members.errors import TooManyAddresses

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


def check_room(kept: int) -> None:
    """Raises `TooManyAddresses` when one more than `kept` would be too many."""
    if kept >= MOST_ADDRESSES:
        raise TooManyAddresses(limit=MOST_ADDRESSES)
