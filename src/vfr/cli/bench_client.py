"""A load generator: connections kept alive, each sends its next request when the answer to the last is complete.

    python -m vfr.cli.bench_client < plan.json        in a process of its own, so that it takes nothing from a server

The plan is ``{"port": 8000, "seconds": 5.0, "groups": [{"requests": [text, ...], "connections": 64}, ...]}``, with
``"marks": [text, ...]`` where answers that hold a text are to be counted. What comes back has for each group
``{"answered", "errors", "statuses", "marks", "seconds", "p50_ms", "p99_ms", "max_ms", "bytes"}``: every latency of an
answer 200 is measured and none sampled; another status, or a connection that closes, is an error. Requests are raw
HTTP/1.1.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from vfr.clock import elapsed_ms

__all__ = ["Connection", "Group", "drive", "post"]

HOST: Final = "127.0.0.1"
BROKEN: Final = "broken"
"""Stands among the statuses for a connection that closed before its answer was whole."""

_CHUNK: Final = 1 << 18
_PATIENCE_S: Final = 15.0


@dataclass
class Group:
    """Connections that ask the same requests in turn, and what came of it."""

    texts: list[bytes]
    connections: int
    marks: tuple[bytes, ...] = ()
    asked: int = 0
    size: int = 0
    taken: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    marked: Counter[bytes] = field(default_factory=Counter)

    def next(self) -> bytes:
        """Return what is asked next."""
        self.asked += 1
        return self.texts[self.asked % len(self.texts)]

    def count(self, status: str, answer: bytes, took_ms: float) -> None:
        """Count a whole answer, or a broken connection."""
        self.statuses[status] += 1
        if status == "200":
            self.taken.append(took_ms)
        for mark in self.marks:
            self.marked[mark] += mark in answer

    def summary(self, seconds: float) -> dict[str, Any]:
        """Return the figures, as JSON types."""
        taken, n = sorted(self.taken), len(self.taken)
        shares = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
        return {
            "answered": n,
            "errors": self.statuses.total() - n,
            "statuses": dict(self.statuses),
            "marks": {mark.decode(): self.marked[mark] for mark in self.marks},
            "seconds": seconds,
            **{name: taken[min(int(share * n), n - 1)] if n else None for name, share in shares.items()},
            "bytes": self.size,
        }


@dataclass
class Connection:
    """One connection, and what has come of the answer it waits for."""

    link: socket.socket
    group: Group
    sent: float = 0.0
    held: bytearray = field(default_factory=bytearray)
    whole: int = -1

    def take(self, piece: bytes) -> tuple[str, bytes] | None:
        """Add what came; return status and text of the answer once it is complete, None before."""
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
        answer = bytes(self.held)
        self.held.clear()
        self.whole = -1
        return answer[9:12].decode(), answer


def post(path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> str:
    """Return the text of a POST of JSON.

    Examples
    --------
    >>> post("/here", {}).splitlines()[0]
    'POST /here HTTP/1.1'
    """
    text = json.dumps(body)
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\n{more}\r\n{text}"
    )


class _Drive:
    """Groups of connections that ask for a while, in one thread."""

    def __init__(self, port: int, groups: Sequence[Group]) -> None:
        self._port, self._groups = port, groups
        self._poll = selectors.DefaultSelector()
        self._open = 0
        self._end = 0.0

    def run(self, seconds: float) -> float:
        """Ask for some seconds, wait for what was asked by then, and return the seconds that took."""
        opened = [self._connect(group) for group in self._groups for _ in range(group.connections)]
        start = elapsed_ms()
        self._end = start + 1e3 * seconds
        for one in opened:
            self._ask(one)
        while self._open:
            ready = self._poll.select(_PATIENCE_S)
            if not ready:  # Whatever is still asked for does not come.
                self._give_up()
                break
            for key, _ in ready:
                self._read(cast("Connection", key.data))
        self._poll.close()
        return elapsed_ms(start) / 1e3

    def _connect(self, group: Group) -> Connection:
        link = socket.create_connection((HOST, self._port), _PATIENCE_S)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made = Connection(link, group)
        self._poll.register(link, selectors.EVENT_READ, made)
        self._open += 1
        return made

    def _ask(self, one: Connection) -> None:
        one.sent = elapsed_ms()
        try:
            one.link.sendall(one.group.next())
        except OSError:
            self._again(one)

    def _read(self, one: Connection) -> None:
        try:
            piece = one.link.recv(_CHUNK)
        except OSError:
            piece = b""
        if not piece:
            self._again(one)
            return
        one.group.size += len(piece)
        found = one.take(piece)
        if found is None:
            return
        now = elapsed_ms()
        one.group.count(*found, now - one.sent)
        if now < self._end:
            self._ask(one)
        else:
            self._drop(one)

    def _again(self, one: Connection) -> None:
        """Count a connection as broken, and open another while there is time."""
        one.group.count(BROKEN, b"", 0.0)
        self._drop(one)
        if elapsed_ms() < self._end:
            self._ask(self._connect(one.group))

    def _drop(self, one: Connection) -> None:
        self._poll.unregister(one.link)
        one.link.close()
        self._open -= 1

    def _give_up(self) -> None:
        for key in list(self._poll.get_map().values()):
            one = cast("Connection", key.data)
            one.group.count(BROKEN, b"", 0.0)
            self._drop(one)


def drive(
    port: int, seconds: float, groups: Sequence[Mapping[str, Any]], marks: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Ask for some seconds over some connections, one request after the other on each; return figures by group."""
    sought = tuple(mark.encode() for mark in marks)
    made = [Group([text.encode() for text in one["requests"]], one["connections"], sought) for one in groups]
    took = _Drive(port, made).run(seconds)
    return [group.summary(took) for group in made]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(drive(**json.load(sys.stdin))))
