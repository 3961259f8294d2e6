"""The shopper's own page: his name and where his goods go."""

from datetime import datetime
from typing import Annotated, Final

import msgspec

from commerce.members import actions, queries
from commerce.members.errors import PhoneInNickname, TooManyAddresses
from commerce.members.queries import AddressView
from commerce.members.rules import AddressContent
from commerce.members.sessions import Shopper
from kit.errors import NotFound, TemporarilyUnavailable, Unauthenticated
from kit.web import Api, Call, Id, Struct
from kit.web.endpoints import Key
from miniprogram_api.session import authenticate

members: Api[Shopper] = Api("members", "/v1", authenticate=authenticate)

# Control characters, line separators and what turns the direction of writing: on a shipping label
# or a staff screen they make one text look like another. `$` alone would let a last \n through.
_ODD: Final = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
_TEXT: Final = rf"^[^{_ODD}]*(?!\n)$"
_FILLED_TEXT: Final = rf"^[^{_ODD}\s][^{_ODD}]*(?!\n)$"

_Region = Annotated[str, msgspec.Meta(pattern=_FILLED_TEXT, max_length=32)]


class Me(Struct, frozen=True):
    id: Id
    nickname: str
    created_at: datetime


class NewName(Struct, frozen=True):
    nickname: Annotated[str, msgspec.Meta(pattern=_TEXT, max_length=32)]


class AddressPath(Struct, frozen=True):
    id: Id


class AddressBody(Struct, frozen=True):
    """`region` is 省, 市, 区 as the region picker gives them; the position is GCJ-02 degrees."""

    receiver: Annotated[str, msgspec.Meta(pattern=_FILLED_TEXT, max_length=32)]
    phone: Annotated[str, msgspec.Meta(pattern="^1[3-9][0-9]{9}$", max_length=11)]
    region: Annotated[list[_Region], msgspec.Meta(min_length=3, max_length=3)]
    detail: Annotated[str, msgspec.Meta(pattern=_FILLED_TEXT, max_length=120)]
    lat: Annotated[float, msgspec.Meta(ge=3, le=54)]
    lng: Annotated[float, msgspec.Meta(ge=73, le=136)]
    is_default: bool = False

    def content(self) -> AddressContent:
        province, city, district = self.region
        return AddressContent(
            receiver=self.receiver,
            phone=self.phone,
            region=(province, city, district),
            detail=self.detail,
            lat=self.lat,
            lng=self.lng,
        )


class AddressAnswer(Struct, frozen=True):
    id: Id
    receiver: str
    phone: str
    region: list[str]
    detail: str
    lat: float
    lng: float
    is_default: bool


class Addresses(Struct, frozen=True):
    items: list[AddressAnswer]


class AddressMade(Struct, frozen=True):
    """Only the id: the answer is kept with its Idempotency-Key, and addresses rest sealed."""

    id: Id


_COMMON: Final = (Unauthenticated, TemporarilyUnavailable)


@members.get("/me", refuses=(*_COMMON, NotFound))
async def show_me(call: Call[Shopper]) -> Me:
    """Who I am here."""
    me = await queries.get_member(call.viewer.member_id)
    return Me(id=str(me.id), nickname=me.nickname, created_at=me.created_at)


@members.put("/me", status=204, refuses=(*_COMMON, NotFound, PhoneInNickname))
async def rename_me(call: Call[Shopper], body: NewName) -> None:
    """Change my nickname; spaces around it are dropped."""
    await actions.rename(call.viewer.member_id, body.nickname)


@members.get("/addresses", refuses=_COMMON)
async def list_addresses(call: Call[Shopper]) -> Addresses:
    """My addresses, at most 20: the default first, then the newest."""
    found = await queries.list_addresses(call.viewer.member_id, call.ctx.sealer)
    return Addresses(items=[_answer(address) for address in found])


@members.get("/addresses/{id}", refuses=(*_COMMON, NotFound))
async def show_address(call: Call[Shopper], path: AddressPath) -> AddressAnswer:
    """One of my addresses."""
    return _answer(await queries.get_address(int(path.id), call.viewer.member_id, call.ctx.sealer))


@members.post("/addresses", status=201, key=Key.ONCE, refuses=(*_COMMON, TooManyAddresses))
async def add_address(call: Call[Shopper], body: AddressBody) -> AddressMade:
    """Keep an address. A new default replaces the old one."""
    made = await actions.add_address(
        call.viewer.member_id,
        body.content(),
        call.ctx.sealer,
        is_default=body.is_default,
        now=call.now,
    )
    return AddressMade(id=str(made))


@members.put("/addresses/{id}", status=204, refuses=(*_COMMON, NotFound))
async def change_address(call: Call[Shopper], path: AddressPath, body: AddressBody) -> None:
    """Replace the whole address. Orders already placed keep the one they had."""
    await actions.change_address(
        int(path.id),
        call.viewer.member_id,
        body.content(),
        call.ctx.sealer,
        is_default=body.is_default,
    )


@members.delete("/addresses/{id}", status=204, refuses=(*_COMMON, NotFound))
async def remove_address(call: Call[Shopper], path: AddressPath) -> None:
    """Forget an address. Orders already placed keep their copy."""
    await actions.remove_address(int(path.id), call.viewer.member_id)


def _answer(address: AddressView) -> AddressAnswer:
    content = address.content
    return AddressAnswer(
        id=str(address.id),
        receiver=content.receiver,
        phone=content.phone,
        region=list(content.region),
        detail=content.detail,
        lat=content.lat,
        lng=content.lng,
        is_default=address.is_default,
    )
