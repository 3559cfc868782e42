"""Figures of running servers in Prometheus' text format, summed over the processes of one server.

Several processes share one port, so whichever answers must speak for all: each writes its figures to files of its own
in one folder (the client library's multi-process mode), and the answer adds them up. Without that folder, which
``PROMETHEUS_MULTIPROC_DIR`` names, figures are those of this process.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["FAMILIES", "Family", "Metrics", "Reading"]

Reading: TypeAlias = tuple[str, Mapping[str, str], float]
"""Family, labels and value of a figure that somebody else counts; running totals for counters."""

SAMPLE_S: Final = 1.0
"""How often figures that others count are read."""

_SUMMED: Final = frozenset({"vfr_cache_bytes", "vfr_journal_waiting"})

METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
"""HTTP lets a client invent methods, and each would be a figure that is kept for good."""

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the histogram of durations, in seconds."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its kind, labels and meaning."""

    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


FAMILIES: Final[Mapping[str, Family]] = {
    "vfr_requests": Family("counter", ("route", "method", "status"), "Requests answered."),
    "vfr_request_seconds": Family("histogram", ("route",), "Time a request took inside the server."),
    "vfr_predictions": Family("counter", ("horizon", "code"), "Stocks with ML asked for, by outcome: OK or why not."),
    "vfr_forecasts": Family(
        "counter", ("horizon", "from_cache"), "Answers with predictions; from_cache is false where members were asked."
    ),
    "vfr_engine_up": Family("gauge", (), "1 while the engine, the process that holds the models, answers."),
    "vfr_engine_start_time_seconds": Family("gauge", (), "Unix time at which the engine that runs was started."),
    "vfr_engine_starts": Family("counter", (), "Engines started since the server was; all but the first are restarts."),
    "vfr_engine_refreshes": Family(
        "counter", ("outcome",), "Times the engine made the scoreboard current: succeeded, failed."
    ),
    "vfr_engine_questions": Family(
        "counter", ("outcome",), "Questions put to the engine: answered, or silent in time; those held back are none."
    ),
    "vfr_cache_tier": Family("counter", ("tier", "outcome"), "What the tiers of the cache did."),
    "vfr_cache_reads": Family("counter", ("what", "outcome"), "How what is read through the cache was answered."),
    "vfr_cache_bytes": Family("gauge", (), "Bytes held by the memory tier of the cache."),
    "vfr_journal_rows": Family("counter", ("what",), "Rows of the journal: written, dropped, failed."),
    "vfr_journal_waiting": Family("gauge", (), "Rows of the journal that wait to be written."),
    "vfr_ml_enabled": Family("gauge", (), "1 while machine learning may answer."),
    "vfr_breaker_open": Family("gauge", ("what",), "1 while calls are held back after repeated failures."),
    "vfr_scoreboard_age_seconds": Family("gauge", ("horizon",), "Age of the published predictions."),
    "vfr_limited": Family("counter", ("what",), "What limits refused: requests, units of ML, streams; and fallbacks."),
    "vfr_data_age": Family("gauge", ("input",), "Age of an input, in sessions or days as its limit is counted."),
}
"""Every metric; counters are shown with the suffix ``_total``."""


