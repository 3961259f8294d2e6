"""WeChat Pay API v3 for a direct merchant: the port `PaymentGateway` (facts D)."""

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
import stamina
import structlog

from commerce.ports import (
    AlreadyPaid,
    Notice,
    OutsideRefused,
    OutsideUnknown,
    PrepayRequest,
    RefundFact,
    RefundRequest,
    TradeFact,
    TradeState,
)
from kit.clock import now as clock_now
from kit.clock import shanghai
from kit.errors import Refusal
from wechat.accounts import Merchant
from wechat.answers import Unreadable, read_refund, read_trade
from wechat.http import Answer, Call, exchange
from wechat.notices import NoticeReader
from wechat.sealing import SealOpener
from wechat.signing import BadSignature, MerchantSigner, WechatVerifier

# One promise to the caller, repeats included (facts 0: ten seconds for pay writes).
_TOTAL_SECONDS: Final = 10.0
_DESCRIPTION_LIMIT: Final = 127
_REASON_LIMIT: Final = 80

# Codes without underscores; reactions from facts D11.
_HICCUPS: Final = frozenset({"SYSTEMERROR", "BANKERROR"})
_THROTTLED: Final = frozenset({"FREQUENCYLIMITED", "FREQUENCYLIMITEXCEED", "RATELIMITEXCEED"})
_REFUSED_DESPITE_5XX: Final = frozenset({"OPENIDMISMATCH", "INVALIDTRANSACTIONID"})
_ABSENT: Final = frozenset({"ORDERNOTEXIST", "RESOURCENOTEXISTS"})
# Each of these may mean "paid already", "closed already" or something else.
_DOUBTFUL: Final = frozenset(
    {"ORDERPAID", "ORDERCLOSED", "TRADEERROR", "INVALIDREQUEST", "OUTTRADENOUSED"}
)
# "Already paid" at the end of `Request-ID`.
_PAID_INNER: Final = frozenset({"268449538", "268498689"})

_TRIES: Final = stamina.AsyncRetryingCaller(
    attempts=3, wait_initial=0.3, wait_max=1.5, wait_jitter=0.5
)
_ORDERS: Final = "/v3/pay/transactions"
_REFUNDS: Final = "/v3/refund/domestic/refunds"

_Fact = TypeVar("_Fact", TradeFact, RefundFact)

_log = structlog.stdlib.get_logger(__name__)


