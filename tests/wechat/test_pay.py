"""The gateway against a WeChat Pay that checks our signature and then does as it pleases."""

import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import stamina
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

import wechat.pay
from commerce.ports import (
    AlreadyPaid,
    OutsideRefused,
    OutsideUnknown,
    PaymentGateway,
    PrepayRequest,
    RefundRequest,
    RefundState,
    TradeState,
)
from kit.money import Fen
from tests.wechat.stub_servers import (
    KEYS,
    PLATFORM,
    PLATFORM_ID,
    Seen,
    Stub,
    answer,
    signature_headers,
    signed,
    stub_server,
)
from wechat.accounts import Merchant
from wechat.pay import WechatPay

MERCHANT_KEY = KEYS["doc_demo_merchant_key"]["private_key_pem"]
NUMBER = "J2026112300001"
ORDER = PrepayRequest(
    out_trade_no=NUMBER,
    description="集市 鲜花套餐",
    amount_fen=Fen(1990),
    openid="oUpF8uMuAJO",
    expires_at=datetime(2026, 11, 23, 4, 5, 6, 700_000, tzinfo=UTC),
)
REFUND = RefundRequest(NUMBER, "R2026112300001", "不想要了", Fen(990), Fen(1990))


def merchant(pay_url: str) -> Merchant:
    return Merchant(
        mchid="1900007291",
        appid="wx1",
        serial_no="5157F0",
        private_key_pem=MERCHANT_KEY,
        api_v3_key="a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb",
        public_key_id=PLATFORM_ID,
        public_key_pem=PLATFORM["public_key_pem"],
        pay_url=pay_url,
        notify_url="https://shop.example/pay",
        refund_notify_url="https://shop.example/refund",
    )


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with stub_server() as server:
        yield server


@pytest.fixture
async def pay(stub: Stub) -> AsyncIterator[PaymentGateway]:
    async with aiohttp.ClientSession() as session:
        with stamina.set_testing(True, attempts=3, cap=True):
            yield WechatPay(merchant(stub.url), session)


def trade(state: str = "SUCCESS", **changes: Any) -> bytes:
    fields = {
        "appid": "wx1",
        "mchid": "1900007291",
        "out_trade_no": NUMBER,
        "trade_state": state,
        "trade_state_desc": "说明",
        "amount": {"total": 1990, "payer_total": 1990, "currency": "CNY"},
    }
    if state in {"SUCCESS", "REFUND"}:
        fields |= {
            "transaction_id": "4200001",
            "success_time": "2026-11-23T12:00:00+08:00",
            "payer": {"openid": "oUpF8uMuAJO"},
        }
    return json.dumps({**fields, **changes}, ensure_ascii=False).encode()


def refund(status: str = "PROCESSING", **changes: Any) -> bytes:
    fields = {
        "refund_id": "50000001",
        "out_refund_no": REFUND.out_refund_no,
        "out_trade_no": NUMBER,
        "status": status,
        "amount": {"refund": 990, "total": 1990, "payer_refund": 990, "currency": "CNY"},
    }
    return json.dumps({**fields, **changes}).encode()


def no(status: int, code: str, inner: str = "") -> bytes:
    body = json.dumps({"code": code, "message": "不行"}).encode()
    return answer(status, body, {"Request-ID": f"08AE-0{inner and '-' + inner}"})


def by_method(get: bytes, post: bytes) -> Callable[[Seen], bytes]:
    return lambda seen: get if seen.method == "GET" else post


def assert_signed_by_us(seen: Seen) -> None:
    header = seen.headers["authorization"]
    scheme, _, rest = header.partition(" ")
    words = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    message = b"\n".join(
        [
            seen.method.encode(),
            seen.target.encode(),
            words["timestamp"].encode(),
            words["nonce_str"].encode(),
            seen.body,
            b"",
        ]
    )
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    assert (words["mchid"], words["serial_no"]) == ("1900007291", "5157F0")
    key: Any = serialization.load_pem_private_key(MERCHANT_KEY.encode(), None)
    key.public_key().verify(
        base64.b64decode(words["signature"]), message, padding.PKCS1v15(), hashes.SHA256()
    )


