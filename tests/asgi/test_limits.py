"""Limits over two server processes: a burst on many connections gets the budget and no more, with Redis and without."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.asgi.running import kinds, serving
from tests.redis_server import RedisServer, redis_server

from vfr import bootstrap
from vfr.clock import elapsed_ms
from vfr.settings import Settings

pytestmark = pytest.mark.load

LIMIT = 400
TIERS = json.dumps({"anonymous": {"requestsPerMinute": LIMIT}})
OPEN = {
    "VFR_WORKERS": "2",
    "VFR_SECRET": "correct-horse-battery-staple-0123456789",
    "VFR_PUBLIC_CLASSIC": "true",
    "VFR_TIERS": TIERS,
    "VFR_LOG_LEVEL": "error",
}
DISGUISES = ({}, {"X-Forwarded-For": "198.51.100.1"}, {"X-Real-IP": "198.51.100.2"}, {"Forwarded": "for=198.51.100.3"})


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as started:
        yield started


def burst(port: int, symbol: str, connections: int = 48, each: int = 20) -> tuple[Counter[int], float]:
    """Statuses of requests on so many connections at once, and the slowest in milliseconds."""
    body = json.dumps({"mode": "single", "symbols": [symbol]})
    slowest = [0.0]

    def client(number: int) -> list[int]:
        statuses = []
        headers = {"Content-Type": "application/json"} | DISGUISES[number % len(DISGUISES)]
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for _ in range(each):
            begun = elapsed_ms()
            link.request("POST", "/api/stocks/analyze", body, headers)
            response = link.getresponse()
            response.read()
            statuses.append(response.status)
            slowest[0] = max(slowest[0], elapsed_ms(begun))
        link.close()
        return statuses

    with ThreadPoolExecutor(connections) as threads:
        return Counter(status for some in threads.map(client, range(connections)) for status in some), slowest[0]


def first_symbol(home: Path) -> str:
    return bootstrap.build(Settings(data_home=home)).datasets.board().scores.symbols[0]


@pytest.mark.parametrize("shared", ["file", "redis"])
def test_a_burst_over_two_processes_is_exact_within_two_percent(
    trained: Path, port: int, redis: RedisServer, shared: str
) -> None:
    (trained / "run" / "limits-2.bin").unlink(missing_ok=True)
    more = {"VFR_REDIS_URL": redis.url} if shared == "redis" else {}
    with serving(trained, port, **OPEN, **more) as process:
        assert len(kinds(process)["worker"]) == 2
        statuses, _ = burst(port, first_symbol(trained))
    assert set(statuses) == {200, 429}
    assert 0.98 * LIMIT <= statuses[200] <= 1.02 * LIMIT


@pytest.mark.parametrize("fault", ["stop", "pause"])
def test_redis_that_goes_away_under_load_costs_no_answer(
    trained: Path, port: int, redis: RedisServer, fault: str
) -> None:
    (trained / "run" / "limits-2.bin").unlink(missing_ok=True)
    with serving(trained, port, **OPEN, VFR_REDIS_URL=redis.url):
        before, _ = burst(port, first_symbol(trained), connections=10, each=10)
        getattr(redis, fault)()
        after, slowest = burst(port, first_symbol(trained))
        redis.resume() if fault == "pause" else None
    assert before == {200: 100}
    assert set(after) == {200, 429}
    assert 0.98 * (LIMIT - 100) <= after[200] <= 1.02 * LIMIT - 100
    assert slowest < 10_000
