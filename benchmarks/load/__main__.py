"""The same figures as `vfr bench`, and what another load generator says of the same server; JSON on standard output.

    python -m benchmarks.load --home DIR         a copy of this data home is served, models and all
    python -m benchmarks.load --home DIR --quick             one short run of each, for integration

Exits with 1 if a published limit is missed (not with ``--quick``). What a request costs in processor time is told too:
on a machine that does other things it is the figure that can be trusted.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.load.peer import wrk
from vfr.cli.bench_cases import Plan, analyze, measured, servers
from vfr.cli.bench_rows import Row, machine
from vfr.cli.bench_server import URL

if TYPE_CHECKING:
    from vfr.cli.bench_server import Server


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="Load on a server; JSON on stdout.")
    parser.add_argument("--home", type=Path, required=True, help="data home; a copy is served")
    parser.add_argument("--without-ml", action="store_true", help="the home has no models")
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    chosen = parser.parse_args(arguments)
    plan, ml = Plan.quick() if chosen.quick else Plan(), not chosen.without_ml
    with servers(chosen.home, ml=ml) as (own, secured, least):
        rows = measured(own, secured, least, plan, _tell, ml=ml)
        rows += _peer(secured, ml=ml, seconds=plan.seconds)
    missed = [row.name for row in rows if row.ok is False]
    print(json.dumps({"machine": machine(), "quick": chosen.quick, "rows": [r.to_dict() for r in rows]}, indent=2))
    if missed and not chosen.quick:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
        return 1
    return 0


def _tell(message: str, fraction: float | None = None) -> None:
    print(f"{message} ({fraction or 0:.0%})", file=sys.stderr, flush=True)


def _peer(server: Server, *, ml: bool, seconds: float) -> list[Row]:
    """Return what another load generator says of the same, where it is installed."""
    told = wrk(server.port, URL, analyze(server.symbols()[:1], ml=ml), dict(server.headers), 64, seconds)
    if told is None:
        return []
    name = f"1 symbol, {'ML on' if ml else 'classic'}, token and limits, 64 connections, by wrk"
    return [Row(f"{name}: answers", told["per_s"], "req/s"), Row(f"{name}: p99", told["p99_ms"], "ms")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