async def test_an_order_is_signed_over_the_bytes_that_leave(
    pay: PaymentGateway, stub: Stub
) -> None:
    stub.reply = lambda _: signed(b'{"prepay_id":"wx2014"}')
    assert await pay.prepay(ORDER) == "wx2014"
    (seen,) = stub.seen
    assert_signed_by_us(seen)
    assert (seen.method, seen.target) == ("POST", "/v3/pay/transactions/jsapi")
    assert seen.headers["wechatpay-serial"] == PLATFORM_ID
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["user-agent"]
    assert seen.json == {
        "appid": "wx1",
        "mchid": "1900007291",
        "description": "集市 鲜花套餐",
        "out_trade_no": NUMBER,
        "time_expire": "2026-11-23T12:05:06+08:00",
        "notify_url": "https://shop.example/pay",
        "amount": {"total": 1990, "currency": "CNY"},
        "payer": {"openid": "oUpF8uMuAJO"},
    }


async def test_a_repeated_order_is_the_same_bytes_under_a_new_nonce(
    pay: PaymentGateway, stub: Stub
) -> None:
    stub.reply = lambda _: signed(b'{"prepay_id":"wx2014"}')
    await pay.prepay(ORDER)
    await pay.prepay(ORDER)
    first, second = stub.seen
    assert first.body == second.body
    assert first.headers["authorization"] != second.headers["authorization"]


async def test_a_description_is_cut_to_what_wechat_takes(pay: PaymentGateway, stub: Stub) -> None:
    stub.reply = lambda _: signed(b'{"prepay_id":"wx2014"}')
    await pay.prepay(PrepayRequest(NUMBER, "花" * 200, Fen(1), "o", ORDER.expires_at))
    assert stub.seen[0].json["description"] == "花" * 127


async def test_every_legal_number_is_signed_as_it_leaves(stub: Stub) -> None:
    number = "0aZ_-|*9"
    stub.reply = lambda _: signed(trade("NOTPAY", out_trade_no=number))
    async with aiohttp.ClientSession() as session:
        pay = WechatPay(merchant(f"{stub.url}/behind/proxy/"), session)
        assert await pay.query(number)
    (seen,) = stub.seen
    assert_signed_by_us(seen)
    assert seen.target == (
        "/behind/proxy/v3/pay/transactions/out-trade-no/0aZ_-%7C*9?mchid=1900007291"
    )
    assert "content-type" not in seen.headers


async def test_a_paid_trade_is_read_whole(pay: PaymentGateway, stub: Stub) -> None:
    stub.reply = lambda _: signed(trade())
    fact = await pay.query(NUMBER)
    assert fact is not None
    assert fact.state is TradeState.SUCCESS
    assert (fact.appid, fact.mchid, fact.openid) == ("wx1", "1900007291", "oUpF8uMuAJO")
    assert (fact.transaction_id, fact.amount_fen, fact.currency) == ("4200001", 1990, "CNY")
    assert fact.paid_at == datetime(2026, 11, 23, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("NOTPAY", TradeState.NOT_PAID),
        ("USERPAYING", TradeState.NOT_PAID),
        ("PAYERROR", TradeState.NOT_PAID),
        ("CLOSED", TradeState.CLOSED),
        ("REVOKED", TradeState.CLOSED),
        ("REFUND", TradeState.REFUND),
    ],
)
async def test_every_state_has_a_meaning_and_an_unpaid_one_no_amount(
    pay: PaymentGateway, stub: Stub, said: str, state: TradeState
) -> None:
    stub.reply = lambda _: signed(trade(said))
    fact = await pay.query(NUMBER)
    assert fact is not None
    assert fact.state is state
    assert (fact.amount_fen is None) == (state is not TradeState.REFUND)


@pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"])
async def test_a_trade_wechat_never_heard_of_is_none(
    pay: PaymentGateway, stub: Stub, code: str
) -> None:
    stub.reply = lambda _: no(404, code)
    assert await pay.query(NUMBER) is None
    assert await pay.query_refund("R1") is None


