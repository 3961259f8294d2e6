"""Delivered at least once, whoever dies; parked with an alert when nothing helps."""

import asyncio
from datetime import timedelta

import pytest

from commerce import outbox
from jobs import outbox as relay
from kit import clock, db
from models.enums import StaffRole
from tests.shop import Shop


async def _emit(count: int = 1) -> None:
    async with db.tx():
        for number in range(count):
            await outbox.emit("test.happened", {"number": number}, clock.now())


async def _emit_and_fail() -> None:
    async with db.tx():
        await outbox.emit("test.happened", {}, clock.now())
        raise ZeroDivisionError


async def test_an_event_of_a_transaction_that_fails_was_never_written(database: str) -> None:
    with pytest.raises(ZeroDivisionError):
        await _emit_and_fail()
    assert await outbox.claim(10, clock.now()) == []


async def test_two_relays_never_claim_the_same_message(database: str) -> None:
    await _emit(200)
    batches = await asyncio.gather(*(outbox.claim(50, clock.now()) for _ in range(6)))
    ids = [message.id for batch in batches for message in batch]
    assert len(ids) == len(set(ids)) == 200


async def test_control_claiming_without_skip_locked_hands_out_twice(database: str) -> None:
    await _emit(50)
    both_have_read = asyncio.Barrier(2)

    async def claim_carelessly() -> list[object]:
        found = await db.rows("select id from outbox_message where delivered_at is null")
        await both_have_read.wait()
        return [row["id"] for row in found]

    first, second = await asyncio.gather(claim_carelessly(), claim_carelessly())
    assert set(first) & set(second)


async def test_a_message_whose_worker_died_comes_back(database: str) -> None:
    await _emit()
    now = clock.now()
    assert len(await outbox.claim(10, now)) == 1
    assert await outbox.claim(10, now + outbox.LEASE - timedelta(seconds=1)) == []
    assert len(await outbox.claim(10, now + outbox.LEASE)) == 1


async def test_a_failing_consumer_is_tried_with_growing_pauses_then_parked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(*_: object) -> None:
        raise RuntimeError("卡住了")

    monkeypatch.setitem(relay.CONSUMERS, "test.happened", break_down)
    await _emit()
    now, waits = clock.now(), []
    while not await db.value("select parked_at from outbox_message"):
        assert await relay.relay_once(shop.work, now) == 1
        due = await db.value("select due_at from outbox_message")
        waits.append((due - now).total_seconds())
        now = due
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) == outbox.LONGEST_PAUSE.total_seconds()
    assert len(waits) == outbox.MAX_ATTEMPTS
    assert "卡住了" in await db.value("select last_error from outbox_message")

    boss = await shop.clerk(role=StaffRole.HEADQUARTERS)
    alerts = (await boss.get("/v1/staff/alerts")).json()["items"]
    assert [alert["kind"] for alert in alerts] == ["outbox_parked"]
    closed = await boss.post(f"/v1/staff/alerts/{alerts[0]['id']}/closure", {"note": "已修复"})
    assert closed.status_code == 204
    assert (await boss.get("/v1/staff/alerts")).json()["items"] == []
    again = await boss.post(f"/v1/staff/alerts/{alerts[0]['id']}/closure", {"note": "已修复"})
    assert again.status_code == 404
    monkeypatch.setitem(relay.CONSUMERS, "test.happened", _enjoy)
    assert await relay.relay_once(shop.work, clock.now()) == 1
    assert await db.value("select delivered_at is not null from outbox_message")


async def _enjoy(*_: object) -> None:
    """Everything went well."""


async def test_a_poisoned_message_does_not_stop_the_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dislike_three(message: outbox.Message, *_: object) -> None:
        if message.payload["number"] == 3:
            raise RuntimeError

    monkeypatch.setitem(relay.CONSUMERS, "test.happened", dislike_three)
    await _emit(6)
    await relay.relay_once(shop.work, clock.now())
    assert await db.value("select count(*) from outbox_message where delivered_at is not null") == 5


async def test_the_running_relay_wakes_at_once(
    shop: Shop, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = asyncio.Event()

    async def note(*_: object) -> None:
        done.set()

    monkeypatch.setitem(relay.CONSUMERS, "test.happened", note)
    monkeypatch.setattr(relay, "POLL_SECONDS", 60)
    running = asyncio.ensure_future(relay.run_relay(shop.work, database))
    try:
        await asyncio.sleep(0.2)
        await _emit()
        async with asyncio.timeout(5):
            await done.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
