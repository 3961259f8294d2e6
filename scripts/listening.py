"""Ports: taking one, finding the next free one, and asking whether somebody answers there."""

import asyncio
import errno
import socket
from collections.abc import Collection
from contextlib import suppress

import click

_BACKLOG = 1024
_NEIGHBOURS = 100


def listen(host: str, port: int, *, may_move: bool, avoid: Collection[int] = ()) -> socket.socket:
    """A listening socket on `port`, or, when that is taken and we may move, on the next free one.

    Raises ClickException when there is none to have.
    """
    span = _NEIGHBOURS if may_move else 0
    for candidate in range(port, min(port + span, 65535) + 1):
        if candidate in avoid:
            continue
        try:
            return _bind(host, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise click.ClickException(
                    f"Cannot listen on {host}:{port}: {error.strerror}"
                ) from None
    raise click.ClickException(f"Port {port} of {host} is taken. Choose another with JISHI_PORT.")


def free_port(host: str, port: int, *, avoid: Collection[int] = ()) -> int:
    """`port` or the next one nobody listens on; another may take it before its user does."""
    with listen(host, port, may_move=True, avoid=avoid) as probe:
        return port_of(probe)


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


async def answers(host: str, port: int, path: str) -> bool:
    """Whether GET `path` gives 200 within a second."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(
                    f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
                )
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    return False


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