class Metrics:
    """Figures of this process, shared with those beside it if `shared` names their folder.

    Parameters
    ----------
    shared : Path or None
        What ``PROMETHEUS_MULTIPROC_DIR`` was set to before the first import of the client library.

    Notes
    -----
    Other processes see what is counted here a second later, with the next figures that others count.
    """

    def __init__(self, shared: Path | None = None) -> None:
        import prometheus_client as client

        self._shared = shared
        self._registry = client.CollectorRegistry()
        kinds: Mapping[str, Any] = {"counter": client.Counter, "gauge": client.Gauge, "histogram": client.Histogram}
        self._families: dict[str, Any] = {}
        for name, family in FAMILIES.items():
            made = kinds[family.kind](name, family.help, family.labels, registry=self._registry, **_more(name, family))
            self._families[name] = made
        self._children: dict[tuple[object, ...], Any] = {}
        self._totals: dict[tuple[object, ...], float] = {}
        self._counted: Counter[tuple[object, ...]] = Counter()
        self._lock = Lock()
        self._ended = Event()

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request; a method that is none of HTTP's own is counted with all such."""
        self._count("vfr_requests", route, method if method in METHODS else "other", str(status))
        self._child("vfr_request_seconds", route).observe(seconds)

    def predictions(self, horizon: str, code: str, count: int = 1) -> None:
        """Count stocks for which machine learning was asked."""
        self._count("vfr_predictions", horizon, code, count=count)

    def forecast(self, horizon: str, *, from_cache: bool) -> None:
        """Count an answer with predictions, by whether members had to be asked for it."""
        self._count("vfr_forecasts", horizon, "true" if from_cache else "false")

    def take(self, readings: Iterable[Reading]) -> None:
        """Take in figures that others count."""
        for name, labels, value in readings:
            values = tuple(labels[label] for label in FAMILIES[name].labels)
            if FAMILIES[name].kind == "gauge":
                self._child(name, *values).set(value)
            else:
                key = (name, *values)
                self._child(*key).inc(max(value - self._totals.get(key, 0.0), 0.0))
                self._totals[key] = value

    def follow(self, read: Callable[[], Iterable[Reading]]) -> None:
        """Read figures that others count, every second until `close`, on a thread of its own.

        With them other processes come to see what was counted here, whether or not the others' can be read.
        """

        def run() -> None:
            while not self._ended.wait(SAMPLE_S):
                self._settle()
                with suppress(Exception):  # Nothing depends on a figure; the next second may know it again.
                    self.take(read())

        Thread(target=run, name="metrics", daemon=True).start()

    def render(self) -> bytes:
        """Return the figures of every process in text exposition format 0.0.4."""
        from prometheus_client import generate_latest

        self._settle()
        return generate_latest(self._registry if self._shared is None else self._collected(self._shared))

    def close(self) -> None:
        """Stop following."""
        self._ended.set()
        self._settle()

    @staticmethod
    def _collected(shared: Path) -> CollectorRegistry:
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

        for pid in _ended(shared):
            with suppress(FileNotFoundError):  # Another process that answers at this moment was faster.
                mark_process_dead(pid, str(shared))  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(shared))  # type: ignore[no-untyped-call]
        return registry

    def _count(self, *key: object, count: int = 1) -> None:
        """Add to a counter later: adding to a file that others read takes ten times as long, and answers wait."""
        with self._lock:
            self._counted[key] += count

    def _settle(self) -> None:
        with self._lock:
            counted, self._counted = self._counted, Counter()
        for (name, *values), count in counted.items():
            self._child(str(name), *values).inc(count)

    def _child(self, name: str, *values: object) -> Any:
        key = (name, *values)
        child = self._children.get(key)
        if child is None:
            family = self._families[name]
            child = self._children[key] = family.labels(*values) if values else family
        return child


def _ended(shared: Path) -> set[int]:
    """Return the processes that left gauges behind and are no more: the client library does not look."""
    pids = {int(path.stem.rpartition("_")[2]) for path in shared.glob("gauge_live*.db")}
    return {pid for pid in pids if not _lives(pid)}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:  # There is none, or it is another user's, who was given the number since.
        return False
    return True


def _more(name: str, family: Family) -> dict[str, Any]:
    """Return what a kind of metric needs besides its name: processes that have ended leave no gauge behind."""
    if family.kind == "gauge":
        # What is true of one process is true of all, but for what they hold each.
        return {"multiprocess_mode": "livesum" if name in _SUMMED else "livemax"}
    return {"buckets": BUCKETS} if family.kind == "histogram" else {}