def forged(**headers: str) -> bytes:
    return answer(200, trade(), {**signature_headers(trade()), **headers})


# Made when the test runs: what a test collected minutes ago would all be too old.
BAD_ANSWERS: dict[str, Callable[[], bytes]] = {
    "unsigned": lambda: answer(200, trade()),
    "other-body": lambda: answer(200, trade(), signature_headers(trade("NOTPAY"))),
    "old": lambda: signed(trade(), age=301),
    "from-the-future": lambda: signed(trade(), age=-310),
    "other-key": lambda: signed(trade(), serial="PUB_KEY_ID_OTHER"),
    "probe": lambda: forged(**{"Wechatpay-Signature": "WECHATPAY/SIGNTEST/AAAA"}),
    "no-base64": lambda: forged(**{"Wechatpay-Signature": "%%%"}),
    "html": lambda: answer(200, b"<html>ok</html>"),
    "empty": lambda: answer(200, b""),
    "redirect": lambda: answer(302, b"", {"Location": "/v3/elsewhere"}),
    "html-404": lambda: answer(404, b"<html>not found</html>"),
    "html-502": lambda: answer(502, b"<html>bad gateway</html>"),
    "empty-500": lambda: answer(500, b""),
    "list": lambda: answer(400, b"[]"),
    "odd-code": lambda: answer(400, '{"code":"支付"}'.encode()),
    "deep": lambda: answer(400, b'{"a":' * 100_000),
    "throttled": lambda: no(429, "FREQUENCY_LIMITED"),
    "throttled-403": lambda: no(403, "RATELIMIT_EXCEED"),
    "other-trade": lambda: signed(trade(out_trade_no="J2026112399999")),
    "unknown-state": lambda: signed(trade("HALFPAID")),
    "no-amount": lambda: signed(trade(amount=None)),
    "no-number": lambda: signed(trade(transaction_id="")),
    "no-time": lambda: signed(trade(success_time=None)),
    "zoneless-time": lambda: signed(trade(success_time="2026-11-23T12:00:00")),
    "float-amount": lambda: signed(trade(amount={"total": 19.9})),
    "text-amount": lambda: signed(trade(amount={"total": "1990"})),
    "negative-amount": lambda: signed(trade(amount={"total": -1})),
    "huge-amount": lambda: signed(trade(amount={"total": 10**400})),
    "newline-number": lambda: signed(trade(transaction_id="42\n")),
    "reset": lambda: b"",
}