class WechatPay:
    """`PaymentGateway` over HTTP.

    Only an answer with WeChat's signature counts; an error answer is a hint, never a fact about
    money. Nothing is repeated under another number, and after a timeout nothing is repeated at all.
    """

    def __init__(self, merchant: Merchant, session: aiohttp.ClientSession) -> None:
        """Raises ValueError for keys that cannot be read."""
        self._merchant = merchant
        self._session = session
        self._signer = MerchantSigner(
            mchid=merchant.mchid,
            serial_no=merchant.serial_no,
            private_key_pem=merchant.private_key_pem,
        )
        self._verifier = WechatVerifier(
            public_key_id=merchant.public_key_id, public_key_pem=merchant.public_key_pem
        )
        self._notices = NoticeReader(
            mchid=merchant.mchid,
            verifier=self._verifier,
            opener=SealOpener(merchant.api_v3_key),
        )
        # A base address with a path (the sandbox behind a proxy) is part of what is signed.
        self._prefix = urlsplit(merchant.pay_url).path.rstrip("/")
        self._origin = merchant.pay_url.rstrip("/").removesuffix(self._prefix)

    async def prepay(self, request: PrepayRequest) -> str:
        """The `prepay_id` of a JSAPI order (facts D4); an identical request is safe to repeat.

        Raises `AlreadyPaid` when a verified query says so, `OutsideRefused` (`reason` is WeChat's
        code without underscores), `OutsideUnknown`.
        """
        try:
            raw = await self._send("POST", f"{_ORDERS}/jsapi", self._order(request))
        except _Denied as denied:
            await self._check_unpaid(denied, request.out_trade_no)
            raise OutsideRefused(reason=denied.code) from None
        return _prepay_id_in(raw)

    def payment_sheet(self, prepay_id: str, now: datetime) -> Mapping[str, str]:
        """The signed parameters of `wx.requestPayment`: appId, timeStamp, nonceStr, package,
        signType, paySign. They prove nothing about payment; the notice or a query does."""
        return self._signer.payment_sheet(
            self._merchant.appid,
            prepay_id,
            timestamp=_unix_seconds(now),
            nonce=secrets.token_hex(16),
        )

    async def query(self, out_trade_no: str) -> TradeFact | None:
        """The trade now (facts D5), None when WeChat never heard of it.

        Raises `OutsideRefused`, `OutsideUnknown`. mchid, appid and amount are for the caller to
        judge.
        """
        target = f"{self._order_path(out_trade_no)}?mchid={quote(self._merchant.mchid, safe='')}"
        try:
            fact = _readable(read_trade, await self._send("GET", target))
        except _Denied as denied:
            if denied.code in _ABSENT:
                return None
            raise OutsideRefused(reason=denied.code) from None
        if fact.out_trade_no != out_trade_no:
            raise OutsideUnknown(reason="other_trade")
        return fact

    async def close(self, out_trade_no: str) -> None:
        """Nobody can pay it from now on (facts D5). Idempotent, also for a number without a trade.

        Raises `AlreadyPaid` when a verified query says so, `OutsideRefused`, `OutsideUnknown`.
        """
        body = msgspec.json.encode({"mchid": self._merchant.mchid})
        try:
            await self._send("POST", f"{self._order_path(out_trade_no)}/close", body)
        except _Denied as denied:
            if denied.code in _ABSENT:
                return
            if await self._check_unpaid(denied, out_trade_no) is not TradeState.CLOSED:
                raise OutsideRefused(reason=denied.code) from None

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Ask for a refund (facts D7); the same number is one refund however often it is asked for.

        The fact is normally PROCESSING: accepted, not done. Raises `OutsideRefused` (`NOTENOUGH`:
        top up and repeat), `OutsideUnknown` (repeat with the same number, or query).
        """
        try:
            raw = await self._send("POST", _REFUNDS, self._refund_body(request))
        except _Denied as denied:
            raise OutsideRefused(reason=denied.code) from None
        fact = _readable(read_refund, raw)
        if (fact.out_refund_no, fact.out_trade_no) != (request.out_refund_no, request.out_trade_no):
            raise OutsideUnknown(reason="other_refund")
        return fact

    async def query_refund(self, out_refund_no: str) -> RefundFact | None:
        """The refund now, None when WeChat never heard of it.

        Raises `OutsideRefused`, `OutsideUnknown`.
        """
        try:
            raw = await self._send("GET", f"{_REFUNDS}/{_segment(out_refund_no)}")
        except _Denied as denied:
            if denied.code in _ABSENT:
                return None
            raise OutsideRefused(reason=denied.code) from None
        fact = _readable(read_refund, raw)
        if fact.out_refund_no != out_refund_no:
            raise OutsideUnknown(reason="other_refund")
        return fact

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """See `NoticeReader.read`; raises `NoticeRefused`."""
        return self._notices.read(headers, body, now)

    def _order(self, request: PrepayRequest) -> bytes:
        """Always the same bytes for the same request: WeChat compares a repeat with the first."""
        return msgspec.json.encode(
            {
                "appid": self._merchant.appid,
                "mchid": self._merchant.mchid,
                "description": request.description[:_DESCRIPTION_LIMIT],
                "out_trade_no": request.out_trade_no,
                "time_expire": shanghai(request.expires_at).isoformat(timespec="seconds"),
                "notify_url": self._merchant.notify_url,
                "amount": {"total": request.amount_fen, "currency": "CNY"},
                "payer": {"openid": request.openid},
            }
        )

    def _refund_body(self, request: RefundRequest) -> bytes:
        body: dict[str, Any] = {
            "out_trade_no": request.out_trade_no,
            "out_refund_no": request.out_refund_no,
            "notify_url": self._merchant.refund_notify_url,
            "amount": {
                "refund": request.refund_fen,
                "total": request.total_fen,
                "currency": "CNY",
            },
        }
        if request.reason:
            body["reason"] = request.reason[:_REASON_LIMIT]
        return msgspec.json.encode(body)

    def _order_path(self, out_trade_no: str) -> str:
        return f"{_ORDERS}/out-trade-no/{_segment(out_trade_no)}"

    async def _check_unpaid(self, denied: "_Denied", out_trade_no: str) -> TradeState | None:
        """Ask WeChat for a signed word where its unsigned no may mean "paid"."""
        if denied.code not in _DOUBTFUL and denied.inner not in _PAID_INNER:
            return None
        fact = await self.query(out_trade_no)
        if fact and fact.state in {TradeState.SUCCESS, TradeState.REFUND}:
            raise AlreadyPaid(out_trade_no=out_trade_no) from None
        return fact.state if fact else None

    async def _send(self, method: str, target: str, body: bytes = b"") -> bytes:
        """The verified body of a 2xx answer; raises `_Denied` or `OutsideUnknown`."""
        try:
            async with asyncio.timeout(_TOTAL_SECONDS):
                request = _Request(method, self._prefix + target, body)
                return await _TRIES(_Hiccup, self._send_once, request)
        except TimeoutError:
            raise OutsideUnknown(reason="timeout") from None

    async def _send_once(self, request: "_Request") -> bytes:
        answer = await exchange(self._session, self._signed(request))
        if not 200 <= answer.status < 300:
            raise _no_in(answer)
        try:
            self._verifier.check(answer.headers, answer.body, clock_now())
        except BadSignature as bad:
            # WeChat's own probes come here too, so this is no alarm by itself.
            _log.info("wechat.answer_unverified", reason=str(bad), target=request.target)
            raise OutsideUnknown(reason="bad_signature") from None
        return answer.body

    def _signed(self, request: "_Request") -> Call:
        headers = {
            "Authorization": self._signer.authorization(
                request.method,
                request.target,
                body=request.body,
                timestamp=_unix_seconds(clock_now()),
                nonce=secrets.token_hex(16),
            ),
            # Asks WeChat to sign its answer with this key.
            "Wechatpay-Serial": self._merchant.public_key_id,
        }
        if request.body:
            headers["Content-Type"] = "application/json"
        url = self._origin + request.target
        return Call(request.method, url, request.body or None, headers, _TOTAL_SECONDS)


@dataclass(frozen=True, slots=True)
class _Request:
    """One request before signing. stamina logs its repr, so the body stays out of it."""

    method: str
    target: str
    body: bytes = field(repr=False)


class _Hiccup(OutsideUnknown):
    """WeChat stumbled and says so: the same request may be sent again at once."""


class _Denied(Exception):
    """WeChat's unsigned no. `code` has no underscores, `inner` is the number in `Request-ID`."""

    def __init__(self, code: str, inner: str) -> None:
        super().__init__(code)
        self.code = code
        self.inner = inner


