"""A WeChat made of raw bytes on loopback, for answers no honest server would give."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from kit.clock import now

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
KEYS = VECTORS["keys"]
VECTOR = {vector["id"]: vector for vector in VECTORS["vectors"]}

PLATFORM = KEYS["wechatpay_java_platform_key"]
PLATFORM_ID = "PUB_KEY_ID_0000000000000000000000000000"
_platform_key = serialization.load_pem_private_key(PLATFORM["private_key_pem"].encode(), None)

Reply = bytes | list[bytes] | None


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Stub:
    """Answers with `reply(seen)`: bytes go out and the connection closes, a list goes out
    a piece per 0.2 s, None keeps the caller waiting, an exception resets the connection."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.reply: Callable[[Seen], Awaitable[Reply] | Reply] = lambda _: answer(404, b"")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            seen = await _read(reader)
            self.seen.append(seen)
            reply = self.reply(seen)
            await _write(writer, await reply if isinstance(reply, Awaitable) else reply)
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()


@asynccontextmanager
async def stub_server() -> AsyncIterator[Stub]:
    stub, tasks = Stub(), set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(stub.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stub
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answer(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def as_json(fields: Any, status: int = 200) -> bytes:
    return answer(status, json.dumps(fields).encode(), {"Content-Type": "text/plain"})


def signed(body: bytes, *, status: int = 200, age: int = 0, serial: str = PLATFORM_ID) -> bytes:
    """An answer that WeChat Pay signed `age` seconds ago."""
    return answer(status, body, signature_headers(body, age=age, serial=serial))


def signature_headers(body: bytes, *, age: int = 0, serial: str = PLATFORM_ID) -> dict[str, str]:
    timestamp, nonce = str(int(now().timestamp()) - age), "0123456789abcdef"
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    signature = _platform_key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
    }


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    if reply is None:
        await asyncio.sleep(60)
    pieces = reply if isinstance(reply, list) else [reply or b""]
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        if isinstance(reply, list):
            await asyncio.sleep(0.2)
