"""What `jishi run` needs of server.py, and nothing else: tests of the launcher stay quick and alone."""

import argparse
import json
import os
import signal
import socket
import time

SHOWN = ("DATABASE_URL", "REDIS_URL", "JISHI_PUBLIC_URL", "WECHAT_API_URL")


def worker(fd: int) -> None:
    if os.environ.get("STAND_IN_IS_BROKEN"):
        raise SystemExit("this worker is broken")
    listener = socket.socket(fileno=fd)
    listener.settimeout(0.05)
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    while not told:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        with client:
            answer(client)


def answer(client: socket.socket) -> None:
    client.setblocking(True)
    if client.recv(65536).split(b" ")[1:2] == [b"/slow"]:
        time.sleep(1)
    known = {name: os.environ[name] for name in SHOWN}
    body = json.dumps({"pid": os.getpid(), "parent": os.getppid(), **known}).encode()
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)


def jobs() -> None:
    if os.environ.get("STAND_IN_IS_STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(1, b"jobs run\n")
    while True:
        time.sleep(60)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["worker", "jobs"])
    parser.add_argument("--fd", type=int)
    arguments = parser.parse_args()
    if arguments.part == "jobs":
        jobs()
    else:
        worker(arguments.fd)
