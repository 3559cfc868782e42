"""The server as a process: it starts, says where it is, refuses what it must, and stops when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil
import pytest
from tests.asgi.running import ask, freeze, gone, kinds, serving, start, thaw, until

from vfr import bootstrap
from vfr.asgi.server import address
from vfr.settings import Settings

REFUSED = """
from vfr import asgi, errors, settings
try:
    asgi.serve(settings.load())
except errors.SettingsError as error:
    print(error.message)
"""


@pytest.fixture
def home(bundled: Path) -> Path:
    return bundled


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_it_answers_and_stops(home: Path, port: int, told: signal.Signals) -> None:
    with serving(home, port, VFR_ML_ENABLED="false", VFR_WORKERS="2", VFR_LOG_FORMAT="json") as process:
        answer = ask(port, "/api/stocks/analyze", {"mode": "multiple", "symbols": ["AAPL", "JPM", "XOM"]})
        assert answer["success"] is True
        process.send_signal(told)
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0
    lines = log.splitlines()
    assert f"http://127.0.0.1:{port}" in lines[0]
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"POST"} == {line["method"] for line in logged}
    with pytest.raises(OSError, match="refused"):
        ask(port, "/api/health")


def test_killed_it_leaves_the_port_free(home: Path, port: int) -> None:
    with serving(home, port, VFR_ML_ENABLED="false") as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        for _ in range(300):
            try:
                ask(port, "/api/health")
            except OSError:
                break
            Event().wait(0.1)
        with pytest.raises(OSError, match="refused"):
            ask(port, "/api/health")


def test_a_taken_port_is_named(home: Path, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        said, _ = start(REFUSED, home, port).communicate(timeout=60)
    assert said.startswith(f"VFR_PORT: {port} is taken")


def test_outside_loopback_it_does_not_start_without_a_secret(home: Path, port: int) -> None:
    said, _ = start(REFUSED, home, port, VFR_HOST="0.0.0.0").communicate(timeout=60)  # noqa: S104
    assert said.startswith("VFR_SECRET: ")


def test_the_training_leader_stops_with_the_server(home: Path, port: int) -> None:
    with serving(home, port) as process:
        training = bootstrap.build(Settings(data_home=home)).training
        for _ in range(300):
            if training.read().phase == "running":
                break
            Event().wait(0.1)
        assert training.read().phase == "running"
        body = {"mode": "single", "symbols": ["AAPL"], "include_ml": True}
        answer = json.dumps(ask(port, "/api/stocks/analyze", body))
        assert '"code": "TRAINING"' in answer
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert training.read().phase == "interrupted"


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")])
def test_the_address_can_be_opened(host: str, shown: str) -> None:
    assert address(Settings(host=host)) == shown


def test_what_was_asked_is_answered_before_it_ends(trained: Path, port: int) -> None:
    app = bootstrap.build(Settings(data_home=trained))
    symbol, day = app.datasets.board().scores.symbols[0], str(app.datasets.snapshot().sessions[-40])
    past = {"mode": "single", "symbols": [symbol], "as_of": day}
    slow = past | {"include_ml": True, "ml_timeout": 3_000}
    answered: list[dict[str, Any]] = []
    with serving(trained, port) as process:
        until(lambda: ask(port, "/api/ml/health")["data"]["engine"]["answers"], 30)
        ask(port, "/api/stocks/analyze", past)
        [engine] = kinds(process)["engine"]
        freeze(engine)  # So that what is asked for takes exactly as long as it may.
        asked = Thread(target=lambda: answered.append(ask(port, "/api/stocks/analyze", slow)))
        asked.start()
        Event().wait(0.5)
        process.send_signal(signal.SIGTERM)
        asked.join()
        thaw(engine)
        process.communicate(timeout=30)
    assert process.returncode == 0
    [stock] = answered[0]["data"]["stocks"]
    assert stock["mlUnavailable"]["code"] == "TIMEOUT"


def test_killed_all_its_processes_end(trained: Path, port: int) -> None:
    app = bootstrap.build(Settings(data_home=trained))
    symbol, day = app.datasets.board().scores.symbols[0], str(app.datasets.snapshot().sessions[-41])
    with serving(trained, port, VFR_WORKERS="2") as process:
        ask(port, "/api/stocks/analyze", {"mode": "single", "symbols": [symbol], "as_of": day})
        found = kinds(process)
        everybody = [one for some in found.values() for one in some]
        assert (len(found["worker"]), len(found["engine"]), len(found["computer"])) == (2, 1, 1)
        os.kill(process.pid, signal.SIGKILL)
        psutil.wait_procs(everybody, timeout=20)
        assert all(gone(one) for one in everybody)
