"""Who can log in to the demo town: kept beside the data, because the database knows only hashes."""

import secrets
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from scripts.town.town import Town, TownOutcome, TownRole, TownStaff

Kept = TypeVar("Kept", bound=msgspec.Struct)

SHOPPERS: Final = 12
UNDER_WAY: Final = frozenset(
    {TownOutcome.PAID, TownOutcome.PREPARING, TownOutcome.READY, TownOutcome.DELIVERING}
)

_ACCOUNTS: Final = "demo_accounts.json"
_SHOPPERS: Final = "demo_shoppers.json"
# Without letters and digits that look alike.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


class DemoAccount(msgspec.Struct, frozen=True):
    """One who works in the demo town; `works_in` names his stores in Chinese."""

    account: str
    password: str
    display_name: str
    role: TownRole
    works_in: str


class DemoShopper(msgspec.Struct, frozen=True):
    """A member of the demo town as WeChat knows him."""

    openid: str
    nickname: str


def demo_accounts(data_dir: Path) -> list[DemoAccount]:
    """One of each role, where there is work to do; empty when no town was loaded from here."""
    return _read(data_dir / _ACCOUNTS, DemoAccount)


def demo_shoppers(data_dir: Path) -> list[DemoShopper]:
    """The busiest members; empty when no town was loaded from here."""
    return _read(data_dir / _SHOPPERS, DemoShopper)


def demo_password(data_dir: Path) -> str:
    """The password of everybody in the demo town: the one that is kept here, else a new one."""
    known = demo_accounts(data_dir)
    if known:
        return known[0].password
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def keep_people(data_dir: Path, town: Town, password: str) -> None:
    """Write what `demo_accounts` and `demo_shoppers` read, readable only to us."""
    accounts = [_account(town, staff, password) for staff in _chosen_staff(town)]
    _keep(data_dir / _ACCOUNTS, accounts)
    _keep(data_dir / _SHOPPERS, _chosen_shoppers(town))


def _read(path: Path, kind: type[Kept]) -> list[Kept]:
    try:
        written = path.read_bytes()
    except FileNotFoundError:
        return []
    return msgspec.json.decode(written, type=list[kind])  # type: ignore[valid-type]


def _keep(path: Path, people: Sequence[msgspec.Struct]) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.encode(people))
    draft.replace(path)


def _chosen_staff(town: Town) -> list[TownStaff]:
    """One of each role; of those who work in stores, who has most orders under way."""
    work = Counter(order.store_code for order in town.orders if order.outcome in UNDER_WAY)

    def orders_of(staff: TownStaff) -> int:
        return sum(work[code] for code in staff.store_codes)

    return [max((s for s in town.staff if s.role is role), key=orders_of) for role in TownRole]


def _chosen_shoppers(town: Town) -> list[DemoShopper]:
    """First who waits for an order, then who has had most."""
    waiting = Counter(order.openid for order in town.orders if order.outcome in UNDER_WAY)
    orders = Counter(order.openid for order in town.orders)
    busiest = sorted(town.members, key=lambda m: (-waiting[m.openid], -orders[m.openid]))
    return [DemoShopper(member.openid, member.nickname) for member in busiest[:SHOPPERS]]


def _account(town: Town, staff: TownStaff, password: str) -> DemoAccount:
    stores = {store.code: store for store in town.stores}
    works_in = "、".join(stores[code].name for code in staff.store_codes) or "所有门店"
    if len(staff.store_codes) > 2:
        works_in = f"{stores[staff.store_codes[0]].city}{len(staff.store_codes)}家门店"
    return DemoAccount(staff.account, password, staff.display_name, staff.role, works_in)
