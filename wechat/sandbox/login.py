"""Shoppers and wx.login: a code lives five minutes and opens once (facts A1, A2)."""

from typing import Final

from wechat.sandbox.answers import Call
from wechat.sandbox.ground import Ground
from wechat.sandbox.refusals import ApiRefusal, PhoneRefusal
from wechat.sandbox.rows import Code, Shopper
from wechat.sandbox.tokens import check_secret

CODE_SECONDS: Final = 300

_NICKNAMES: Final = ("小满", "阿茶", "青禾", "老周", "林夏", "春生", "豆豆", "一诺", "桂花", "北舟")


class Logins:
    """The people with a phone, and the codes their phones were given."""

    def __init__(self, ground: Ground) -> None:
        self._account = ground.account
        self._store = ground.store
        self._clock = ground.clock
        self._ids = ground.ids

    def code2session(self, request: Call) -> object:
        """`GET /sns/jscode2session`."""
        args = request.args
        check_secret(self._account, args.get("appid"), args.get("secret"))
        if args.get("grant_type") != "authorization_code":
            raise ApiRefusal(40002, "invalid grant_type")
        if not args.get("js_code"):
            raise ApiRefusal(41008, "missing code")
        shopper = self._store.shoppers.rows[self._redeem(args["js_code"][0])]
        # Each login may mint a new key and kill the old one: the client must expect it.
        shopper.session_key = self._ids.session_key()
        self._store.shoppers.put(shopper.openid, shopper)
        answer = {"openid": shopper.openid, "session_key": shopper.session_key}
        return answer | ({"unionid": shopper.unionid} if shopper.unionid else {})

    def give_code(self, openid: str) -> str:
        """What wx.login gives. Raises PhoneRefusal 404."""
        self.demand(openid)
        code = f"0{self._ids.letters(31)}"
        self._store.codes.put(code, Code(openid, self._clock.now() + CODE_SECONDS))
        return code

    def add(self, openid: str | None, nickname: str | None, unionid: str | None) -> Shopper:
        """Create the shopper, or return the one with this `openid` as it is."""
        if openid and (known := self._store.shoppers.find(openid)):
            return known
        shopper = Shopper(
            openid=openid or self._ids.openid(),
            unionid=unionid,
            nickname=nickname or self._ids.random.choice(_NICKNAMES),
            session_key=self._ids.session_key(),
        )
        self._store.shoppers.put(shopper.openid, shopper)
        return shopper

    def draw_unionid(self) -> str:
        return self._ids.openid()

    def everyone(self) -> list[Shopper]:
        return list(self._store.shoppers.rows.values())

    def demand(self, openid: str) -> Shopper:
        """The shopper; raises PhoneRefusal 404."""
        shopper = self._store.shoppers.find(openid)
        if shopper is None:
            raise PhoneRefusal(404, "没有这位顾客 no such shopper")
        return shopper

    def _redeem(self, text: str) -> str:
        code = self._store.codes.find(text)
        if code is None or self._clock.now() >= code.expires_at:
            raise ApiRefusal(40029, "invalid code")
        if code.is_used:
            raise ApiRefusal(40163, "code been used")
        code.is_used = True
        self._store.codes.put(text, code)
        return code.openid
