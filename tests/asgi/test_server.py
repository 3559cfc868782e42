"""The server as a process: it starts, says where it is, refuses what it must, and stops when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from vfr import bootstrap
from vfr.asgi.server import address
from vfr.settings import Settings

SERVE = "from vfr import asgi, settings; asgi.serve(settings.load())"
REFUSED = """
from vfr import asgi, errors, settings
try:
    asgi.serve(settings.load())
except errors.SettingsError as error:
    print(error.message)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    bootstrap.build(Settings(data_home=folder)).prepare()
    return folder


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def start(code: str, home: Path, port: int, **more: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VFR_")}
    env = kept | {"VFR_DATA_HOME": str(home), "VFR_PORT": str(port)} | more
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], env=env, cwd=home, stdout=pipe, stderr=pipe, text=True)  # noqa: S603


@contextmanager
def serving(home: Path, port: int, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = start(SERVE, home, port, **more)
    try:
        for _ in range(300):
            assert process.poll() is None, process.communicate()
            try:
                ask(port, "/api/health/ready")
                break
            except OSError:
                Event().wait(0.1)
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(port: int, path: str, body: object = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 (http, to this machine)
        answer: dict[str, object] = json.loads(response.read())
    return answer


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
