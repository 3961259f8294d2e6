"""One effect per Idempotency-Key: the answer is stored in the transaction of its effect."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from kit import db
from kit.errors import KeyReused, Refusal

Answer = tuple[int, bytes]


class RequestInProgress(Refusal):
    code = "request_in_progress"
    status = 409
    zh = "相同的请求正在处理中。"
    en = "The same request is still being processed."


async def answer_once(
    caller: str, key: str, mark: bytes, now: datetime, act: Callable[[], Awaitable[Answer]]
) -> Answer:
    """Run `act` for the first request with this key of `caller`; repeat its answer for the same again.

    `KeyReused` for another request under the key, `RequestInProgress` while the first still runs.
    `mark` says which request it is: equal for equal requests, telling nothing of their content.
    A refused or failed first leaves no trace. `act` must not cross the network: a transaction is open.
    """
    async with db.tx():
        if not await db.value(
            "select pg_try_advisory_xact_lock(hashtextextended($1, 0))", f"{caller}\n{key}"
        ):
            raise RequestInProgress
        known = await db.row(
            "select fingerprint, status, body from idempotency_record where caller = $1 and key = $2",
            caller,
            key,
        )
        if known is not None:
            if known["fingerprint"] != mark:
                raise KeyReused
            return known["status"], known["body"]
        status, body = await act()
        await db.execute(
            "insert into idempotency_record (caller, key, fingerprint, status, body, at)"
            " values ($1, $2, $3, $4, $5, $6)",
            caller,
            key,
            mark,
            status,
            body,
            now,
        )
        return status, body
