"""Figures of a server's processes for Prometheus, wired: what requests count, and what is read from all else."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

from vfr.adapters.metrics import Metrics, Reading
from vfr.adapters.store.publishing import try_writer
from vfr.clock import epoch_ms, utc_now
from vfr.settings import metrics_folder, share_metrics
from vfr.typing import HORIZONS, MEMBER_NAMES
from vfr.workflows.answer import MlPrediction
from vfr.workflows.data_age import ages
from vfr.workflows.forecaster import DEFAULT_METHOD, Forecast

if TYPE_CHECKING:
    from vfr.bootstrap.application import Application
    from vfr.settings import Settings
    from vfr.workflows.answer import Answer
    from vfr.workflows.query import AnalyzeQuery

__all__ = [
    "Metrics",
    "Reading",
    "count_predictions",
    "engine_readings",
    "open_metrics",
    "readings",
    "shared_metrics",
]

_FOLDER: Final = "metrics-"
_OUTCOMES: Final = "outcomes"
_TIER: Final = ("hits", "misses", "evictions", "failures", "refused", "garbage")
PROBE_MS: Final = 200
"""How long the engine may take to show that it answers; figures are read once a second."""

_READS: Final = ("kept", "made", "shared", "refreshed", "failed", "timeouts")


@contextmanager
def shared_metrics(settings: Settings) -> Iterator[None]:
    """Let the processes started within share their figures, in a folder that ends with the server.

    What servers that were killed left is removed: nobody holds its lock any more.
    """
    beside = settings.data_home / "run"
    beside.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in beside.glob(f"{_FOLDER}*"):
        with try_writer(left) as ended:
            if ended:
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix=_FOLDER, dir=beside))
    with try_writer(folder):
        share_metrics(folder)
        try:
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def open_metrics() -> Metrics:
    """Return the figures of this process, shared with those beside it if they were started within `shared_metrics`."""
    return Metrics(metrics_folder())


def count_predictions(metrics: Metrics, query: AnalyzeQuery, answer: Answer) -> None:
    """Count the stocks of an answer for which machine learning was asked, by outcome, and the answer by its origin."""
    if not query.include_ml:
        return
    outcomes = answer.memo.get(_OUTCOMES)
    if outcomes is None:
        outcomes = answer.memo[_OUTCOMES] = _outcomes(answer)
    codes, from_cache = outcomes
    for code, count in codes.items():
        metrics.predictions(query.ml_horizon, code, count)
    if from_cache is not None:
        metrics.forecast(query.ml_horizon, from_cache=from_cache)


def _outcomes(answer: Answer) -> tuple[Mapping[str, int], bool | None]:
    """Return how many stocks had which outcome, and whether their forecast was there already; None without one."""
    codes = Counter("OK" if isinstance(s.ml, MlPrediction) else s.ml.code for s in answer.stocks if s.ml is not None)
    made = next((s.ml for s in answer.stocks if isinstance(s.ml, MlPrediction)), None)
    return codes, None if made is None else bool(made.body["fromCache"])


def readings(application: Application) -> Iterator[Reading]:
    """Yield what the parts of a server process count, and how they are."""
    yield from _journal(application)
    yield from _cache(application)
    enabled = application.settings.ml_enabled and application.toggles.read().enabled
    yield "vfr_ml_enabled", {}, float(enabled)
    yield from _ages(application)
    yield from _beside(application)


def engine_readings(application: Application, refreshes: Mapping[str, int], started_ms: int) -> Iterator[Reading]:
    """Yield what the engine counts where it runs: scoreboards by outcome, and its own cache and journal.

    Each engine counts its start once; figures of those that have ended stay in the sum.
    """
    yield "vfr_engine_starts", {}, 1.0
    yield "vfr_engine_start_time_seconds", {}, started_ms / 1e3
    for outcome, count in refreshes.items():
        yield "vfr_engine_refreshes", {"outcome": outcome}, count
    yield from _journal(application)
    yield from _cache(application)


def _journal(application: Application) -> Iterator[Reading]:
    journal = application.journal.counters()
    written = journal["forecastsWritten"] + journal["exposuresWritten"]
    for what, count in (("written", written), ("dropped", journal["dropped"]), ("failed", journal["failures"])):
        yield "vfr_journal_rows", {"what": what}, count
    yield "vfr_journal_waiting", {}, journal["waiting"]


def _beside(application: Application) -> Iterator[Reading]:
    """Yield how the engine does as this process finds it; last, as an engine that hangs is waited for."""
    beside = application.beside
    if beside is None or not application.settings.ml_enabled:
        return
    yield "vfr_breaker_open", {"what": "engine"}, float(beside.guard.state != "closed")
    for outcome, count in beside.questions.counts().items():
        yield "vfr_engine_questions", {"outcome": outcome}, count
    yield "vfr_engine_up", {}, float(beside.engine.alive(PROBE_MS))


def _cache(application: Application) -> Iterator[Reading]:
    stats = application.cache.stats()
    for tier in stats["tiers"]:
        for outcome in _TIER:
            yield "vfr_cache_tier", {"tier": tier["tier"], "outcome": outcome}, tier[outcome]
        if tier["tier"] == "memory":
            yield "vfr_cache_bytes", {}, tier["bytes"]
    for what, read in stats["reads"].items():
        for outcome in _READS:
            yield "vfr_cache_reads", {"what": what, "outcome": outcome}, read[outcome]


def _ages(application: Application) -> Iterator[Reading]:
    board = application.boards.ready(None)
    if board is not None:
        for kind, age in ages(board.inputs, utc_now()).items():
            if age.days is not None:
                yield "vfr_data_age", {"input": kind}, float(age.days)
    for horizon in HORIZONS:
        found = application.forecaster.ready(None, horizon, MEMBER_NAMES, DEFAULT_METHOD)
        if isinstance(found, Forecast):
            yield "vfr_scoreboard_age_seconds", {"horizon": horizon}, (epoch_ms() - found.computed_at) / 1e3
