"""Servers under load: `vfr serve` on a data home of its own, and the least that any server does beside it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final

from vfr.cli.bench_client import HOST
from vfr.cli.bench_floor import NAME
from vfr.clock import elapsed_ms
from vfr.settings import child_environment

__all__ = ["SECURED", "URL", "Server", "copied", "floor", "served", "until_ready"]

URL: Final = "/api/stocks/analyze"
SECURED: Final[Mapping[str, str]] = {
    "VFR_SECRET": "of the benchmark and of nothing else at all",
    "VFR_TIERS": json.dumps({"enterprise": {"requestsPerMinute": 10_000_000, "mlUnitsPerDay": 100_000_000}}),
}
"""Every caller needs a token and is limited, though by limits that are out of reach."""

_SECTORS: Final = ("10", "15", "20", "25", "30", "35", "40", "45", "50", "55", "60")
_LEFT: Final = ("work", "run", "archives", "evidence", "vfr.toml", "chaos.json", "*.sqlite3*")
"""What no answer needs, or what belongs to the home that was copied: its users, switches and journal."""

_START_S: Final = 120.0
_STOP_S: Final = 30.0


class Server:
    """A server process, its port, what its callers send along, and what it and its children have used.

    Parameters
    ----------
    process : subprocess.Popen
    port : int
    headers : mapping of str to str
        Sent with every request.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, headers: Mapping[str, str]) -> None:
        self.process = process
        self.port = port
        self.headers = headers

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """Ask once, over a connection of its own; return status and decoded body."""
        link = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            text = None if body is None else json.dumps(body)
            link.request(method, path, text, {"Content-Type": "application/json", **self.headers})
            answer = link.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            link.close()

    def drive(self, seconds: float, groups: list[dict[str, Any]], marks: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Put load on it from a process of its own; see `vfr.cli.bench_client`."""
        plan = {"port": self.port, "seconds": seconds, "groups": groups, "marks": marks}
        program = [sys.executable, "-m", "vfr.cli.bench_client"]
        told = subprocess.run(program, input=json.dumps(plan).encode(), capture_output=True, check=True)  # noqa: S603
        found: list[dict[str, Any]] = json.loads(told.stdout)
        return found

    def used_s(self) -> float:
        """Return the seconds of processor time used so far by the process and all below it; 0 where /proc is not."""
        parents = {int(p.name): _stat(p) for p in Path("/proc").glob("[0-9]*")}
        found, total = [self.process.pid], 0.0
        while found:
            one = found.pop()
            total += parents.get(one, (0, 0.0))[1]
            found += [pid for pid, (parent, _) in parents.items() if parent == one]
        return total

    def symbols(self) -> list[str]:
        """Return the symbols that are served, sector by sector."""
        found: list[str] = []
        for sector in _SECTORS:
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


def copied(home: Path, folder: Path) -> Path:
    """Copy what answers are made of into a folder, and return it as a data home; the original is only read."""
    return shutil.copytree(home, folder / "home", ignore=shutil.ignore_patterns(*_LEFT))


@contextmanager
def served(
    home: Path, folder: Path, variables: Mapping[str, str] | None = None, *, secured: bool = False
) -> Iterator[Server]:
    """Serve a data home, and no setting of this process with it; the server is ready, machine learning too.

    Parameters
    ----------
    home : Path
        It is written to: see `copied`.
    folder : Path
        Where the server works and logs.
    variables : mapping of str to str, optional
        Settings, as variables of the environment.
    secured : bool
        See `SECURED`.
    """
    chosen = {**(SECURED if secured else {}), **(variables or {}), "VFR_DATA_HOME": str(home)}
    environment = child_environment(**chosen)
    headers = _token(environment, folder) if secured else {}
    with _running(["vfr", "serve", "--port"], folder, environment, headers) as server:
        until_ready(server)
        if chosen.get("VFR_ML_ENABLED") != "false":
            [symbol] = server.symbols()[:1]
            _until(server, lambda: _ready_for_ml(server, symbol))
        yield server


def until_ready(server: Server) -> None:
    """Wait until it says that it is ready; classic answers need no more."""
    _until(server, lambda: server.ask("GET", "/api/health/ready")[0] == 200)


def _ready_for_ml(server: Server, symbol: str) -> bool:
    """Whether machine learning answers, about past days too, or was switched off by somebody."""
    if not server.ask("GET", "/api/ml/health")[1]["data"]["engine"]["answers"]:
        return False
    body = {"mode": "single", "symbols": [symbol], "include_ml": True, "ml_timeout": 30_000}
    data = server.ask("POST", URL, body)[1]["data"]
    reason = data["stocks"][0].get("mlUnavailable", {}).get("code")
    return bool(data["metadata"]["mlEnhancement"]["mlAvailable"]) or reason == "DISABLED"


def _token(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the header of a caller who may do what is measured."""
    made = [sys.executable, "-m", "vfr", "token", "create", "--scope", "classic", "--scope", "ml", "--json"]
    told = subprocess.run(made, env=environment, cwd=folder, check=True, capture_output=True)  # noqa: S603
    return {"Authorization": f"Bearer {json.loads(told.stdout)['token']}"}


@contextmanager
def floor(answer: bytes, folder: Path) -> Iterator[Server]:
    """Serve a plain route that answers these bytes, which are prepared."""
    (folder / NAME).write_bytes(answer)
    with _running(["vfr.cli.bench_floor"], folder, child_environment(), {}) as server:
        _until(server, lambda: server.ask("POST", URL, {})[0] == 200)
        yield server


@contextmanager
def _running(
    program: list[str], folder: Path, environment: Mapping[str, str], headers: Mapping[str, str]
) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    with (folder / f"{port}.log").open("wb") as log:
        command = [sys.executable, "-m", *program, str(port)]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)  # noqa: S603
        try:
            yield Server(process, port, headers)
        finally:
            process.terminate()
            process.wait(_STOP_S)


def _until(server: Server, ready: Callable[[], object]) -> None:
    start = elapsed_ms()
    while True:
        try:
            if ready():
                return
        except (OSError, http.client.HTTPException, KeyError):
            pass
        if elapsed_ms(start) > 1e3 * _START_S or server.process.poll() is not None:
            raise RuntimeError("the server did not become ready")
        Event().wait(0.1)
