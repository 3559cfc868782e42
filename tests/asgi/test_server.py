"""The server as a process: it starts, says where it is, refuses what it must, and stops when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest
from tests.asgi.running import ask, gone, kinds, serving, start, until

from vfr import bootstrap
from vfr.asgi.app import COLLECTED
from vfr.asgi.server import address
from vfr.settings import Settings

REFUSED = """
from vfr import asgi, errors, settings
try:
    asgi.serve(settings.load())
except errors.SettingsError as error:
    print(error.message)
"""

LOADED = """
import gc, os
from vfr.asgi.app import create_app_from_env
os.dup2(os.pipe()[0], 0)  # A server process ends with its standard input.
create_app_from_env()
print(gc.get_threshold(), gc.get_freeze_count() > 10_000, flush=True)
os._exit(0)
"""


@pytest.fixture
def home(bundled: Path) -> Path:
    return bundled


def test_it_answers_and_stops_with_the_training_beside_it(home: Path, port: int) -> None:
    with serving(home, port, VFR_LOG_FORMAT="json") as process:
        training = bootstrap.build(Settings(data_home=home)).training
        until(lambda: training.read().phase == "running", 30)
        answer = ask(port, "/api/stocks/analyze", {"mode": "multiple", "symbols": ["AAPL", "JPM", "XOM"]})
        assert answer["success"] is True
        waiting = ask(port, "/api/stocks/analyze", {"mode": "single", "symbols": ["AAPL"], "include_ml": True})
        assert '"code": "TRAINING"' in json.dumps(waiting)
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0
        assert training.read().phase == "interrupted"
    lines = log.splitlines()
    assert f"http://127.0.0.1:{port}" in lines[0]
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"POST"} == {line["method"] for line in logged}
    with pytest.raises(OSError, match="refused"):
        ask(port, "/api/health")


def test_the_collector_seldom_looks_through_what_a_server_process_keeps(home: Path, port: int) -> None:
    said, _ = start(LOADED, home, port).communicate(timeout=60)
    assert said == f"{COLLECTED} True\n"


def test_a_taken_port_is_named(home: Path, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        said, _ = start(REFUSED, home, port).communicate(timeout=60)
    assert said.startswith(f"VFR_PORT: {port} is taken")


def test_without_its_database_it_starts_and_names_the_setting(home: Path, port: int) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql://vfr@127.0.0.1:{closed.getsockname()[1]}/vfr"
        with serving(home, port, VFR_DATABASE_URL=url, VFR_ML_ENABLED="false") as process:
            answer = ask(port, "/api/stocks/analyze", {"mode": "single", "symbols": ["AAPL"]})
            process.send_signal(signal.SIGINT)
            _, log = process.communicate(timeout=30)
    assert answer["success"] is True
    assert log.startswith("VFR_DATABASE_URL: PostgreSQL cannot be used")


def test_outside_loopback_it_does_not_start_without_a_secret(home: Path, port: int) -> None:
    said, _ = start(REFUSED, home, port, VFR_HOST="0.0.0.0").communicate(timeout=60)  # noqa: S104
    assert said.startswith("VFR_SECRET: ")


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")])
def test_the_address_can_be_opened(host: str, shown: str) -> None:
    assert address(Settings(host=host)) == shown


@pytest.mark.load
def test_killed_all_its_processes_end_and_the_port_is_free(trained: Path, port: int) -> None:
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
    with pytest.raises(OSError, match="refused"):
        ask(port, "/api/health")
