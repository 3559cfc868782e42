"""What `vfr bench` measures: requests, over how many connections, and the limits of what comes of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from vfr.cli.bench_client import post
from vfr.cli.bench_past import past_days
from vfr.cli.bench_rows import Row
from vfr.cli.bench_server import URL, Server, copied, floor, served

__all__ = ["Case", "Plan", "analyze", "measured", "servers"]

Report = Callable[[str, float | None], None]

_ONE: Final[Mapping[str, float]] = {"p50_ms": 0.8, "p99_ms": 5.0}
_LIST: Final[Mapping[str, float]] = {"p50_ms": 2.5, "p99_ms": 10.0}
_MANY: Final[Mapping[str, float]] = {"per_s": 3_000.0, "p99_ms": 50.0}
_FIGURES: Final = (
    ("p50_ms", "p50", "ms"),
    ("p99_ms", "p99", "ms"),
    ("per_s", "answers", "req/s"),
    ("cpu_us", "processor time", "us"),
    ("errors", "errors", ""),
)
_LISTED: Final = 25
_CROWD: Final = 64
_WARM_S: Final = 1.0


@dataclass(frozen=True)
class Plan:
    """How often and how long each case is measured, and how many past days are asked for, at once and later."""

    runs: int = 5
    seconds: float = 3.0
    days: int = 12
    later: int = 100
    patience_s: float = 240.0

    @classmethod
    def quick(cls) -> Plan:
        """Return the shortest that still measures something."""
        return cls(runs=1, seconds=0.5, days=2, later=2, patience_s=10.0)


@dataclass(frozen=True)
class Case:
    """What is asked of which server over how many connections, and the limits of what comes of it."""

    name: str
    server: Server
    requests: Sequence[str]
    connections: int
    limits: Mapping[str, float] = field(default_factory=dict)

    def run(self, seconds: float) -> dict[str, float]:
        """Return the figures of one run."""
        before = self.server.used_s()
        group = {"requests": self.requests, "connections": self.connections}
        [told] = self.server.drive(seconds, [group])
        used = self.server.used_s() - before
        return {**told, "per_s": told["answered"] / told["seconds"], "cpu_us": 1e6 * used / max(told["answered"], 1)}


def analyze(symbols: Sequence[str], *, ml: bool, **more: Any) -> dict[str, Any]:
    """Return the body of an analysis of some symbols.

    Examples
    --------
    >>> analyze(["AAPL"], ml=True)
    {'mode': 'multiple', 'symbols': ['AAPL'], 'include_ml': True}
    """
    return {"mode": "multiple", "symbols": list(symbols), "include_ml": ml, **more}


@contextmanager
def servers(home: Path, *, ml: bool) -> Iterator[tuple[Server, Server, Server]]:
    """Serve copies of a data home: as a user's own, with tokens and limits, and the floor beside them."""
    variables = {"VFR_LOG_LEVEL": "error"} | ({} if ml else {"VFR_ML_ENABLED": "false"})
    with TemporaryDirectory(prefix="vfr-bench-") as scratch, ExitStack() as running:
        folders = [Path(scratch) / name for name in ("own", "secured", "floor")]
        for folder in folders:
            folder.mkdir()
        own = running.enter_context(served(copied(home, folders[0]), folders[0], variables))
        other = copied(home, folders[1])
        secured = running.enter_context(served(other, folders[1], variables, secured=True))
        answer = orjson.dumps(own.ask("POST", URL, analyze(own.symbols()[:1], ml=False))[1])
        yield own, secured, running.enter_context(floor(answer, folders[2]))


def measured(own: Server, secured: Server, least: Server, plan: Plan, tell: Report, *, ml: bool) -> list[Row]:
    """Return every figure: medians of runs that take turns, so that a noisy moment hits all alike."""
    symbols = own.symbols()
    cases = _cases(own, secured, least, symbols, ml=ml)
    tell("Warming up", 0.0)
    for case in cases:  # What is kept is made once: neither the first answer nor its making is what is measured.
        case.run(min(_WARM_S, plan.seconds))
    found: dict[str, list[dict[str, float]]] = {case.name: [] for case in cases}
    for n in range(plan.runs):
        for k, case in enumerate(cases):
            tell(f"Run {n + 1} of {plan.runs}", (n + k / len(cases)) / plan.runs)
            found[case.name].append(case.run(plan.seconds))
    rows = [row for case in cases for row in _rows(case, found[case.name])]
    tell("Past days", 1.0)
    past = past_days(own, symbols, plan.days, plan.later, plan.patience_s, lambda what: tell(what, 1.0), ml=ml)
    return [*rows, *_difference(found), *past]


def _cases(own: Server, secured: Server, least: Server, symbols: Sequence[str], *, ml: bool) -> list[Case]:
    turned = [[*symbols[n:], *symbols[:n]] for n in range(len(symbols))]

    def asked(server: Server, count: int, with_ml: bool) -> list[str]:
        return [post(URL, analyze(one[:count], ml=with_ml), server.headers) for one in turned]

    plain = asked(least, 1, False)
    cases = [Case("floor, 1 connection", least, plain, 1), Case(f"floor, {_CROWD} connections", least, plain, _CROWD)]
    for with_ml in (False, True) if ml else (False,):
        what = "ML on" if with_ml else "classic"
        one = asked(own, 1, with_ml)
        cases += [
            Case(f"1 symbol, {what}, 1 connection", own, one, 1, _ONE),
            Case(f"{_LISTED} symbols, {what}, 1 connection", own, asked(own, _LISTED, with_ml), 1, _LIST),
            Case(f"1 symbol, {what}, {_CROWD} connections", own, one, _CROWD),
            Case(
                f"1 symbol, {what}, token and limits, {_CROWD} connections",
                secured,
                asked(secured, 1, with_ml),
                _CROWD,
                _MANY,
            ),
        ]
    return cases


def _rows(case: Case, figures: Sequence[Mapping[str, float]]) -> Iterator[Row]:
    for key, word, unit in _FIGURES:
        limit = 0.0 if key == "errors" else case.limits.get(key)
        middle = max if key == "errors" else statistics.median
        yield Row(f"{case.name}: {word}", middle(one[key] for one in figures), unit, limit, len(figures))


def _difference(found: Mapping[str, Sequence[Mapping[str, float]]]) -> list[Row]:
    """Return what machine learning adds to the median of one symbol, run by run."""
    classic, enhanced = (found.get(f"1 symbol, {what}, 1 connection", ()) for what in ("classic", "ML on"))
    if not enhanced:
        return []
    more = statistics.median(one["p50_ms"] - other["p50_ms"] for one, other in zip(enhanced, classic, strict=True))
    return [Row("what ML adds, 1 symbol, 1 connection: p50", more, "ms", 0.2, len(enhanced))]
