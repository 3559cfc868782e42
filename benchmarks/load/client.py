"""A load generator: connections kept alive, each sends its next request when the answer to the last is complete.

    python -m benchmarks.load.client < plan.json        in a process of its own, so that it takes nothing from a server

The plan is ``{"port": 8000, "requests": [text, ...], "connections": 64, "seconds": 5.0}``; what comes back is
``{"answered", "errors", "seconds", "p50_ms", "p99_ms", "max_ms", "bytes"}``, every latency measured and none sampled.
Requests are raw HTTP/1.1; an answer other than 200, or a connection that closes, is an error.
"""

from __future__ import annotations

import json
import select
import socket
import sys
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

HOST = "127.0.0.1"
CHUNK = 1 << 18
PATIENCE_S = 10.0


@dataclass
class Connection:
    """One connection, and what has come of the answer it waits for."""

    link: socket.socket
    sent: float = 0.0
    held: bytearray = field(default_factory=bytearray)
    whole: int = -1

    def take(self, piece: bytes) -> bool | None:
        """Add what came; return whether the answer is a good one once it is complete, None before."""
        self.held += piece
        if self.whole < 0:
            end = self.held.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = bytes(self.held[:end]).lower()
            at = head.find(b"content-length:")
            self.whole = end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self.held) < self.whole:
            return None
        good = self.held[9:12] == b"200"
        self.held.clear()
        self.whole = -1
        return good


def post(path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> str:
    """Return the text of a POST of JSON."""
    text = json.dumps(body)
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\n{more}\r\n{text}"
    )


class Drive:
    """Some connections that ask for a while, in one thread."""

    def __init__(self, port: int, texts: list[bytes]) -> None:
        self._port, self._texts = port, texts
        self._poll = select.epoll()
        self._open: dict[int, Connection] = {}
        self._asked = 0
        self.taken: list[float] = []
        self.errors = self.size = 0

    def run(self, connections: int, seconds: float) -> float:
        """Ask for some seconds, wait for what was asked by then, and return how long that took."""
        opened = [self._connect() for _ in range(connections)]
        start = perf_counter()
        for one in opened:
            self._ask(one)
        while self._open:
            ready = self._poll.poll(PATIENCE_S)
            if not ready:  # Whatever is still asked for does not come.
                self.errors += len(self._open)
                break
            for number, _ in ready:
                self._read(self._open[number], start + seconds)
        return perf_counter() - start

    def _connect(self) -> Connection:
        link = socket.create_connection((HOST, self._port), PATIENCE_S)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made = self._open[link.fileno()] = Connection(link)
        self._poll.register(link, select.EPOLLIN)
        return made

    def _ask(self, one: Connection) -> None:
        one.sent = perf_counter()
        one.link.sendall(self._texts[self._asked % len(self._texts)])
        self._asked += 1

    def _read(self, one: Connection, end: float) -> None:
        piece = one.link.recv(CHUNK)
        self.size += len(piece)
        good = one.take(piece) if piece else False
        if good is None:
            return
        now = perf_counter()
        if good:
            self.taken.append(1e3 * (now - one.sent))
        else:
            self.errors += 1
        if piece and now < end:
            self._ask(one)
            return
        self._poll.unregister(one.link)
        del self._open[one.link.fileno()]
        one.link.close()
        if now < end:
            self._ask(self._connect())


def drive(port: int, requests: list[str], connections: int, seconds: float) -> dict[str, Any]:
    """Ask for some seconds over some connections, one request after the other on each."""
    run = Drive(port, [text.encode() for text in requests])
    took = run.run(connections, seconds)
    return _summary(run.taken, run.errors, took, run.size)


def _summary(taken: list[float], errors: int, seconds: float, size: int) -> dict[str, Any]:
    taken.sort()
    n = len(taken)
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
    figures = {name: taken[min(int(share * n), n - 1)] if n else None for name, share in shares.items()}
    return {"answered": n, "errors": errors, "seconds": seconds, **figures, "bytes": size}


if __name__ == "__main__":
    print(json.dumps(drive(**json.load(sys.stdin))))