class _ErrorBody(msgspec.Struct):
    code: str


class _PrepayBody(msgspec.Struct):
    prepay_id: str


def _no_in(answer: Answer) -> Refusal | _Denied:
    """What an answer without success means. Without a code it is some proxy's word, not WeChat's."""
    try:
        code = msgspec.json.decode(answer.body, type=_ErrorBody).code.replace("_", "").upper()
    except (msgspec.DecodeError, ValueError, RecursionError):
        return OutsideUnknown(reason=f"http_{answer.status}")
    if not re.fullmatch(r"[A-Z0-9]{1,64}", code):
        return OutsideUnknown(reason=f"http_{answer.status}")
    _log.warning("wechat.pay_denied", status=answer.status, said=code, inner=_inner_code(answer))
    if code in _HICCUPS:
        return _Hiccup(reason=code)
    is_open = answer.status == 429 or answer.status >= 500 or code in _THROTTLED
    if answer.status < 400 or (is_open and code not in _REFUSED_DESPITE_5XX):
        return OutsideUnknown(reason=code)
    return _Denied(code, _inner_code(answer))


def _inner_code(answer: Answer) -> str:
    return answer.headers.get("request-id", "").rpartition("-")[2][:32]


def _readable(read: Callable[[bytes], _Fact], raw: bytes) -> _Fact:
    try:
        return read(raw)
    except Unreadable as error:
        raise OutsideUnknown(reason=f"unreadable_{error}") from None


def _prepay_id_in(raw: bytes) -> str:
    try:
        prepay_id = msgspec.json.decode(raw, type=_PrepayBody).prepay_id
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise OutsideUnknown(reason="unreadable_prepay") from None
    if not prepay_id:
        raise OutsideUnknown(reason="unreadable_prepay")
    return prepay_id


def _segment(number: str) -> str:
    """A business number as one path segment, in the form aiohttp leaves alone (`|` is `%7C`)."""
    return quote(number, safe="*@")


def _unix_seconds(instant: datetime) -> str:
    return str(int(instant.timestamp()))
