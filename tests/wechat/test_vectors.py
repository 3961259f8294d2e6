"""Published and recomputed samples of WeChat's own formats (facts I)."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from commerce.ports import RefundFact, TradeState
from tests.wechat.stub_servers import KEYS, PLATFORM_ID, VECTOR
from wechat.accounts import PushAccount
from wechat.notices import NoticeReader
from wechat.push import PushRefused, check_url, open_push
from wechat.sealing import SealOpener
from wechat.signing import BadSignature, MerchantSigner, WechatVerifier


def signer_for(key: str) -> MerchantSigner:
    return MerchantSigner(
        mchid="1900007291", serial_no="5157F0", private_key_pem=KEYS[key]["private_key_pem"]
    )


def at(timestamp: str) -> datetime:
    return datetime.fromtimestamp(int(timestamp), UTC)


def public_pem(certificate: str) -> str:
    key = x509.load_pem_x509_certificate(KEYS[certificate]["certificate_pem"].encode()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def case(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return VECTOR[name]["input"], VECTOR[name]["expect"]


@pytest.mark.parametrize("name", ["pay-request-jsapi", "pay-request-get-empty-body"])
def test_a_request_is_signed_as_the_documents_show(name: str) -> None:
    given, expected = case(name)
    header = signer_for(given["key"]).authorization(
        given["method"],
        given["canonical_url"],
        body=given["body"].encode(),
        timestamp=given["timestamp"],
        nonce=given["nonce_str"],
    )
    assert header == (
        f'WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="{given["nonce_str"]}",'
        f'timestamp="{given["timestamp"]}",serial_no="5157F0",signature="{expected["signature"]}"'
    )


def test_a_payment_sheet_is_signed_as_the_documents_show() -> None:
    given, expected = case("pay-miniprogram-paysign")
    sheet = signer_for(given["key"]).payment_sheet(
        given["app_id"],
        given["package"].removeprefix("prepay_id="),
        timestamp=given["time_stamp"],
        nonce=given["nonce_str"],
    )
    assert sheet == {
        "appId": given["app_id"],
        "timeStamp": given["time_stamp"],
        "nonceStr": given["nonce_str"],
        "package": given["package"],
        "signType": "RSA",
        "paySign": expected["pay_sign"],
    }


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("pay-rsa-sha256-go", "signature"),
        ("pay-rsa-sha256-java", "signature"),
        ("rsa4096-sign-skit", "signature"),
        ("pay-app-sign", "sign"),
    ],
)
def test_plain_signatures_agree_with_the_official_kits(name: str, result: str) -> None:
    given, expected = case(name)
    message = given.get("message") or expected["message"]
    assert signer_for(given["key"]).sign(message.encode()) == expected[result]


def test_an_answer_of_the_documents_verifies_and_a_changed_one_does_not() -> None:
    given, expected = case("pay-response-verify-pubkey")
    verifier = WechatVerifier(
        public_key_id=PLATFORM_ID, public_key_pem=KEYS[given["public_key"]]["public_key_pem"]
    )
    headers = {
        "wechatpay-timestamp": given["timestamp"],
        "wechatpay-nonce": given["nonce"],
        "wechatpay-serial": PLATFORM_ID,
        "wechatpay-signature": expected["signature"],
    }
    body = given["body"].encode()
    verifier.check(headers, body, at(given["timestamp"]))
    with pytest.raises(BadSignature):
        verifier.check(headers, body.replace(b"1", b"2"), at(given["timestamp"]))


@pytest.mark.parametrize("name", ["pay-aead-go", "pay-aead-java", "pay-aead-certificate-skit"])
def test_sealed_texts_of_the_kits_open(name: str) -> None:
    given, expected = case(name)
    both = {**given, **expected}
    opened = SealOpener(given["api_v3_key"]).open(
        nonce=given["nonce"],
        associated_data=given["associated_data"],
        ciphertext=both["ciphertext"],
    )
    assert opened.decode().strip() == both["plaintext"].strip()


def test_a_sealed_certificate_of_the_java_kit_opens() -> None:
    given, expected = case("pay-certificates-download-java")
    sealed = given["response"]["data"][0]["encrypt_certificate"]
    sealed.pop("algorithm", None)
    opened = SealOpener(given["api_v3_key"]).open(**sealed)
    assert opened.decode().strip() == expected["certificate_pem"].strip()


def test_a_complete_notice_of_the_go_kit_verifies_and_opens() -> None:
    given, expected = case("pay-notify-full-go")
    headers = {name.lower(): value for name, value in given["headers"].items()}
    verifier = WechatVerifier(
        public_key_id=headers["wechatpay-serial"], public_key_pem=public_pem(given["certificate"])
    )
    body = given["body"].encode()
    verifier.check(headers, body, at(headers["wechatpay-timestamp"]))
    resource = msgspec.json.decode(body)["resource"]
    opened = SealOpener(given["api_v3_key"]).open(
        nonce=resource["nonce"],
        associated_data=resource["associated_data"],
        ciphertext=resource["ciphertext"],
    )
    assert opened.decode() == expected["resource_plaintext"]


def test_a_complete_payment_notice_becomes_a_fact() -> None:
    given, expected = case("derived-pay-notify-success")
    headers = {name.lower(): value for name, value in given["headers"].items()}
    reader = NoticeReader(
        mchid="1230000109",
        verifier=WechatVerifier(
            public_key_id=PLATFORM_ID,
            public_key_pem=KEYS[given["public_key"]]["public_key_pem"],
        ),
        opener=SealOpener(given["api_v3_key"]),
    )
    notice = reader.read(headers, given["body"].encode(), at(headers["wechatpay-timestamp"]))
    trade = expected["resource"]
    assert notice.id == "EV-2018022511223320873"
    assert not isinstance(notice.fact, RefundFact)
    assert notice.fact.state is TradeState.SUCCESS
    assert notice.fact.out_trade_no == trade["out_trade_no"]
    assert notice.fact.transaction_id == trade["transaction_id"]
    assert (notice.fact.appid, notice.fact.mchid) == (trade["appid"], trade["mchid"])
    assert (notice.fact.amount_fen, notice.fact.currency) == (100, "CNY")
    assert notice.fact.openid == trade["payer"]["openid"]
    assert notice.fact.paid_at == datetime(2018, 6, 8, 2, 34, 56, tzinfo=UTC)


def test_the_address_check_of_the_documents_is_answered() -> None:
    given, expected = case("push-url-verify")
    query = {**given, **expected}
    account = PushAccount("wx", given["token"])
    assert check_url(account, query, at(given["timestamp"])) == expected["response_body"]
    with pytest.raises(PushRefused):
        check_url(account, {**query, "nonce": "1"}, at(given["timestamp"]))


def test_a_plain_push_of_the_documents_opens() -> None:
    given, expected = case("push-plain-json")
    body = msgspec.json.encode(given["body"])
    query = {**given, "signature": expected["signature"]}
    assert open_push(PushAccount("wx", given["token"]), query, body) == given["body"]


def test_a_safe_json_push_of_the_documents_opens() -> None:
    given, expected = case("push-safe-json")
    account = PushAccount(given["appid"], given["token"], given["encoding_aes_key"])
    query = {**given, "msg_signature": expected["msg_signature"]}
    body = msgspec.json.encode({"ToUserName": "gh_1", "Encrypt": given["encrypt"]})
    assert open_push(account, query, body) == msgspec.json.decode(expected["msg"])


def test_a_safe_xml_push_of_the_documents_opens() -> None:
    given, expected = case("push-safe-xml-wecom-sample")
    account = PushAccount(given["appid"], given["token"], given["encoding_aes_key"])
    query = {**given, "msg_signature": expected["msg_signature"]}
    body = (
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName>"
        f"<Encrypt><![CDATA[{given['encrypt']}]]></Encrypt></xml>"
    ).encode()
    fields = open_push(account, query, body)
    assert fields["Content"] == "hello"
    assert fields["MsgId"] == "4561255354251345929"


def test_our_reply_format_sample_opens_as_a_push() -> None:
    given, expected = case("push-safe-json-reply")
    account = PushAccount(given["appid"], given["token"], given["encoding_aes_key"])
    query = {**given, "msg_signature": expected["msg_signature"]}
    body = msgspec.json.encode({"Encrypt": expected["encrypt"]})
    assert open_push(account, query, body) == {"demo_resp": "good luck"}


@pytest.mark.parametrize("name", ["push-encrypt-replymsg", "wecom-echo"])
def test_sealed_samples_that_are_no_message_are_opened_and_then_refused(name: str) -> None:
    with pytest.raises(PushRefused) as refused:
        open_signed_here(name)
    assert refused.value.details == {"reason": "format"}


def test_a_sealed_message_of_the_demo_opens() -> None:
    assert open_signed_here("push-encrypt-replymsg2")["Video"]["Title"] == "testCallBackReplyVideo"


def open_signed_here(name: str) -> dict[str, Any]:
    given, expected = case(name)
    sealed = given.get("echostr") or expected["encrypt"]
    account = PushAccount(given.get("appid") or given["corpid"], "token", given["encoding_aes_key"])
    signature = hashlib.sha1("".join(sorted(["token", "1", "2", sealed])).encode()).hexdigest()
    query = {"timestamp": "1", "nonce": "2", "msg_signature": signature}
    return open_push(account, query, msgspec.json.encode({"Encrypt": sealed}))


@pytest.mark.parametrize("name", ["push-signature-only", "wecom-echo"])
def test_signatures_over_the_sealed_text_agree(name: str) -> None:
    """The right signature lets the text through to the cipher, which has another key here."""
    given, expected = case(name)
    account = PushAccount("wx", given["token"], base64.b64encode(bytes(32)).decode()[:43])
    sealed = given.get("encrypt") or given["echostr"]
    body = msgspec.json.encode({"Encrypt": sealed})
    query = {**given, "msg_signature": expected["msg_signature"]}
    with pytest.raises(PushRefused) as beyond:
        open_push(account, query, body)
    assert beyond.value.details["reason"] in {"padding", "receiver", "content"}
    with pytest.raises(PushRefused) as refused:
        open_push(account, {**query, "nonce": "0"}, body)
    assert refused.value.details == {"reason": "signature"}
