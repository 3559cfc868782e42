"""Measure `vfr serve` with one worker under load, beside the floor; print medians and a machine line as JSON.

    python -m benchmarks.load --home DIR         a copy of this data home is served, models and all
    python -m benchmarks.load --home DIR --secured            callers need a token and are limited
    python -m benchmarks.load --quick            the bundled data without machine learning, short, for integration

Runs take turns, so that a noisy moment hits all alike. Exits with 1 if a published limit is missed (not with
``--quick``). What a request costs in processor time is told too: on a machine that does other things it is the figure
that can be trusted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.load.client import post
from benchmarks.load.peer import wrk
from benchmarks.load.server import Server, floor, served
from benchmarks.measure import Row, machine

if TYPE_CHECKING:
    pass

URL = "/api/stocks/analyze"
RUNS = 5
SECONDS = 3.0
MANY = 25


@dataclass(frozen=True)
class Case:
    """What is asked of which server over how many connections, and the limits of what comes of it."""

    name: str
    server: Server
    requests: list[str]
    connections: int
    limits: dict[str, float]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="Load on a server; JSON on stdout.")
    parser.add_argument("--home", type=Path, help="data home with models; a copy is served")
    parser.add_argument("--secured", action="store_true", help="with a token and limits")
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    chosen = parser.parse_args(arguments)
    runs, seconds = (1, 0.5) if chosen.quick else (RUNS, SECONDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with served(chosen.home, folder, secured=chosen.secured) as server:
            symbols = server.symbols()
            size = len(json.dumps(server.ask("POST", URL, _body(symbols[:1], ml=False))[1], separators=(",", ":")))
            with floor(size, folder) as least:
                cases = _cases(server, least, symbols, ml=chosen.home is not None)
                rows = _measured(cases, runs, seconds)
                rows += _peer(server, symbols, ml=chosen.home is not None, seconds=seconds)
    missed = [row.name for row in rows if row.ok is False]
    told = {"machine": machine(), "quick": chosen.quick, "secured": chosen.secured, "rows": [r.to_dict() for r in rows]}
    print(json.dumps(told, indent=2))
    if missed and not chosen.quick:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
        return 1
    return 0


def _body(symbols: list[str], *, ml: bool) -> dict[str, Any]:
    return {"mode": "multiple", "symbols": symbols, "include_ml": ml}


def _cases(server: Server, least: Server, symbols: list[str], *, ml: bool) -> list[Case]:
    def asked(count: int, with_ml: bool) -> list[str]:
        turned = [symbols[n:] + symbols[:n] for n in range(len(symbols))]
        return [post(URL, _body(one[:count], ml=with_ml), server.headers) for one in turned]

    fast = {"p50_ms": 0.8, "p99_ms": 5.0}
    cases = [
        Case("floor, 1 connection", least, asked(1, False), 1, {}),
        Case("floor, 64 connections", least, asked(1, False), 64, {}),
        Case("1 symbol, classic, 1 connection", server, asked(1, False), 1, fast),
        Case("1 symbol, classic, 64 connections", server, asked(1, False), 64, {"per_s": 3000.0, "p99_ms": 50.0}),
        Case(f"{MANY} symbols, classic, 1 connection", server, asked(MANY, False), 1, {"p50_ms": 2.5, "p99_ms": 10.0}),
    ]
    if not ml:
        return cases
    return [
        *cases,
        Case("1 symbol, ML on, 1 connection", server, asked(1, True), 1, fast),
        Case("1 symbol, ML on, 64 connections", server, asked(1, True), 64, {"per_s": 3000.0, "p99_ms": 50.0}),
        Case(f"{MANY} symbols, ML on, 1 connection", server, asked(MANY, True), 1, {"p50_ms": 2.5, "p99_ms": 10.0}),
    ]


def _measured(cases: list[Case], runs: int, seconds: float) -> list[Row]:
    for case in cases:  # What is kept is made once: neither the first answer nor its making is what is measured.
        _run(case, min(1.0, seconds))
    found: list[list[dict[str, float]]] = [[] for _ in cases]
    for n in range(runs):
        print(f"run {n + 1} of {runs} ...", file=sys.stderr, flush=True)
        for case, figures in zip(cases, found, strict=True):
            figures.append(_run(case, seconds))
    rows: list[Row] = []
    for case, figures in zip(cases, found, strict=True):
        median = {key: statistics.median(one[key] for one in figures) for key in figures[0]}
        for key, unit in (("p50_ms", "ms"), ("p99_ms", "ms"), ("per_s", "req/s"), ("cpu_us", "us"), ("errors", "")):
            name = f"{case.name}: {key.removesuffix('_ms').removesuffix('_us').replace('per_s', 'answers')}"
            rows.append(Row(name, median[key], unit, 0.0 if key == "errors" else case.limits.get(key), runs))
    return [*rows, *_difference(cases, found, runs)]


def _difference(cases: list[Case], found: list[list[dict[str, float]]], runs: int) -> list[Row]:
    """Return what machine learning adds to the median of one symbol, run by run."""
    by_name = {case.name: figures for case, figures in zip(cases, found, strict=True)}
    with_ml = by_name.get("1 symbol, ML on, 1 connection")
    if with_ml is None:
        return []
    pairs = zip(with_ml, by_name["1 symbol, classic, 1 connection"], strict=True)
    more = statistics.median(one["p50_ms"] - other["p50_ms"] for one, other in pairs)
    return [Row("1 symbol, 1 connection: p50 with ML on, less p50 without", more, "ms", 0.2, runs)]


def _run(case: Case, seconds: float) -> dict[str, float]:
    plan = {
        "port": case.server.port,
        "requests": case.requests,
        "connections": case.connections,
        "seconds": seconds,
    }
    before = case.server.used_s()
    client = subprocess.run(
        [sys.executable, "-m", "benchmarks.load.client"],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        check=True,
    )
    used = case.server.used_s() - before
    told: dict[str, float] = json.loads(client.stdout)
    answered = max(told["answered"], 1)
    return {**told, "per_s": told["answered"] / told["seconds"], "cpu_us": 1e6 * used / answered}


def _peer(server: Server, symbols: list[str], *, ml: bool, seconds: float) -> list[Row]:
    """Return what another load generator says of the same, where it is installed."""
    told = wrk(server.port, URL, _body(symbols[:1], ml=ml), server.headers, 64, seconds)
    if told is None:
        return []
    name = f"1 symbol, {'ML on' if ml else 'classic'}, 64 connections, by wrk"
    return [Row(f"{name}: answers", told["per_s"], "req/s"), Row(f"{name}: p99", told["p99_ms"], "ms")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
