"""A flood of slow questions: shed before memory grows, while the latest day is answered as ever."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.asgi.running import Load, ask, kinds, serving

from vfr import bootstrap
from vfr.settings import Settings

pytestmark = pytest.mark.load

URL = "/api/stocks/analyze"
CLIENTS = 64
ASKED = 1_000
MOST_GROWN = 100 * 2**20
"""Bytes: what sixteen boards, sixteen forecasts and some threads take."""


def test_slow_questions_are_shed_and_memory_stays(trained: Path, port: int) -> None:
    app = bootstrap.build(Settings(data_home=trained))
    symbol, sessions = app.datasets.board().scores.symbols[0], app.datasets.snapshot().sessions
    slow = {"mode": "single", "symbols": [symbol], "include_ml": True, "ml_timeout": 500}

    def past(n: int) -> str:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = json.dumps(slow | {"as_of": str(sessions[-2 - n % (sessions.size - 100)])})
        link.request("POST", URL, body, {"Content-Type": "application/json"})
        response = link.getresponse()
        response.read()
        link.close()
        return f"{response.status} {response.headers.get('Retry-After', '')}".strip()

    with serving(trained, port, VFR_LOG_LEVEL="error") as process:
        [worker] = kinds(process)["worker"]
        ask(port, URL, {"mode": "single", "symbols": [symbol]})
        before = worker.memory_info().rss
        latest = Load(port, {"mode": "single", "symbols": [symbol]})
        with latest.running(), ThreadPoolExecutor(CLIENTS) as clients:
            said = Counter(clients.map(past, range(ASKED)))
        assert set(said) == {"200", "503 1"}
        assert latest.failures == []
        assert worker.memory_info().rss - before < MOST_GROWN
