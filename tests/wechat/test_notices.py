"""Pay notices, real and otherwise."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from commerce.ports import Notice, NoticeRefused, RefundFact, RefundState, TradeFact, TradeState
from kit.clock import now
from tests.wechat.stub_servers import PLATFORM, PLATFORM_ID, signature_headers
from wechat.notices import NoticeReader
from wechat.sealing import SealOpener
from wechat.signing import WechatVerifier

API_V3_KEY = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
reader = NoticeReader(
    mchid="1900007291",
    verifier=WechatVerifier(public_key_id=PLATFORM_ID, public_key_pem=PLATFORM["public_key_pem"]),
    opener=SealOpener(API_V3_KEY),
)

PAID: dict[str, Any] = {
    "appid": "wx1",
    "mchid": "1900007291",
    "out_trade_no": "J2026112300001",
    "transaction_id": "4200001",
    "trade_state": "SUCCESS",
    "success_time": "2026-11-23T12:00:00+08:00",
    "payer": {"openid": "o1"},
    "amount": {"total": 1990, "payer_total": 1990, "currency": "CNY"},
}
REFUNDED: dict[str, Any] = {
    "mchid": "1900007291",
    "out_trade_no": "J2026112300001",
    "transaction_id": "4200001",
    "out_refund_no": "R1",
    "refund_id": "5001",
    "refund_status": "SUCCESS",
    "success_time": "2026-11-23T12:00:00+08:00",
    "amount": {"total": 1990, "refund": 990, "payer_total": 1990, "payer_refund": 990},
}


def sealed(plain: bytes, key: str = API_V3_KEY, aad: str = "transaction") -> dict[str, str]:
    data = AESGCM(key.encode()).encrypt(b"0123456789ab", plain, aad.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(data).decode(),
        "nonce": "0123456789ab",
        "associated_data": aad,
        "original_type": "transaction",
    }


def envelope(event: str, resource: dict[str, Any], **changes: Any) -> bytes:
    fields = {
        "id": "EV-1",
        "create_time": "2026-11-23T12:00:01+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": "支付成功",
        "resource": resource,
    }
    return json.dumps({**fields, **changes}, ensure_ascii=False).encode()


def read(body: bytes, headers: dict[str, str] | None = None, at: datetime | None = None) -> Notice:
    headers = signature_headers(body) if headers is None else headers
    return reader.read({k.lower(): v for k, v in headers.items()}, body, at or now())


def paid(**changes: Any) -> bytes:
    return envelope("TRANSACTION.SUCCESS", sealed(json.dumps({**PAID, **changes}).encode()))


def refunded(event: str = "REFUND.SUCCESS", **changes: Any) -> bytes:
    return envelope(event, sealed(json.dumps({**REFUNDED, **changes}).encode(), aad="refund"))


def reason(body: bytes, headers: dict[str, str] | None = None, at: datetime | None = None) -> str:
    with pytest.raises(NoticeRefused) as refused:
        read(body, headers, at)
    return str(refused.value.details["reason"])


def test_a_payment_is_read() -> None:
    notice = read(paid())
    assert notice.id == "EV-1"
    assert notice.fact == TradeFact(
        out_trade_no="J2026112300001",
        state=TradeState.SUCCESS,
        appid="wx1",
        mchid="1900007291",
        transaction_id="4200001",
        amount_fen=1990,
        currency="CNY",
        openid="o1",
        paid_at=datetime(2026, 11, 23, 4, tzinfo=UTC),
    )


def test_a_payment_to_a_stranger_is_passed_on_for_the_shop_to_judge() -> None:
    fact = read(paid(mchid="1", appid="wx9", amount={"total": 1, "currency": "USD"})).fact
    assert isinstance(fact, TradeFact)
    assert (fact.mchid, fact.appid, fact.amount_fen, fact.currency) == ("1", "wx9", 1, "USD")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("SUCCESS", RefundState.SUCCESS),
        ("CLOSED", RefundState.CLOSED),
        ("ABNORMAL", RefundState.ABNORMAL),
    ],
)
def test_a_refund_is_read(status: str, state: RefundState) -> None:
    fact = read(refunded(f"REFUND.{status}", refund_status=status)).fact
    assert isinstance(fact, RefundFact)
    assert (fact.out_refund_no, fact.refund_id, fact.state) == ("R1", "5001", state)
    assert (fact.refund_fen, fact.total_fen) == (990, 1990)
    assert (fact.succeeded_at is not None) == (state is RefundState.SUCCESS)


def test_the_window_is_300_seconds_either_way() -> None:
    body = paid()
    headers = signature_headers(body)
    instant = datetime.fromtimestamp(int(headers["Wechatpay-Timestamp"]), UTC)
    for seconds in (-300, 300):
        assert read(body, headers, instant + timedelta(seconds=seconds))
    for seconds in (-301, 301):
        assert reason(body, headers, instant + timedelta(seconds=seconds)) == "age"


HEADERS = {
    "timestamp": {"Wechatpay-Timestamp": ""},
    "timestamp-word": {"Wechatpay-Timestamp": "soon"},
    "timestamp-negative": {"Wechatpay-Timestamp": "-1"},
    "timestamp-newline": {"Wechatpay-Timestamp": "1795392000\n"},
    "timestamp-other-digits": {"Wechatpay-Timestamp": "１７９５３９２０００"},
    "timestamp-endless": {"Wechatpay-Timestamp": "9" * 5000},
    "serial-absent": {"Wechatpay-Serial": ""},
    "serial-other": {"Wechatpay-Serial": "PUB_KEY_ID_1"},
    "serial-certificate": {"Wechatpay-Serial": "5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC"},
    "signature-absent": {"Wechatpay-Signature": ""},
    "signature-probe": {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/AAAA"},
    "signature-garbage": {"Wechatpay-Signature": "AAAA"},
    "signature-no-base64": {"Wechatpay-Signature": "\udcff é"},
    "nonce-other": {"Wechatpay-Nonce": "other"},
    "nonce-surrogate": {"Wechatpay-Nonce": "\udcff"},
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_a_wrong_header_is_refused(change: dict[str, str]) -> None:
    body = paid()
    assert reason(body, {**signature_headers(body), **change}) in {
        "timestamp",
        "age",
        "serial",
        "probe",
        "signature",
    }


def test_a_notice_without_headers_is_refused() -> None:
    assert reason(paid(), {}) == "timestamp"


def test_one_changed_byte_is_refused() -> None:
    body = paid()
    assert reason(body + b" ", signature_headers(body)) == "signature"


BODIES = {
    "empty": b"",
    "garbage": b"\x00\xff\xfe",
    "list": b"[]",
    "deep": b'{"a":' * 10_000,
    "nan": b'{"id":NaN}',
    "no-resource": b'{"id":"1","event_type":"TRANSACTION.SUCCESS"}',
    "other-event": envelope("PAYSCORE.USER_OPEN_SERVICE", sealed(b"{}")),
    "other-algorithm": paid().replace(b"AEAD_AES_256_GCM", b"AEAD_SM4_GCM"),
    "other-key": envelope("TRANSACTION.SUCCESS", sealed(json.dumps(PAID).encode(), "x" * 32)),
    "other-aad": envelope("TRANSACTION.SUCCESS", {**sealed(b"{}"), "associated_data": "x"}),
    "no-base64": envelope("TRANSACTION.SUCCESS", {**sealed(b"{}"), "ciphertext": "%%"}),
    "short-nonce": envelope("TRANSACTION.SUCCESS", {**sealed(b"{}"), "nonce": ""}),
    "plain-text": envelope("TRANSACTION.SUCCESS", PAID),
    "sealed-garbage": envelope("TRANSACTION.SUCCESS", sealed(b"\xff")),
    "sealed-deep": envelope("TRANSACTION.SUCCESS", sealed(b'{"a":' * 10_000)),
    "id-newline": paid().replace(b'"EV-1"', b'"EV\\n1"'),
    "id-nul": paid().replace(b'"EV-1"', b'"EV\\u00001"'),
    "id-empty": paid().replace(b'"EV-1"', b'""'),
    "not-paid": paid(trade_state="NOTPAY"),
    "half-paid": paid(transaction_id=None),
    "paid-in-floats": paid(amount={"total": 19.9}),
    "paid-in-bools": paid(amount={"total": True}),
    "year-9999": paid(success_time="9999-12-31T23:59:59-23:59"),
    "refund-in-disguise": refunded("TRANSACTION.SUCCESS"),
    "payment-in-disguise": envelope("REFUND.SUCCESS", sealed(json.dumps(PAID).encode())),
    "cover-and-letter-differ": refunded("REFUND.SUCCESS", refund_status="CLOSED"),
    "refund-of-another-merchant": refunded(mchid="1"),
    "refund-of-nobody": refunded(mchid=None),
    "huge": b" " * (64 << 10) + paid(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_whatever_is_odd_is_refused_although_it_is_signed(body: bytes) -> None:
    reason(body)


@settings(deadline=None)
@given(body=st.binary(max_size=400))
def test_signed_noise_is_refused(body: bytes) -> None:
    reason(body)


@settings(deadline=None)
@given(
    plain=st.recursive(
        st.none() | st.integers() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.sampled_from([*PAID, "x"]), c),
        max_leaves=9,
    )
)
def test_sealed_noise_is_refused(plain: object) -> None:
    reason(envelope("TRANSACTION.SUCCESS", sealed(json.dumps(plain).encode())))
