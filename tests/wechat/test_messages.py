"""Subscribe messages: what is sent, and what each errcode means."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from commerce.ports import Notifier, OutsideRefused, OutsideUnknown, SendOutcome, SubscribeMessage
from tests.wechat.stub_servers import Reply, Seen, Stub, answer, as_json, stub_server
from wechat.accounts import WechatAccount
from wechat.messages import WechatNotifier
from wechat.tokens import AccessTokens

MESSAGE = SubscribeMessage(
    openid="o1",
    template_id="t1",
    page="pages/order?no=J1",
    data={"thing1": "鲜花套餐\n等3件", "amount2": "¥19.90", "phrase3": "已付款!"},
)


class FakeWechat:
    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.said: Reply = as_json({"errcode": 0, "errmsg": "ok", "msgid": 1})
        self.token: Reply = as_json({"access_token": "T1", "expires_in": 7200})
        stub.reply = lambda seen: self.token if "stable_token" in seen.target else self.said

    @property
    def sent(self) -> list[Seen]:
        return [seen for seen in self.stub.seen if "subscribe/send" in seen.target]


@pytest.fixture
async def fake() -> AsyncIterator[FakeWechat]:
    async with stub_server() as stub:
        yield FakeWechat(stub)


@pytest.fixture
async def notifier(fake: FakeWechat, tmp_path: Path) -> AsyncIterator[Notifier]:
    async with (
        aiohttp.ClientSession() as session,
        Redis(unix_socket_path=str(tmp_path / "nobody"), retry=Retry(NoBackoff(), 0)) as redis,
    ):
        account = WechatAccount("wx1", "secret", fake.stub.url)
        yield WechatNotifier(AccessTokens(account, session, redis), "trial")


async def test_a_message_is_fitted_and_sent(notifier: Notifier, fake: FakeWechat) -> None:
    assert await notifier.send(MESSAGE) is SendOutcome.SENT
    (seen,) = fake.sent
    assert (seen.method, seen.target) == (
        "POST",
        "/cgi-bin/message/subscribe/send?access_token=T1",
    )
    assert seen.json == {
        "touser": "o1",
        "template_id": "t1",
        "page": "pages/order?no=J1",
        "data": {
            "thing1": {"value": "鲜花套餐 等3件"},
            "amount2": {"value": "￥19.90"},
            "phrase3": {"value": "已付款"},
        },
        "miniprogram_state": "trial",
        "lang": "zh_CN",
    }
    assert "鲜花".encode() in seen.body, "real characters, no escapes"


async def test_a_message_without_page_has_no_page(notifier: Notifier, fake: FakeWechat) -> None:
    await notifier.send(SubscribeMessage("o1", "t1", "", {"thing1": "x"}))
    assert "page" not in fake.sent[0].json


@pytest.mark.parametrize(
    ("errcode", "outcome"),
    [
        (43101, SendOutcome.NOT_SUBSCRIBED),
        (43107, SendOutcome.REFUSED),
        (47003, SendOutcome.REFUSED),
        (45168, SendOutcome.REFUSED),
        (40037, SendOutcome.REFUSED),
        (41030, SendOutcome.REFUSED),
        (40003, SendOutcome.REFUSED),
        (99999, SendOutcome.REFUSED),
    ],
)
async def test_a_final_no_has_an_outcome(
    notifier: Notifier, fake: FakeWechat, errcode: int, outcome: SendOutcome
) -> None:
    fake.said = as_json({"errcode": errcode, "errmsg": "no rid: 1"})
    assert await notifier.send(MESSAGE) is outcome
    assert len(fake.sent) == 1


@pytest.mark.parametrize(
    "said",
    [
        as_json({"errcode": -1}),
        as_json({"errcode": 43108}),
        as_json({"errcode": 45009}),
        as_json({"errcode": 45011}),
        as_json({"errcode": 40001}),
        answer(500, b""),
        answer(429, b'{"errcode":0}'),
        answer(200, b"<html>"),
        answer(200, b""),
        b"",
    ],
    ids=["busy", "parallel", "day", "minute", "token", "500", "429", "html", "empty", "reset"],
)
async def test_what_is_not_decided_is_to_be_repeated(
    notifier: Notifier, fake: FakeWechat, said: bytes
) -> None:
    fake.said = said
    with pytest.raises(OutsideUnknown):
        await notifier.send(MESSAGE)


async def test_a_figure_that_cannot_be_said_is_not_sent(
    notifier: Notifier, fake: FakeWechat
) -> None:
    unfit = SubscribeMessage("o1", "t1", "", {"amount1": "免费"})
    assert await notifier.send(unfit) is SendOutcome.REFUSED
    assert fake.stub.seen == []


async def test_without_a_token_nothing_is_sent(notifier: Notifier, fake: FakeWechat) -> None:
    fake.token = as_json({"errcode": 40125})
    with pytest.raises(OutsideRefused):
        await notifier.send(MESSAGE)
    assert fake.sent == []