@pytest.mark.parametrize("make", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_nothing_but_a_signed_and_readable_answer_counts(
    pay: PaymentGateway, stub: Stub, make: Callable[[], bytes]
) -> None:
    stub.reply = lambda _: make()
    with pytest.raises(OutsideUnknown):
        await pay.query(NUMBER)


async def test_an_unsigned_close_prepay_or_refund_is_unknown(
    pay: PaymentGateway, stub: Stub
) -> None:
    for reply in (answer(200, b'{"prepay_id":"wx2014"}'), answer(200, refund()), answer(204, b"")):
        stub.reply = lambda _, reply=reply: reply
        for call in (pay.close(NUMBER), pay.prepay(ORDER), pay.refund(REFUND)):
            with pytest.raises(OutsideUnknown):
                await call


@pytest.mark.parametrize("body", [b"", b"{}", b'{"prepay_id":""}', b'{"prepay_id":1}'])
async def test_a_signed_answer_without_prepay_id_is_unknown(
    pay: PaymentGateway, stub: Stub, body: bytes
) -> None:
    stub.reply = lambda _: signed(body)
    with pytest.raises(OutsideUnknown):
        await pay.prepay(ORDER)


async def test_after_a_timeout_nothing_is_repeated(
    pay: PaymentGateway, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wechat.pay, "_TOTAL_SECONDS", 0.3)
    stub.reply = lambda _: None
    for call in (pay.prepay(ORDER), pay.refund(REFUND), pay.close(NUMBER)):
        with pytest.raises(OutsideUnknown):
            await call
    assert len(stub.seen) == 3


async def test_an_answer_that_drips_past_the_deadline_is_unknown(
    pay: PaymentGateway, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wechat.pay, "_TOTAL_SECONDS", 0.5)
    stub.reply = lambda _: [bytes([byte]) for byte in signed(b'{"prepay_id":"wx2014"}')]
    with pytest.raises(OutsideUnknown):
        await pay.prepay(ORDER)


@pytest.mark.parametrize("code", ["SYSTEM_ERROR", "SYSTEMERROR", "BANK_ERROR"])
async def test_a_stumbling_wechat_gets_the_same_request_three_times(
    pay: PaymentGateway, stub: Stub, code: str
) -> None:
    stub.reply = lambda _: no(500, code)
    with pytest.raises(OutsideUnknown):
        await pay.refund(REFUND)
    assert len(stub.seen) == 3
    assert len({seen.body for seen in stub.seen}) == 1
    for seen in stub.seen:
        assert_signed_by_us(seen)


async def test_a_stumble_that_passes_is_not_noticed(pay: PaymentGateway, stub: Stub) -> None:
    stub.reply = lambda _: (
        no(500, "SYSTEM_ERROR") if len(stub.seen) == 1 else signed(b'{"prepay_id":"wx2014"}')
    )
    assert await pay.prepay(ORDER) == "wx2014"


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "PARAM_ERROR", "PARAMERROR"),
        (401, "SIGN_ERROR", "SIGNERROR"),
        (403, "RULE_LIMIT", "RULELIMIT"),
        (403, "RULELIMIT", "RULELIMIT"),
        (500, "OPENID_MISMATCH", "OPENIDMISMATCH"),
    ],
)
async def test_a_clear_no_is_said_once_under_one_name(
    pay: PaymentGateway, stub: Stub, status: int, code: str, reason: str
) -> None:
    stub.reply = lambda _: no(status, code)
    with pytest.raises(OutsideRefused) as refused:
        await pay.prepay(ORDER)
    assert refused.value.details == {"reason": reason}
    assert len(stub.seen) == 1


DOUBTS = {
    "ORDERPAID": no(400, "ORDERPAID"),
    "ORDER_PAID": no(403, "ORDER_PAID"),
    "TRADE_ERROR": no(403, "TRADE_ERROR"),
    "INVALID_REQUEST": no(400, "INVALID_REQUEST", "268449538"),
    "inner code alone": no(400, "PARAM_ERROR", "268498689"),
    "OUT_TRADE_NO_USED": no(403, "OUT_TRADE_NO_USED"),
}


@pytest.mark.parametrize("doubt", DOUBTS.values(), ids=DOUBTS)
async def test_a_no_that_may_mean_paid_is_settled_by_a_signed_query(
    pay: PaymentGateway, stub: Stub, doubt: bytes
) -> None:
    stub.reply = by_method(get=signed(trade()), post=doubt)
    with pytest.raises(AlreadyPaid):
        await pay.prepay(ORDER)
    with pytest.raises(AlreadyPaid):
        await pay.close(NUMBER)


@pytest.mark.parametrize("doubt", DOUBTS.values(), ids=DOUBTS)
async def test_a_forged_paid_does_not_make_it_paid(
    pay: PaymentGateway, stub: Stub, doubt: bytes
) -> None:
    stub.reply = by_method(get=answer(200, trade()), post=doubt)
    with pytest.raises(OutsideUnknown):
        await pay.close(NUMBER)
    stub.reply = by_method(get=signed(trade("NOTPAY")), post=doubt)
    with pytest.raises(OutsideRefused):
        await pay.close(NUMBER)
    stub.reply = by_method(get=no(404, "ORDER_NOT_EXIST"), post=doubt)
    with pytest.raises(OutsideRefused):
        await pay.prepay(ORDER)


async def test_closing_sends_the_merchant_and_wants_a_signature(
    pay: PaymentGateway, stub: Stub
) -> None:
    stub.reply = lambda _: signed(b"", status=204)
    await pay.close(NUMBER)
    (seen,) = stub.seen
    assert_signed_by_us(seen)
    assert seen.target == f"/v3/pay/transactions/out-trade-no/{NUMBER}/close"
    assert seen.body == b'{"mchid":"1900007291"}'


