"""A real Redis that stops, pauses, forgets, lies or is full, under load: every answer comes, and is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from tests.load.asking import digest, group, mixed, stocks, under_load
from tests.load.conftest import Tell
from tests.redis_server import RedisServer

from vfr.cli.bench_server import Server, served

SECONDS = 4.0


@pytest.fixture(scope="module")
def server(folder: Path, home: Path, redis: RedisServer) -> Iterator[Server]:
    more = {"VFR_WORKERS": "2", "VFR_REDIS_URL": redis.url, "VFR_LOG_LEVEL": "error"}
    with served(home, folder, more, secured=True) as started:
        yield started


def lie(redis: RedisServer) -> None:
    client = redis.client
    for key in client.scan_iter("*"):
        client.set(key, b"\x00garbage\xff" * 100)


def limit(redis: RedisServer, size: str) -> None:
    redis.client.config_set("maxmemory-policy", "noeviction")
    redis.client.config_set("maxmemory", size)


FAULTS: dict[str, tuple[Callable[[RedisServer], object], Callable[[RedisServer], object]]] = {
    "stop": (RedisServer.stop, RedisServer.start),
    "pause": (RedisServer.pause, RedisServer.resume),
    "flush": (lambda redis: redis.client.flushall(), RedisServer.answers),
    "garbage": (lie, lambda redis: redis.client.flushall()),
    "full": (lambda redis: limit(redis, "1"), lambda redis: limit(redis, "0")),
}


@contextmanager
def broken(redis: RedisServer, fault: str) -> Iterator[None]:
    begin, end = FAULTS[fault]
    begin(redis)
    try:
        yield
    finally:
        end(redis)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_request_fails_and_answers_are_right(
    server: Server, redis: RedisServer, past_days: Iterator[str], fault: str, tell: Tell
) -> None:
    symbols = server.symbols()[:40]
    old, new = list(islice(past_days, 2)), list(islice(past_days, 2))
    questions = [{}, *({"as_of": day} for day in old)]
    before = [digest(stocks(server, symbols[:5], **one)) for one in questions]
    groups = [*mixed(server, symbols, each=24), group(server, 2, symbols, as_of=old[0])]
    with under_load(server, SECONDS, groups) as told:
        stocks(server, symbols[:1], ml=False)
        with broken(redis, fault):
            during = [digest(stocks(server, symbols[:5], **one)) for one in questions]
            for day in new:  # Neither memory nor Redis has these.
                stocks(server, symbols[:5], as_of=day)
            figures = told.result()
    classic, ml, past = figures
    rates = [f"{one['answered'] / one['seconds']:.0f}/s, p99 {one['p99_ms']:.0f} ms" for one in figures]
    tell(f"classic {rates[0]}; ML {rates[1]}; a past day {rates[2]}; {sum(one['errors'] for one in figures)} errors")
    assert during == before
    assert set(classic["statuses"]) == set(ml["statuses"]) == set(past["statuses"]) == {"200"}
