"""Message push, made by wechatpy's own crypto and by people who wish us ill."""

import base64
import contextlib
import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto
from wechatpy.crypto.base import WeChatCipher

from tests.wechat.stub_servers import VECTOR
from wechat.accounts import PushAccount
from wechat.push import PushRefused, check_url, open_push

AES_KEY = VECTOR["push-encrypt-replymsg"]["input"]["encoding_aes_key"]
SAFE = PushAccount("wx1", "token", AES_KEY)
PLAIN = PushAccount("wx1", "token")
EVENT = "<xml><MsgType>event</MsgType><Event>SCAN</Event><Ticket>票</Ticket></xml>"
crypto = WeChatCrypto("token", AES_KEY, "wx1")


def sha1(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def plain_query() -> dict[str, str]:
    return {"timestamp": "1", "nonce": "2", "signature": sha1("token", "1", "2")}


def safe_query(sealed: str) -> dict[str, str]:
    return {**plain_query(), "msg_signature": sha1("token", "1", "2", sealed)}


def framed(
    message: bytes, appid: str = "wx1", length: int | None = None, pad: bytes | None = None
) -> str:
    """A sealed text of any frame, right or wrong; `pad` None means the right one."""
    size = len(message) if length is None else length
    frame = b"r" * 16 + (size % 2**32).to_bytes(4, "big") + message + appid.encode()
    fill = 32 - len(frame) % 32
    padded = frame + (bytes([fill]) * fill if pad is None else pad)
    key = base64.b64decode(AES_KEY + "=")
    return base64.b64encode(WeChatCipher(key).encrypt(padded)).decode()


def reason(account: PushAccount, query: dict[str, str], body: bytes) -> str:
    with pytest.raises(PushRefused) as refused:
        open_push(account, query, body)
    return str(refused.value.details["reason"])


def test_what_wechatpy_seals_opens() -> None:
    body = crypto.encrypt_message(EVENT, "2", "1")
    sealed = body.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    fields = open_push(SAFE, safe_query(sealed), body.encode())
    assert fields == {"MsgType": "event", "Event": "SCAN", "Ticket": "票"}


def test_compatible_mode_believes_only_the_sealed_half() -> None:
    sealed = framed(EVENT.encode())
    body = f"<xml><Event>FORGED</Event><Encrypt>{sealed}</Encrypt></xml>".encode()
    assert open_push(SAFE, safe_query(sealed), body)["Event"] == "SCAN"


def test_a_plain_body_is_refused_where_sealed_ones_are_agreed() -> None:
    assert reason(SAFE, plain_query(), EVENT.encode()) == "envelope"
    assert reason(SAFE, plain_query(), b'{"MsgType":"event"}') == "content"


def test_plain_xml_opens() -> None:
    assert open_push(PLAIN, plain_query(), f"\n{EVENT}\n".encode())["Event"] == "SCAN"


@pytest.mark.parametrize("change", ["timestamp", "nonce", "signature"])
def test_another_query_is_refused(change: str) -> None:
    for value in ("x", "", "\udcff", "é"):
        assert reason(PLAIN, {**plain_query(), change: value}, b"{}") == "signature"
    assert reason(PLAIN, {}, b"{}") == "signature"


def test_a_changed_seal_is_refused() -> None:
    sealed = framed(EVENT.encode())
    body = json.dumps({"Encrypt": sealed.swapcase()}).encode()
    assert reason(SAFE, safe_query(sealed), body) == "signature"


FRAMES = {
    "other-receiver": framed(b"{}", "wx2"),
    "no-receiver": framed(b"{}", ""),
    "length-beyond": framed(b"{}", length=10**6),
    "length-negative": framed(b"{}", length=-1),
    "pad-of-0": framed(b"{}", pad=bytes(7)),
    "pad-of-39": framed(b"{}", pad=bytes([39]) * 39),
    "pad-uneven": framed(b"{}", pad=b"\x01\x01\x01\x01\x01\x01\x07"),
    "half-block": base64.b64encode(b"x" * 20).decode(),
    "nothing": "",
    "no-base64": "%%%%",
    "not-utf8": framed(b"\xff\xfe"),
    "no-message": framed(b"hello"),
    "empty-message": framed(b""),
    "list": framed(b"[]"),
    "deep": framed(b'{"a":' * 10_000),
    "nested-17": framed(b'{"a":' * 17 + b"1" + b"}" * 17),
}


@pytest.mark.parametrize("sealed", FRAMES.values(), ids=FRAMES)
def test_a_wrong_frame_is_refused_although_it_is_signed(sealed: str) -> None:
    body = json.dumps({"Encrypt": sealed}).encode()
    assert reason(SAFE, safe_query(sealed), body) != "signature"


def test_the_right_frame_of_that_length_opens() -> None:
    sealed = framed(b"{}", pad=b"\x07" * 7)
    assert open_push(SAFE, safe_query(sealed), json.dumps({"Encrypt": sealed}).encode()) == {}


HOSTILE = {
    "entity": '<!DOCTYPE xml [<!ENTITY a "boom">]><xml><MsgType>&a;</MsgType></xml>',
    "entity-after-space": ' \n<!DOCTYPE xml [<!ENTITY a "b">]><xml><MsgType>&a;</MsgType></xml>',
    "laughs": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><xml>&b;</xml>',
    "outside": '<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml><MsgType>x</MsgType></xml>',
    "doctype-inside": '<xml><!DOCTYPE a [<!ENTITY b "c">]><MsgType>&b;</MsgType></xml>',
    "unknown-entity": "<xml><MsgType>&b;</MsgType></xml>",
    "deep": "<xml>" + "<a>" * 30_000 + "</a>" * 30_000 + "</xml>",
    "nested-20": "<xml><MsgType>x</MsgType>" + "<a>" * 20 + "</a>" * 20 + "</xml>",
    "many-tags": "<xml>" + "<a/>" * 60_000 + "</xml>",
    "other-root": "<html><MsgType>x</MsgType></html>",
    "no-type": "<xml><a>1</a></xml>",
    "type-twice": "<xml><MsgType>a</MsgType><MsgType>b</MsgType></xml>",
    "type-nested": "<xml><MsgType><a>1</a></MsgType></xml>",
    "empty": "<xml></xml>",
    "text": "<xml>text</xml>",
    "open": "<xml><MsgType>event</MsgType>",
    "two-roots": "<xml><MsgType>x</MsgType></xml><xml/>",
    "nothing": "",
    "big": "<xml><MsgType>x</MsgType><a>" + "x" * (257 << 10) + "</a></xml>",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_xml_is_refused_even_from_a_signed_query(text: str) -> None:
    reason(PLAIN, plain_query(), text.encode())
    sealed = framed(text.encode())
    reason(SAFE, safe_query(sealed), f"<xml><Encrypt>{sealed}</Encrypt></xml>".encode())


@settings(deadline=None)
@given(
    body=st.binary(max_size=300)
    | st.text(max_size=300).map(lambda t: f"<xml>{t}".encode("utf-8", "replace"))
)
def test_noise_is_refused_and_nothing_worse(body: bytes) -> None:
    with contextlib.suppress(PushRefused):
        assert isinstance(open_push(PLAIN, plain_query(), body), dict)


def test_the_address_check_has_a_window_of_ten_minutes() -> None:
    query = {**plain_query(), "echostr": "<b>&echo"}
    assert check_url(PLAIN, query, datetime.fromtimestamp(601, UTC)) == "<b>&echo"
    with pytest.raises(PushRefused):
        check_url(PLAIN, query, datetime.fromtimestamp(602, UTC))


def test_an_address_check_at_no_time_is_refused() -> None:
    for timestamp in ("", "soon", "-1", "1\n", "9" * 5000):
        query = {"timestamp": timestamp, "nonce": "2", "signature": sha1("token", timestamp, "2")}
        with pytest.raises(PushRefused):
            check_url(PLAIN, query, datetime.fromtimestamp(1, UTC))
