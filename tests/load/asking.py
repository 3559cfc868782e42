"""Requests for the load generator, what counts in an answer, and connections to one server process each."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import psutil
from tests.asgi.running import kinds

from vfr.cli.bench_cases import analyze
from vfr.cli.bench_client import HOST, post
from vfr.cli.bench_server import URL, Server

CHANGING = ("latencyMs", "fromCache", "timestamp", "members")
"""What two answers to the same question may differ in: when and how fast they were made."""


def group(server: Server, connections: int, symbols: Sequence[str], *, count: int = 1, **more: Any) -> dict[str, Any]:
    """Some connections that ask for `count` symbols at a time, all of them in turn."""
    asked = {"ml": False, **more}
    turned = [[*symbols[n:], *symbols[:n]][:count] for n in range(len(symbols))]
    return {
        "requests": [post(URL, analyze(one, **asked), server.headers) for one in turned],
        "connections": connections,
    }


def mixed(server: Server, symbols: Sequence[str], *, timeout: int = 300, each: int = 32) -> list[dict[str, Any]]:
    """Classic and ML requests, on as many connections each."""
    classic = group(server, each, symbols)
    return [classic, group(server, each, symbols, count=3, ml=True, ml_timeout=timeout)]


@contextmanager
def under_load(
    server: Server, seconds: float, groups: list[dict[str, Any]], marks: Sequence[str] = ()
) -> Iterator[Any]:
    """Put load on a server for some seconds while the body runs; yields what will hold the figures."""
    with ThreadPoolExecutor(1) as one:
        told: Future[list[dict[str, Any]]] = one.submit(server.drive, seconds, groups, tuple(marks))
        yield told
        told.result()


def stocks(server: Server, symbols: Sequence[str], **more: Any) -> list[dict[str, Any]]:
    """What is said of some symbols, but for when and how fast."""
    status, answer = server.ask("POST", URL, analyze(symbols, **{"ml": True, "ml_timeout": 30_000, **more}))
    assert status == 200, answer
    return settled(answer["data"]["stocks"])


def settled(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for stock in found:
        for name in CHANGING:
            stock.get("mlPrediction", {}).pop(name, None)
    return sorted(found, key=lambda stock: str(stock["symbol"]))


def digest(found: list[dict[str, Any]]) -> str:
    """A hash of what is said of some symbols."""
    return sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


def codes(found: list[dict[str, Any]]) -> set[str]:
    """Why stocks have no prediction, or ``ok``."""
    return {"ok" if "mlPrediction" in stock else stock["mlUnavailable"]["code"] for stock in found}


def metric(server: Server, name: str) -> float:
    """The sum over a server's processes of one figure, such as ``vfr_journal_rows_total{what="written"}``."""
    link = http.client.HTTPConnection(HOST, server.port, timeout=30)
    try:
        link.request("GET", "/metrics", headers=dict(server.headers))
        text = link.getresponse().read().decode()
    finally:
        link.close()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


class Line:
    """A kept connection to one server process."""

    def __init__(self, server: Server) -> None:
        self._headers = {"Content-Type": "application/json", **server.headers}
        self._link = http.client.HTTPConnection(HOST, server.port, timeout=30)
        self._link.connect()
        self.port = int(self._link.sock.getsockname()[1])

    def ask(self, symbols: Sequence[str], **more: Any) -> list[dict[str, Any]]:
        self._link.request("POST", URL, json.dumps(analyze(symbols, **{"ml": True, **more})), self._headers)
        response = self._link.getresponse()
        body = json.loads(response.read())
        assert response.status == 200, body
        found: list[dict[str, Any]] = body["data"]["stocks"]
        return found

    def close(self) -> None:
        self._link.close()


@contextmanager
def line_to_each(server: Server) -> Iterator[dict[int, Line]]:
    """A connection to every server process, by its id."""
    workers = [one.pid for one in kinds(server.process)["worker"]]
    found: dict[int, Line] = {}
    opened = []
    try:
        for _ in range(200):
            line = Line(server)
            opened.append(line)
            line.ask(server.symbols()[:1], ml=False)
            for pid in workers:
                ports = {one.raddr.port for one in psutil.Process(pid).net_connections("tcp") if one.raddr}
                if line.port in ports:
                    found.setdefault(pid, line)
            if len(found) == len(workers):
                break
        assert len(found) == len(workers), "a server process takes no connection"
        yield found
    finally:
        for line in opened:
            line.close()