async def test_closing_what_is_closed_or_was_never_there_is_done(
    pay: PaymentGateway, stub: Stub
) -> None:
    stub.reply = by_method(get=signed(trade("CLOSED")), post=no(400, "ORDER_CLOSED"))
    await pay.close(NUMBER)
    stub.reply = lambda _: no(404, "ORDER_NOT_EXIST")
    await pay.close(NUMBER)


async def test_a_refund_is_asked_for_and_read(pay: PaymentGateway, stub: Stub) -> None:
    stub.reply = lambda _: signed(refund())
    fact = await pay.refund(REFUND)
    assert (fact.state, fact.refund_id) == (RefundState.PROCESSING, "50000001")
    assert (fact.refund_fen, fact.total_fen, fact.succeeded_at) == (990, 1990, None)
    (seen,) = stub.seen
    assert_signed_by_us(seen)
    assert (seen.method, seen.target) == ("POST", "/v3/refund/domestic/refunds")
    assert seen.json == {
        "out_trade_no": NUMBER,
        "out_refund_no": REFUND.out_refund_no,
        "reason": "不想要了",
        "notify_url": "https://shop.example/refund",
        "amount": {"refund": 990, "total": 1990, "currency": "CNY"},
    }


async def test_a_refund_without_reason_sends_none(pay: PaymentGateway, stub: Stub) -> None:
    stub.reply = lambda _: signed(refund())
    await pay.refund(RefundRequest(NUMBER, REFUND.out_refund_no, "", Fen(990), Fen(1990)))
    assert "reason" not in stub.seen[0].json


async def test_a_finished_refund_is_found(pay: PaymentGateway, stub: Stub) -> None:
    stub.reply = lambda _: signed(refund("SUCCESS", success_time="2026-11-23T12:00:00+08:00"))
    fact = await pay.query_refund(REFUND.out_refund_no)
    assert fact is not None
    assert fact.state is RefundState.SUCCESS
    assert fact.succeeded_at == datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert stub.seen[0].target == f"/v3/refund/domestic/refunds/{REFUND.out_refund_no}"


@pytest.mark.parametrize(
    "body",
    [refund("DONE"), refund(out_refund_no="R2"), refund(amount={"refund": "990", "total": 1990})],
    ids=["state", "other", "text-amount"],
)
async def test_an_odd_refund_is_unknown(pay: PaymentGateway, stub: Stub, body: bytes) -> None:
    stub.reply = lambda _: signed(body)
    with pytest.raises(OutsideUnknown):
        await pay.refund(REFUND)
    with pytest.raises(OutsideUnknown):
        await pay.query_refund(REFUND.out_refund_no)


@pytest.mark.parametrize("code", ["NOT_ENOUGH", "NOTENOUGH"])
async def test_an_empty_till_is_a_refusal_with_its_name(
    pay: PaymentGateway, stub: Stub, code: str
) -> None:
    stub.reply = lambda _: no(403, code)
    with pytest.raises(OutsideRefused) as refused:
        await pay.refund(REFUND)
    assert refused.value.details == {"reason": "NOTENOUGH"}


async def test_a_payment_sheet_is_signed_for_the_phone(pay: PaymentGateway) -> None:
    sheet = pay.payment_sheet("wx2014", datetime(2026, 11, 23, tzinfo=UTC))
    message = f"wx1\n1795392000\n{sheet['nonceStr']}\nprepay_id=wx2014\n"
    key: Any = serialization.load_pem_private_key(MERCHANT_KEY.encode(), None)
    key.public_key().verify(
        base64.b64decode(sheet["paySign"]), message.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    again = pay.payment_sheet("wx2014", datetime(2026, 11, 23, tzinfo=UTC))
    assert sheet["nonceStr"] != again["nonceStr"]


def test_secrets_do_not_show_in_a_printed_merchant() -> None:
    printed = repr(merchant("http://x"))
    assert "PRIVATE KEY" not in printed
    assert "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb" not in printed
