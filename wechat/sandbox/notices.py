"""Notices to the shop: sealed once, signed at each attempt, repeated for a day (facts D6)."""

import asyncio
import base64
from typing import Final, Literal

import aiohttp
import msgspec

import kit.tasks
from wechat.sandbox.clock import rfc3339
from wechat.sandbox.ground import Ground
from wechat.sandbox.refusals import PhoneRefusal
from wechat.sandbox.rows import Delivery, Notice

RETRY_SECONDS: Final = (
    15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600
)  # fmt: skip
ANSWER_SECONDS: Final = 5.0
DELAY_SECONDS: Final = 5.0

Mode = Literal[
    "ok",
    "wrong_signature",
    "signtest",
    "old_timestamp",
    "unknown_serial",
    "wrong_amount",
    "wrong_mchid",
    "wrong_appid",
    "new_id",
]
_OLD_SECONDS: Final = 600
_SUMMARIES: Final = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}
_ACCEPTED: Final = {200, 204}


class Notices:
    """Every notice, its deliveries so far and the next one."""

    def __init__(self, ground: Ground) -> None:
        self._account = ground.account
        self._store = ground.store
        self._clock = ground.clock
        self._timers = ground.timers
        self._ids = ground.ids
        self._faults = ground.faults
        self._seal = ground.seal
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._by_trade: dict[str, list[Notice]] = {}
        for notice in self._store.notices.rows.values():
            self._by_trade.setdefault(notice.out_trade_no, []).append(notice)

    def announce(
        self, event_type: str, url: str, plain: object, *, trade_no: str, refund_no: str | None
    ) -> None:
        """Seal `plain` and bring it to `url` now and, until accepted, 15 times more."""
        text = msgspec.json.encode(plain).decode()
        notice = Notice(
            id=self._new_id(),
            event_type=event_type,
            out_trade_no=trade_no,
            out_refund_no=refund_no,
            url=url,
            plain=text,
            body="",
            due_at=self._clock.now(),
        )
        notice.body = self._envelope(notice.id, event_type, text)
        self._by_trade.setdefault(trade_no, []).append(notice)
        self._store.notices.put(notice.id, notice)
        self._start(notice)

    def resume(self) -> None:
        """Take up what waited when the simulator ended."""
        for notice in self._store.notices.rows.values():
            self._wait(notice)

    def of_trade(self, trade_no: str) -> list[Notice]:
        """Every notice about the trade and its refunds, oldest first."""
        return self._by_trade.get(trade_no, [])

    async def resend(
        self, trade_no: str, refund_no: str | None, *, mode: Mode, times: int
    ) -> list[int]:
        """Send at once, in parallel; the HTTP statuses received, 0 where none came.

        Raises PhoneRefusal 404 when no such notice was ever due.
        """
        told = [row for row in self.of_trade(trade_no) if row.out_refund_no == refund_no]
        if not told:
            raise PhoneRefusal(404, "没有这样的通知 no such notice")
        notice = told[-1]
        bodies = [self._body(notice, mode) for _ in range(times)]
        sent = await asyncio.gather(*(self._post(notice.url, body, mode) for body in bodies))
        self._record(notice, list(sent), counts=mode == "ok")
        return [delivery.status or 0 for delivery in sent]

    async def stop(self) -> None:
        """End every delivery under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def _start(self, notice: Notice) -> None:
        if notice.due_at is None:
            return
        task = kit.tasks.spawn(self._attempt(notice), "sandbox.notice")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _wait(self, notice: Notice) -> None:
        if notice.due_at is not None:
            self._timers.at(notice.due_at, lambda: self._start(notice))

    async def _attempt(self, notice: Notice) -> None:
        notice.attempts += 1
        fault = self._faults.strike("notice")
        kind = fault.kind if fault else "ok"
        if kind == "lost":
            sent = [Delivery(self._clock.now(), "lost", None)]
        else:
            if fault and kind == "delay":
                seconds = DELAY_SECONDS if fault.seconds is None else fault.seconds
                await asyncio.sleep(seconds)
            copies = 2 if kind == "duplicate" else 1
            posts = [self._post(notice.url, notice.body, kind) for _ in range(copies)]
            sent = list(await asyncio.gather(*posts))
        self._record(notice, sent, counts=True)
        self._plan(notice)

    def _plan(self, notice: Notice) -> None:
        if notice.due_at is None:
            return
        if notice.attempts > len(RETRY_SECONDS):
            notice.due_at = None
        else:
            pause = RETRY_SECONDS[notice.attempts - 1] / self._clock.speed
            notice.due_at = self._clock.now() + pause
        self._store.notices.put(notice.id, notice)
        self._wait(notice)

    def _record(self, notice: Notice, sent: list[Delivery], *, counts: bool) -> None:
        notice.deliveries.extend(sent)
        if counts and any(delivery.status in _ACCEPTED for delivery in sent):
            notice.due_at = None
        self._store.notices.put(notice.id, notice)

    async def _post(self, url: str, body: str, mode: str) -> Delivery:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=connector)
        raw = body.encode()
        at = self._clock.now()
        headers = self._headers(raw, mode)
        try:
            async with self._session.post(
                url, data=raw, headers=headers, allow_redirects=False
            ) as answer:
                await answer.read()
                return Delivery(at, mode, answer.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            return Delivery(at, mode, None, type(error).__name__)

    def _headers(self, body: bytes, mode: str) -> dict[str, str]:
        timestamp = int(self._clock.now()) - (_OLD_SECONDS if mode == "old_timestamp" else 0)
        signed = body + b" " if mode == "wrong_signature" else body
        headers = self._seal.headers(signed, timestamp, self._ids.letters(32))
        if mode == "signtest":
            noise = base64.b64encode(self._ids.random.randbytes(256)).decode()
            headers["Wechatpay-Signature"] = f"WECHATPAY/SIGNTEST/{noise}"
        if mode == "unknown_serial":
            headers["Wechatpay-Serial"] = f"PUB_KEY_ID_{self._ids.digits(28)}"
        return headers | {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}

    def _body(self, notice: Notice, mode: Mode) -> str:
        """The notice as it was, or a new one whose id or content differs, as `mode` says."""
        if mode not in {"wrong_amount", "wrong_mchid", "wrong_appid", "new_id"}:
            return notice.body
        plain = msgspec.json.decode(notice.plain)
        if mode == "wrong_amount":
            plain["amount"] |= {"total": plain["amount"]["total"] + 1}
        elif mode == "wrong_mchid":
            plain["mchid"] = self._ids.digits(len(self._account.mchid))
        elif mode == "wrong_appid":
            plain["appid"] = f"wx{self._ids.hex(16)}"
        text = msgspec.json.encode(plain).decode()
        return self._envelope(self._new_id(), notice.event_type, text)

    def _envelope(self, notice_id: str, event_type: str, plain: str) -> str:
        original = event_type.partition(".")[0].lower()
        nonce = self._ids.letters(12)
        sealed = self._seal.encrypt(plain.encode(), nonce=nonce, associated_data=original)
        body = {
            "id": notice_id,
            "create_time": rfc3339(self._clock.now()),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": _SUMMARIES[event_type],
            "resource": {
                "original_type": original,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": sealed,
                "associated_data": original,
                "nonce": nonce,
            },
        }
        return msgspec.json.encode(body).decode()

    def _new_id(self) -> str:
        digits = self._ids.hex(32)
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
