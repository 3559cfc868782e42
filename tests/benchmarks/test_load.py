"""The load generator counts every answer, good or not, and measures each of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from benchmarks.load.peer import read

from vfr.cli.bench_client import Connection, Group, drive, post


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if b"fail" in body else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = b"close" in body

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


@contextmanager
def serving() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_every_answer_counts_and_is_measured() -> None:
    requests = [post("/", {"say": "well"}), post("/", {"say": "fail"}), post("/", {"say": "well"})]
    with serving() as port:
        [told] = drive(port, 0.3, [{"requests": requests, "connections": 3}], marks=["well"])
    assert told["answered"] > 0
    share = told["errors"] / (told["answered"] + told["errors"])
    assert share == pytest.approx(1 / 3, abs=0.05)
    assert told["statuses"] == {"200": told["answered"], "500": told["errors"]}
    assert told["marks"] == {"well": told["answered"]}
    assert 0 < told["p50_ms"] <= told["p99_ms"] <= told["max_ms"] < 1e3 * told["seconds"]


def test_a_connection_that_closes_is_an_error_and_another_is_opened() -> None:
    with serving() as port:
        [told] = drive(port, 0.3, [{"requests": [post("/", {"say": "close"})], "connections": 2}])
    assert told["answered"] > 4
    assert told["statuses"]["broken"] == told["errors"] > 0


def test_groups_are_counted_apart() -> None:
    groups = [{"requests": [post("/", {"say": say})], "connections": n} for say, n in (("well", 1), ("fail", 2))]
    with serving() as port:
        well, fail = drive(port, 0.3, groups)
    assert well["errors"] == fail["answered"] == 0
    assert set(fail["statuses"]) == {"500"}
    assert fail["p50_ms"] is None


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_answers_are_put_together_from_any_pieces(step: int) -> None:
    one = Connection(None, Group([b""], 1))  # type: ignore[arg-type]
    text = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\nx: y\r\n\r\nhello world"
    for _ in range(2):
        found = [one.take(text[at : at + step]) for at in range(0, len(text), step)]
        assert found == [None] * (len(found) - 1) + [("200", text)]
    assert one.take(text.replace(b"200 OK", b"503 NO"))[0] == "503"


def test_figures_of_wrk_are_read_and_bad_answers_refused() -> None:
    assert read("  99%  1.50s \nRequests/sec:  9.5\n") == {"per_s": 9.5, "p99_ms": 1500.0}
    with pytest.raises(RuntimeError, match="other than 200"):
        read("Non-2xx or 3xx responses: 3\nRequests/sec: 9\n")
