"""The engine beside real server processes: whatever happens to it, classic answers are whole and nobody waits."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from subprocess import Popen
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError

import pytest
from tests.asgi.running import Load, answers, ask, freeze, gone, kinds, serving, thaw, until

from vfr import bootstrap
from vfr.clock import elapsed_ms
from vfr.settings import Settings
from vfr.workflows.query import AnalyzeQuery

URL = "/api/stocks/analyze"
HEAVY = ("llvmlite", "lightgbm", "xgboost", "onnxruntime", "sklearn")
ML_CODES = {"TIMEOUT", "ML_ERROR", "NO_MODEL_AS_OF"}


@pytest.fixture(scope="module")
def server(trained: Path, module_port: int) -> Iterator[Popen[str]]:
    with serving(trained, module_port, VFR_WORKERS="2", VFR_LOG_LEVEL="error") as process:
        until(lambda: predicted(module_port), 30)
        yield process


@pytest.fixture(scope="module")
def symbol(trained: Path) -> str:
    return bootstrap.build(Settings(data_home=trained)).datasets.board().scores.symbols[0]


@pytest.fixture(scope="module")
def past_days(trained: Path) -> Iterator[str]:
    """Days that nobody has asked for yet, latest first."""
    sessions = bootstrap.build(Settings(data_home=trained)).datasets.snapshot().sessions
    return (str(sessions[-1 - back]) for back in count(2))


def body(symbol: str, **more: Any) -> dict[str, Any]:
    return {"mode": "single", "symbols": [symbol], **more}


def predicted(port: int) -> bool:
    try:
        health = ask(port, "/api/ml/health")["data"]
    except HTTPError:  # 503: nothing works yet.
        return False
    return bool(health["engine"]["answers"]) and health["parts"]["7d"]["status"] == "healthy"


def ml_of(answer: dict[str, Any]) -> str:
    """Return the code of a stock without a prediction, else ``ok``."""
    [stock] = answer["data"]["stocks"]
    return "ok" if "mlPrediction" in stock else str(stock["mlUnavailable"]["code"])


def engine_pid(port: int) -> int | None:
    said: int | None = ask(port, "/api/ml/health")["data"]["engine"].get("pid")
    return said


def test_a_server_process_holds_no_model(server: Popen[str], module_port: int, symbol: str, past_days: Any) -> None:
    for _ in range(8):
        assert ml_of(ask(module_port, URL, body(symbol, include_ml=True))) == "ok"
    ask(module_port, URL, body(symbol, as_of=next(past_days), include_ml=True, ml_timeout=10_000))
    found = kinds(server)
    assert (len(found["worker"]), len(found["engine"])) == (2, 1)
    for worker in found["worker"]:
        mapped = "\n".join(one.path for one in worker.memory_maps())
        assert not [name for name in HEAVY if name in mapped]
    assert engine_pid(module_port) == found["engine"][0].pid


def figures(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
        rows = [line.rsplit(" ", 1) for line in response.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def test_its_figures_are_among_those_of_the_server_and_outlive_it(
    server: Popen[str], module_port: int, symbol: str
) -> None:
    assert ml_of(ask(module_port, URL, body(symbol, include_ml=True))) == "ok"
    until(lambda: figures(module_port).get('vfr_engine_refreshes_total{outcome="succeeded"}', 0) >= 1, 10)
    found = figures(module_port)
    assert (found["vfr_engine_up"], found["vfr_engine_starts_total"]) == (1, 1)
    assert found['vfr_forecasts_total{from_cache="true",horizon="7d"}'] >= 1
    [engine] = kinds(server)["engine"]
    engine.kill()
    until(lambda: figures(module_port)["vfr_engine_starts_total"] == 2, 30)
    later = figures(module_port)
    assert later["vfr_engine_start_time_seconds"] > found["vfr_engine_start_time_seconds"]
    for name in found:
        if name.startswith("vfr_engine_refreshes_total"):
            assert later[name] >= found[name]
    until(lambda: figures(module_port)["vfr_engine_up"] == 1, 30)


def test_a_past_day_is_the_same_as_computed_here(
    server: Popen[str], module_port: int, symbol: str, trained: Path, past_days: Any
) -> None:
    day = next(past_days)
    asked = body(symbol, as_of=day, include_ml=True, ml_timeout=30_000)
    there = ask(module_port, URL, asked)["data"]["stocks"]
    here = bootstrap.build(Settings(data_home=trained)).analyze(AnalyzeQuery.parse(asked)).to_dict()["stocks"]
    for stock in (*there, *here):
        for changing in ("latencyMs", "fromCache", "timestamp", "members"):
            stock.get("mlPrediction", {}).pop(changing, None)
    assert there == here


def test_killed_it_is_missed_by_nobody_and_comes_back(
    server: Popen[str], module_port: int, symbol: str, past_days: Any
) -> None:
    [engine] = kinds(server)["engine"]
    classic, latest = Load(module_port, body(symbol)), Load(module_port, body(symbol, include_ml=True))
    with classic.running(), latest.running():
        until(lambda: len(classic.answers) > 20, 20)
        engine.kill()
        until(lambda: gone(engine), 10)
        code = ml_of(ask(module_port, URL, body(symbol, as_of=next(past_days), include_ml=True, ml_timeout=5_000)))
        assert code in ML_CODES | {"ok"}
        until(lambda: (engine_pid(module_port) or engine.pid) != engine.pid, 30)
    assert classic.failures == latest.failures == []
    assert {ml_of(answer) for answer in latest.answers} == {"ok"}
    assert len({answer["data"]["stocks"][0]["compositeScore"] for answer in classic.answers}) == 1
    asked = body(symbol, as_of=next(past_days), include_ml=True, ml_timeout=10_000)
    until(lambda: ml_of(ask(module_port, URL, asked)) in {"ok", "NO_MODEL_AS_OF"}, 30)


def test_hanging_it_costs_a_deadline_and_then_nothing(
    server: Popen[str], module_port: int, symbol: str, past_days: Any
) -> None:
    until(lambda: predicted(module_port), 30)
    [engine] = kinds(server)["engine"]
    days = [next(past_days) for _ in range(8)]
    for day in days:  # The classic part of a past day takes its own time.
        ask(module_port, URL, body(symbol, as_of=day))
        ask(module_port, URL, body(symbol, as_of=day))
    classic = Load(module_port, body(symbol))
    freeze(engine)
    try:
        with classic.running():
            took, said = [], []
            for day in days * 2:
                begun = elapsed_ms()
                answer = ask(module_port, URL, body(symbol, as_of=day, include_ml=True, ml_timeout=400))
                took.append(elapsed_ms(begun))
                said.append(answer["data"]["stocks"][0]["mlUnavailable"]["message"])
        assert any("left alone" in one for one in said)
        assert max(took) < 5_000
        assert ml_of(ask(module_port, URL, body(symbol, include_ml=True))) == "ok"
        assert classic.failures == []
        assert len(classic.answers) > 20
    finally:
        thaw(engine)
    asked = body(symbol, as_of=days[0], include_ml=True, ml_timeout=10_000)
    until(lambda: ml_of(ask(module_port, URL, asked)) in {"ok", "NO_MODEL_AS_OF"}, 20)


@pytest.mark.load
def test_sighup_replaces_every_process_and_no_request_fails(server: Popen[str], module_port: int, symbol: str) -> None:
    before = kinds(server)
    old = {one.pid for one in (*before["worker"], *before["engine"])}
    classic, ml = Load(module_port, body(symbol)), Load(module_port, body(symbol, include_ml=True))
    with classic.running(4), ml.running(4):
        until(lambda: len(classic.answers) > 20, 20)
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: all(gone(one) for one in (*before["worker"], *before["engine"])), 40)
        until(lambda: answers(module_port), 20)
    assert classic.failures == ml.failures == []
    after = kinds(server)
    assert (len(after["worker"]), len(after["engine"])) == (2, 1)
    assert old.isdisjoint(one.pid for one in (*after["worker"], *after["engine"]))
    until(lambda: predicted(module_port), 30)


def test_without_an_engine_classic_answers_and_ml_says_why(trained: Path, symbol: str, past_days: Any) -> None:
    application = bootstrap.build(Settings(data_home=trained), served=True)
    try:
        assert application.beside is not None
        (trained / "run" / "engine.sock").rename(trained / "run" / "hidden.sock")
        asked = body(symbol, as_of=next(past_days), include_ml=True, ml_timeout=500)
        begun = elapsed_ms()
        answer = application.analyze(AnalyzeQuery.parse(asked)).to_dict()
        assert elapsed_ms(begun) < 25_000
        [stock] = answer["stocks"]
        assert stock["compositeScore"] is not None
        assert stock["mlUnavailable"]["code"] == "TIMEOUT"
        assert "being started" in stock["mlUnavailable"]["message"]
        assert application.ml_health()["engine"] == {"answers": False, "breaker": "closed"}
    finally:
        (trained / "run" / "hidden.sock").rename(trained / "run" / "engine.sock")
        application.close()


def test_told_to_end_it_answers_what_was_asked(
    server: Popen[str], module_port: int, symbol: str, past_days: Any
) -> None:
    past = body(symbol, as_of=next(past_days))
    slow = past | {"include_ml": True, "ml_timeout": 2_000}
    ask(module_port, URL, past)
    [engine] = kinds(server)["engine"]
    answered: list[dict[str, Any]] = []
    freeze(engine)  # So that what is asked for takes exactly as long as it may.
    asked = Thread(target=lambda: answered.append(ask(module_port, URL, slow)))
    asked.start()
    Event().wait(0.5)
    server.send_signal(signal.SIGTERM)
    asked.join()
    thaw(engine)
    server.communicate(timeout=30)
    assert server.returncode == 0
    assert ml_of(answered[0]) == "TIMEOUT"
