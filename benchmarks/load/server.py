"""Servers under load: `vfr serve` on a copy of a data home, and the least that any server does beside it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
START_S = 120.0
SECURED = {
    "VFR_SECRET": "of the benchmark and of nothing else at all",
    "VFR_TIERS": json.dumps({"enterprise": {"requestsPerMinute": 10_000_000, "mlUnitsPerDay": 100_000_000}}),
}
SECTORS = ("10", "15", "20", "25", "30", "35", "40", "45", "50", "55", "60")


class Server:
    """A server process, its port, and what it and its children have used of the processor."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, headers: dict[str, str] | None = None) -> None:
        self.process = process
        self.port = port
        self.headers = headers or {}

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Ask once, over a connection of its own; return status and decoded body."""
        link = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            link.request(method, path, text, {"Content-Type": "application/json", **self.headers})
            answer = link.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            link.close()

    def used_s(self) -> float:
        """Return the seconds of processor time used so far by the process and all below it."""
        parents = {int(p.name): _stat(p) for p in Path("/proc").iterdir() if p.name.isdigit()}
        found, total = [self.process.pid], 0.0
        while found:
            one = found.pop()
            total += parents.get(one, (0, 0.0))[1]
            found += [pid for pid, (parent, _) in parents.items() if parent == one]
        return total

    def symbols(self) -> list[str]:
        """Return the symbols that are served, sector by sector."""
        found: list[str] = []
        for sector in SECTORS:
            status, body = self.ask("GET", f"/api/stocks/by-sector?sector={sector}")
            found += [entry["symbol"] for entry in body["data"]["symbols"]] if status == 200 else []
        return found


def _stat(folder: Path) -> tuple[int, float]:
    """Return the parent of a process and the seconds of processor time it has used."""
    try:
        fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0, 0.0
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(home: Path | None, folder: Path, *, secured: bool) -> Iterator[Server]:
    """Serve a copy of a data home, or the bundled data without machine learning; the server is ready.

    Secured, every caller needs a token and is limited, though by limits that are out of reach.
    """
    copy, settings = folder / "home", SECURED if secured else {}
    if home is not None:
        shutil.copytree(home, copy)
    else:
        settings = {"VFR_ML_ENABLED": "false", **settings}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VFR_")}
    environment, vfr = {**kept, **settings, "VFR_DATA_HOME": str(copy)}, str(Path(sys.executable).with_name("vfr"))
    headers = _token(vfr, environment) if secured else {}
    with _running([vfr, "serve", "--port"], folder, environment, headers) as server:
        _until(server, lambda: server.ask("GET", "/api/health/ready")[0] == 200)
        if home is not None:
            [symbol] = server.symbols()[:1]
            body = {"mode": "single", "symbols": [symbol], "include_ml": True, "ml_timeout": 30_000}
            post = ("POST", "/api/stocks/analyze", body)
            _until(server, lambda: server.ask(*post)[1]["data"]["metadata"]["mlEnhancement"]["mlAvailable"])
        yield server


def _token(vfr: str, environment: dict[str, str]) -> dict[str, str]:
    """Return the header of a caller who may do what is measured."""
    made = [vfr, "token", "create", "--scope", "classic", "--scope", "ml", "--json"]
    told = subprocess.run(made, env=environment, check=True, capture_output=True)  # noqa: S603
    return {"Authorization": f"Bearer {json.loads(told.stdout)['token']}"}


@contextmanager
def floor(size: int, folder: Path) -> Iterator[Server]:
    """Serve a plain route that answers so many bytes, which were prepared."""
    program = [sys.executable, "-m", "benchmarks.load.floor", str(size)]
    with _running(program, folder, dict(os.environ)) as server:
        _until(server, lambda: server.ask("POST", "/api/stocks/analyze", {})[0] == 200)
        yield server


@contextmanager
def _running(
    program: list[str], folder: Path, environment: dict[str, str], headers: dict[str, str] | None = None
) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen([*program, str(port)], env=environment, stdout=log, stderr=log)  # noqa: S603
        try:
            yield Server(process, port, headers)
        finally:
            process.terminate()
            process.wait(30)


def _until(server: Server, ready: Any) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            if ready():
                return
        except (OSError, http.client.HTTPException, KeyError):
            pass
        if time.monotonic() > deadline or server.process.poll() is not None:
            raise RuntimeError("the server did not become ready")
        time.sleep(0.1)
