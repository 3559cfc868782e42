"""The same application on two servers, granian and uvicorn, one process each; JSON on standard output.

    python -m benchmarks.load.servers --home DIR [--rounds 5]       a copy of this data home is served

The question is the classic one of one symbol: the engine beside the servers has no part in it, and what differs is the
server. They run in turn, round by round, and medians are told. Where uvicorn is not installed it is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load.peer import wrk
from vfr.cli.bench_cases import analyze
from vfr.cli.bench_client import HOST
from vfr.cli.bench_rows import machine
from vfr.cli.bench_server import URL, Server, copied, until_ready
from vfr.settings import child_environment

_APP = "vfr.asgi.app:create_app_from_env"
_PROGRAMS = {
    "granian": ["granian", "--interface", "asgi", "--factory", "--loop", "uvloop", "--no-ws", "--host", HOST],
    "uvicorn": ["uvicorn", "--factory", "--loop", "uvloop", "--ws", "none", "--no-access-log", "--host", HOST],
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.servers", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="data home; a copy is served")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each server")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a run")
    parser.add_argument("--connections", type=int, default=64)
    chosen = parser.parse_args(arguments)
    there = [name for name in _PROGRAMS if importlib.util.find_spec(name)]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in there}
    with tempfile.TemporaryDirectory() as scratch:
        home = copied(chosen.home, Path(scratch))
        for _ in range(chosen.rounds):
            for name in there:
                runs[name].append(_run(name, home, chosen.seconds, chosen.connections))
    print(json.dumps({"machine": machine(), "connections": chosen.connections, "servers": _medians(runs)}, indent=2))


def _run(name: str, home: Path, seconds: float, connections: int) -> dict[str, float]:
    with _serving(name, home) as server:
        body = analyze(server.symbols()[:1], ml=False)
        used = server.used_s()
        told = wrk(server.port, URL, body, {}, connections, seconds)
        if told is None:
            raise SystemExit("wrk is not installed: apt-get install wrk")
        return {**told, "processor_ms_a_request": 1e3 * (server.used_s() - used) / (told["per_s"] * seconds)}


@contextmanager
def _serving(name: str, home: Path) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", *_PROGRAMS[name], "--port", str(port), _APP]
    environment = child_environment(VFR_DATA_HOME=str(home), VFR_ML_ENABLED="false", VFR_LOG_LEVEL="error")
    with (home.parent / f"{name}.log").open("wb") as log:
        # A server process ends with its standard input, which its parent holds open.
        process = subprocess.Popen(  # noqa: S603
            command, env=environment, cwd=home, stdin=subprocess.PIPE, stdout=log, stderr=log
        )
        try:
            server = Server(process, port, {})
            until_ready(server)
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _medians(runs: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {
        name: {key: statistics.median(run[key] for run in found) for key in found[0]} for name, found in runs.items()
    }


if __name__ == "__main__":
    main(sys.argv[1:])
