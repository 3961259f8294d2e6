"""Who may do what, where. Pure.

A right is a function of the shop; a grant is a store. Both are needed: the right says what kind of
work (`Forbidden`, 403), the grant says whose (`NotFound`, 404, as if it were not there).
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from commerce.staff.errors import WeakPassword
from kit.errors import Forbidden, InvalidInput, NotFound
from models.enums import StaffRole


class Right(StrEnum):
    VIEW_ORDERS = "view_orders"
    PREPARE = "prepare"
    REDEEM = "redeem"
    DELIVER = "deliver"
    CANCEL_REFUND = "cancel_refund"
    PAUSE_STORE = "pause_store"
    HANDLE_ALERTS = "handle_alerts"
    MANAGE_STAFF = "manage_staff"
    READ_AUDIT = "read_audit"


RIGHTS: Final[dict[StaffRole, frozenset[Right]]] = {
    StaffRole.HEADQUARTERS: frozenset(Right),
    StaffRole.MERCHANDISER: frozenset({Right.VIEW_ORDERS}),
    StaffRole.STORE_MANAGER: frozenset(
        {
            Right.VIEW_ORDERS,
            Right.PREPARE,
            Right.REDEEM,
            Right.DELIVER,
            Right.CANCEL_REFUND,
            Right.PAUSE_STORE,
        }
    ),
    StaffRole.CLERK: frozenset({Right.VIEW_ORDERS, Right.PREPARE, Right.REDEEM}),
    StaffRole.GUIDE: frozenset({Right.VIEW_ORDERS}),
    StaffRole.RIDER: frozenset({Right.VIEW_ORDERS, Right.DELIVER}),
}

# These see every store and are granted none.
CHAIN_ROLES: Final = frozenset({StaffRole.HEADQUARTERS, StaffRole.MERCHANDISER})

# NIST SP 800-63B asks for length, not for odd characters.
_SHORTEST_PASSWORD: Final = 10
_FEWEST_CHARACTERS: Final = 5


@dataclass(frozen=True, slots=True)
class StaffViewer:
    """A logged-in member of staff as the database knew him at the start of this request.

    `store_ids` None is every store.
    """

    staff_id: int
    role: StaffRole
    store_ids: frozenset[int] | None
    display_name: str

    @property
    def caller(self) -> str:
        return f"staff:{self.staff_id}"


def check_right(viewer: StaffViewer, right: Right) -> None:
    """Raises `Forbidden` unless the viewer's role has the right."""
    if right not in RIGHTS[viewer.role]:
        raise Forbidden


def check_store(viewer: StaffViewer, store_id: int) -> None:
    """Raises `NotFound` unless the store is granted to the viewer."""
    if viewer.store_ids is not None and store_id not in viewer.store_ids:
        raise NotFound


def check_grants(role: StaffRole, store_ids: Collection[int]) -> None:
    """Raises `InvalidInput` for a chain role with stores, or a store role without."""
    if (role in CHAIN_ROLES) == bool(store_ids):
        wrong = "this role sees every store" if store_ids else "this role needs a store"
        raise InvalidInput(fields={"store_ids": wrong})


def check_password(password: str, account: str) -> None:
    """Raises `WeakPassword` for one that is short, monotonous or contains the account."""
    if (
        len(password) < _SHORTEST_PASSWORD
        or len(set(password)) < _FEWEST_CHARACTERS
        or account.lower() in password.lower()
    ):
        raise WeakPassword
