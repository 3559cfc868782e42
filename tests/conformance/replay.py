"""A server on this machine that plays a vendor: documents by path, and faults that a test switches on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qsl, urlsplit

__all__ = ["ECHO", "Answer", "Asked", "Change", "Fault", "Play", "Replay", "document", "rewrite"]

ECHO = b"<what was asked>"
"""Stands in a body where a careless vendor repeats the question, keys and all."""

PATIENCE = 30.0
"""Seconds after which a slow answer is given up, so that a broken test cannot hang; no test waits for it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `length` is what the header promises where that is not the truth, `late` waits for the test's end."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    late: bool = False


Play: TypeAlias = Callable[[Asked], Answer | None]
"""The vendor: the answer to a request, None for a path it does not have."""

Change: TypeAlias = Callable[[Answer], Answer]
"""What a fault makes of an answer."""


def document(body: Any) -> Answer:
    """Return a healthy answer in JSON."""
    return Answer(json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def rewrite(change: Callable[[Any], Any]) -> Change:
    """Return a fault of content: the answer is read as JSON, changed and written again."""

    def changed(answer: Answer) -> Answer:
        return replace(answer, body=json.dumps(change(json.loads(answer.body))).encode())

    return changed


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault on the requests whose path contains `where`; after `times` of them the vendor is well again."""

    change: Change
    where: str = ""
    times: int | None = None


class Replay:
    """The server; a context manager. `asked` lists every request, `faulty` counts those answered with the fault."""

    def __init__(self, play: Play, fault: Fault | None = None) -> None:
        self.play = play
        self.fault = fault
        self.asked: list[Asked] = []
        self.faulty = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def paths(self) -> list[str]:
        """Paths asked for, in order."""
        return [one.path for one in self.asked]

    def answer(self, asked: Asked) -> Answer:
        """Return what is sent: the document, or what the fault makes of it."""
        healthy = self.play(asked) or Answer(b'{"error": "no such page"}', status=404)
        with self._lock:
            self.asked.append(asked)
            fault = self.fault
            hit = fault is not None and fault.where in asked.path and (fault.times is None or self.faulty < fault.times)
            self.faulty += hit
        answer = fault.change(healthy) if fault is not None and hit else healthy
        told = json.dumps([asked.path, dict(asked.params), dict(asked.headers)]).replace('"', "'")
        return replace(
            answer, body=answer.body.replace(ECHO, told.encode()), headers={**answer.headers, "X-Asked": told}
        )

    def wait(self) -> None:
        """Hold a late answer back until the test is over."""
        self._over.wait(PATIENCE)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(replay: Replay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = replay.answer(Asked(parts.path, dict(parse_qsl(parts.query)), headers))
            self.close_connection = True
            if answer.late:
                replay.wait()
            try:
                self._send(answer)
            except ConnectionError:
                return  # the client did not wait: that is what a late answer is for

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_message: object) -> None:
            """Stay quiet: a request is recorded, not printed."""

    return Handler
