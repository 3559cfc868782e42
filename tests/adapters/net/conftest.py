"""A vendor on this machine that answers as a test plans, time that passes only by sleeping, and a real pace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from vfr.adapters.net.client import Policy, PoliteClient
from vfr.adapters.net.http import HttpTransport

if TYPE_CHECKING:
    from vfr.adapters.database.pace import Pace

Play: TypeAlias = Callable[[BaseHTTPRequestHandler], None]

PATIENCE = 30.0
"""Seconds after which a hanging answer is given up, so that a broken test cannot hang; no test waits for it."""


def answer(body: bytes = b"{}", status: int = 200, **headers: str) -> Play:
    """Return a play of one whole answer; a `Content_Length` overrides the true one."""

    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Length": str(len(body))} | named).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return play


class Vendor:
    """Plays its plan answer by answer, the last one for ever; `asked` holds what arrived."""

    def __init__(self) -> None:
        self.plan: list[Play] = [answer()]
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self._lock = threading.Lock()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                vendor._next(self)(self)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def plays(self, *plan: Play) -> None:
        self.plan = list(plan)

    def hang(self, _handler: BaseHTTPRequestHandler) -> None:
        self.over.wait(PATIENCE)

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def _next(self, handler: BaseHTTPRequestHandler) -> Play:
        with self._lock:
            self.asked.append((handler.path, {name.lower(): value for name, value in handler.headers.items()}))
            return self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]


@dataclass
class Hours:
    """Time that passes only by sleeping."""

    now: datetime = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    yield made
    made.close()


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def pace(tmp_path: Path) -> Iterator[Pace]:
    from vfr.adapters.database.engine import open_engine
    from vfr.adapters.database.migrate import migrate
    from vfr.adapters.database.pace import Pace

    engine = open_engine(f"sqlite:///{tmp_path / 'pace.db'}")
    migrate(engine)
    yield Pace(engine)
    engine.dispose()


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    made = HttpTransport("acme", headers={"User-Agent": "vfr someone@example.org"}, read_s=0.3, whole_s=5.0)
    yield made
    made.close()


@pytest.fixture
def client(transport: HttpTransport, pace: Pace, hours: Hours) -> PoliteClient:
    # The pace is fast, so that waits seen by a test are those between attempts.
    return PoliteClient(
        "acme",
        transport,
        pace,
        policy=Policy(per_second=1e6),
        sleep=hours.sleep,
        rng=np.random.default_rng(3),
        clock=hours.clock,
    )
