"""The people: members with their addresses, and the staff of every role."""

import string
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Final

from scripts.town.places import inside
from scripts.town.stores import CITIES
from scripts.town.town import TownAddress, TownMember, TownRole, TownStaff, TownStore
from scripts.town.words import words

MEMBERS: Final = 200
STAFFED_STORES: Final = 3  # in each city; the others have the city's manager only

PROVINCES: Final = {
    "上海市": "上海市",
    "杭州市": "浙江省",
    "成都市": "四川省",
    "深圳市": "广东省",
}
DECORATIONS: Final = ("", "", "", "🍊", "🌿", "~", "Lily", "·", "🐱", "2号", "本人", "☀️", "吖", "_")
OPENID_LETTERS: Final = string.ascii_letters + string.digits + "-_"


def build_members(
    dice: Random, stores: tuple[TownStore, ...], as_of: datetime
) -> tuple[TownMember, ...]:
    """200 members, each living inside the fence of a store that trades; the first address is home."""
    trading = [store for store in stores if store.is_active and not store.is_paused]
    # 160 with zeroes behind it belongs to no operator, so nobody's telephone rings.
    phones = [f"160000{number:05d}" for number in dice.sample(range(10**5), MEMBERS)]
    members: list[TownMember] = []
    address_number = 1
    for phone in phones:
        homes = _homes(dice, trading)
        members.append(
            TownMember(
                openid="o" + "".join(dice.choices(OPENID_LETTERS, k=27)),
                nickname=dice.choice(words("nicknames")) + dice.choice(DECORATIONS),
                phone=phone,
                joined_at=as_of - timedelta(minutes=dice.randint(32 * 1440, 700 * 1440)),
                addresses=_addresses(dice, address_number, homes, phone),
            )
        )
        address_number += len(homes)
    return tuple(members)


def build_staff(dice: Random, stores: tuple[TownStore, ...]) -> tuple[TownStaff, ...]:
    """Headquarters, two merchandisers, and the people of the first stores of each city."""
    staff = [
        TownStaff("admin", "总部管理员", TownRole.HEADQUARTERS, ()),
        TownStaff("goods-1", "商品运营一组", TownRole.MERCHANDISER, ()),
        TownStaff("goods-2", "商品运营二组", TownRole.MERCHANDISER, ()),
    ]
    for city in CITIES:
        prefix = city.prefix
        codes = [s.code for s in stores if s.code.startswith(prefix) and s.is_active]
        account = f"manager-{prefix.lower()}"
        staff.append(_staff(dice, account, TownRole.STORE_MANAGER, codes, f"{city.name}区域经理"))
        for code, neighbour in pairwise(codes[: STAFFED_STORES + 1]):
            staff += _crew(dice, code, neighbour)
    return tuple(staff)


def _homes(dice: Random, trading: list[TownStore]) -> list[TownStore]:
    home = dice.choice(trading)
    near = [store for store in trading if store.city == home.city and store is not home]
    return [home, dice.choice(near)] if dice.random() < 0.35 else [home]


def _addresses(
    dice: Random, first_number: int, homes: list[TownStore], phone: str
) -> tuple[TownAddress, ...]:
    receiver = _name(dice)
    return tuple(
        TownAddress(
            number=number,
            receiver=receiver,
            phone=phone,
            province=PROVINCES[store.city],
            city=store.city,
            district=store.district,
            detail=_detail(dice),
            point=inside(dice, store.point, store.fence),
            store_code=store.code,
            is_default=number == first_number,
        )
        for number, store in enumerate(homes, first_number)
    )


def _detail(dice: Random) -> str:
    street = f"{dice.choice(words('streets'))}{dice.randint(1, 999)}号"
    if dice.random() < 0.25:
        return f"{street}{dice.choice(words('offices'))}{dice.randint(3, 28)}层{dice.randint(1, 20):02d}室"
    floor, door = dice.randint(1, 24), dice.randint(1, 4)
    return f"{street}{dice.choice(words('estates'))}{dice.randint(1, 32)}幢{floor}{door:02d}室"


def _crew(dice: Random, code: str, neighbour: str) -> list[TownStaff]:
    place = code.lower()
    return [
        _staff(dice, f"manager-{place}", TownRole.STORE_MANAGER, [code], "店长"),
        _staff(dice, f"clerk-{place}", TownRole.CLERK, [code], "早班店员"),
        _staff(dice, f"clerk-{place}-2", TownRole.CLERK, [code], "晚班店员"),
        _staff(dice, f"guide-{place}", TownRole.GUIDE, [code], "导购"),
        _staff(dice, f"rider-{place}", TownRole.RIDER, [code, neighbour], "骑手"),
    ]


def _staff(dice: Random, account: str, role: TownRole, codes: list[str], post: str) -> TownStaff:
    return TownStaff(account, f"{_name(dice)}（{post}）", role, tuple(codes))


def _name(dice: Random) -> str:
    return dice.choice(words("family names")) + dice.choice(words("given names"))
