"""Every rehearsal while 64 clients ask: classic answers are whole, and ML says why it is not there."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from tests.load.asking import codes, group, mixed, stocks
from tests.load.conftest import Tell
from tests.redis_server import RedisServer

from vfr.bootstrap import Application
from vfr.cli.bench_server import Server, served
from vfr.clock import epoch_ms
from vfr.workflows.chaos import ChaosState, parse_faults

SECONDS = 3.0
WINDOWS = 7
FOLLOWED_S = 1.2
"""Every process follows within a second."""

MARKS = ('"mlPrediction"', '"code":"ML_ERROR"', '"code":"TIMEOUT"')
RIGHT = {
    "ml=raise": '"code":"ML_ERROR"',
    "ml=nan": '"code":"ML_ERROR"',
    "ml=hang": '"code":"TIMEOUT"',
    "ml=slow": '"code":"TIMEOUT"',
    "cache=down": '"mlPrediction"',
    "cache=slow": '"mlPrediction"',
    "db=down": '"mlPrediction"',
}


@pytest.fixture(scope="module", params=["1", "2"])
def server(folder: Path, home: Path, redis: RedisServer, request: pytest.FixtureRequest) -> Iterator[Server]:
    more = {"VFR_WORKERS": request.param, "VFR_CHAOS": "true", "VFR_REDIS_URL": redis.url, "VFR_LOG_LEVEL": "error"}
    with served(home, folder, more) as started:
        yield started


@pytest.fixture(scope="module")
def symbols(server: Server) -> list[str]:
    return server.symbols()[:40]


@contextmanager
def broken(here: Application, fault: str) -> Iterator[None]:
    assert here.chaos is not None
    found = parse_faults([fault])
    here.chaos.write(ChaosState(found.ml, found.cache, found.db, epoch_ms() / 1e3 + 600))
    Event().wait(FOLLOWED_S)
    try:
        yield
    finally:
        here.chaos.clear()
        Event().wait(FOLLOWED_S)


@contextmanager
def switched_off(here: Application) -> Iterator[None]:
    here.toggles.turn("ml", False, reason="compared", who="test")
    Event().wait(FOLLOWED_S)
    try:
        yield
    finally:
        here.toggles.turn("ml", True, reason="compared", who="test")
        Event().wait(FOLLOWED_S)


@pytest.mark.parametrize("fault", RIGHT)
def test_no_classic_request_fails_and_ml_falls_back_with_the_right_code(
    server: Server, here: Application, symbols: list[str], fault: str, past_days: Iterator[str], tell: Tell
) -> None:
    before, day = stocks(server, symbols[:3], ml=False), next(past_days)
    with broken(here, fault):
        classic, ml = server.drive(SECONDS, mixed(server, symbols), MARKS)
        during = stocks(server, symbols[:3], ml=False)
        expected = RIGHT[fault].removeprefix('"code":').strip('"').replace("mlPrediction", "ok")
        assert codes(stocks(server, symbols[:3], ml_timeout=300)) == {expected}
        past = stocks(server, symbols[:3], ml=False, as_of=day)
    tell(f"classic {_told(classic)}; ML {_told(ml)}")
    assert set(classic["statuses"]) == set(ml["statuses"]) == {"200"}
    assert min(classic["answered"], ml["answered"]) >= 32
    assert ml["marks"][RIGHT[fault]] == ml["answered"]
    assert during == before
    assert past == stocks(server, symbols[:3], ml=False, as_of=day)


def test_slow_is_not_absent_where_a_request_has_the_time(
    server: Server, here: Application, symbols: list[str], tell: Tell
) -> None:
    with broken(here, "ml=slow"):
        [ml] = server.drive(SECONDS, [group(server, 8, symbols, ml=True, ml_timeout=5_000)], MARKS)
    tell(_told(ml))
    assert ml["marks"]['"mlPrediction"'] == ml["answered"] >= 8


def test_the_tail_of_classic_answers_is_the_same_with_ml_hanging_and_off(
    server: Server, here: Application, symbols: list[str], tell: Tell
) -> None:
    both = mixed(server, symbols)
    conditions = {
        "hanging": (lambda: broken(here, "ml=hang"), both),
        "off": (lambda: switched_off(here), both),
        "off, and nobody asks for it": (lambda: switched_off(here), both[:1]),
    }
    tails: dict[str, list[float]] = {name: [] for name in conditions}
    for _ in range(WINDOWS):
        for name, (condition, groups) in conditions.items():
            with condition():
                figures = server.drive(SECONDS, groups)
            assert sum(one["errors"] for one in figures) == 0
            tails[name].append(figures[0]["p99_ms"])
    middle = {name: statistics.median(found) for name, found in tails.items()}
    tell("classic p99: " + ", ".join(f"{value:.1f} ms with ML {name}" for name, value in middle.items()))
    assert middle["hanging"] <= 1.2 * middle["off"]


def _told(figures: dict[str, float]) -> str:
    rate = figures["answered"] / figures["seconds"]
    return f"{rate:.0f}/s, p50 {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms, {figures['errors']} errors"
