"""Forecasts of a whole universe: the right versions, computed once, kept, within a deadline.

A forecast is keyed by data version, day, horizon, method and the versions stored, so a kept one is never stale. The
same forecast asked for twice at once is computed once; one that misses its deadline is finished and kept for the next
request. Nothing of machine learning is imported before the first forecast.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Final, cast

from vfr import clock
from vfr.errors import VfrError
from vfr.typing import Horizon
from vfr.workflows.forecast_universe import forecast_universe
from vfr.workflows.forecaster import Forecast, MlUnavailable
from vfr.workflows.versions import Wanted, choose, none_reason

if TYPE_CHECKING:
    import numpy as np

    from vfr.ensemble.combine import Method
    from vfr.models.prediction import ModelStore, Predictor
    from vfr.workflows.datasets import DatasetStore

__all__ = ["Forecasts", "MlUnavailable"]

KEPT: Final = 16
KEPT_MODELS: Final = 32
QUEUE: Final = 8
"""Forecasts waiting or running at once; one more is refused rather than queued behind them."""

LOOK_AGAIN_MS: Final = 60_000.0
"""How long a forecast is kept in which an earlier version answers for a damaged one: it may be mended meanwhile."""

_LASTING: Final = frozenset({"NO_MODEL", "NO_MODEL_AS_OF", "UNKNOWN_MEMBER"})
"""Reasons that only another set of stored versions can change; the others are tried again at the next request."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """A forecast asked for; its key holds everything the result depends on."""

    as_of: np.datetime64 | None
    horizon: Horizon
    members: tuple[str, ...]
    method: str
    key: tuple[Hashable, ...]


class Forecasts:
    """Forecasts from a data store and a model store; implements `vfr.workflows.forecaster.Forecaster`.

    Parameters
    ----------
    datasets : DatasetStore
        One that holds its current snapshot in memory.
    models : ModelStore
    enabled : callable
        None while machine learning may answer, else why it may not. ``TRAINING`` only counts while no version fits:
        a retraining does not silence the champion.
    failed : callable, optional
        Told of every member's failure (model id, error) and of failures outside a member; for the log.
    """

    def __init__(
        self,
        datasets: DatasetStore,
        models: ModelStore,
        enabled: Callable[[], MlUnavailable | None],
        failed: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self._datasets = datasets
        self._models = models
        self._enabled = enabled
        self._failed = failed or _ignore
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, tuple[Forecast | MlUnavailable, float]] = OrderedDict()
        self._running: dict[Hashable, Future[Forecast | MlUnavailable]] = {}
        # One worker: boosters and parallel kernels use all cores by themselves, and need not be thread safe.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vfr-forecast")
        self._loaded: OrderedDict[str, Predictor] = OrderedDict()

    def at(
        self,
        as_of: np.datetime64 | None,
        horizon: Horizon,
        members: Sequence[str],
        method: str,
        timeout_ms: int,
    ) -> Forecast | MlUnavailable:
        """Forecast the whole universe from the close of a day's session.

        Parameters
        ----------
        as_of : numpy.datetime64 or None
            None is the latest session.
        horizon : Horizon
        members : sequence of str
            Members to use; those without a version are answered with a reason.
        method : {"weighted", "voting", "stacking"}
        timeout_ms : int
            Deadline for everything: data, features, loading, predicting.

        Returns
        -------
        Forecast or MlUnavailable
            Never raises for a reason of machine learning.
        """
        start = clock.elapsed_ms()
        state = self._enabled()
        if state is not None and state.code != "TRAINING":
            return state
        try:
            ask = self._ask(as_of, horizon, tuple(members), method)
        except (VfrError, OSError) as error:
            self._failed("store", error)
            return MlUnavailable("ML_ERROR", "the model store cannot be read")
        found, cached = self._kept_or_computed(ask, timeout_ms)
        if isinstance(found, Forecast):
            return replace(found, latency_ms=clock.elapsed_ms(start), from_cache=cached)
        if state is not None and found.code in ("NO_MODEL", "NO_MODEL_AS_OF"):
            return state
        return found

    def close(self) -> None:
        """Finish what is running and stop the worker."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _ask(self, as_of: np.datetime64 | None, horizon: Horizon, members: tuple[str, ...], method: str) -> _Ask:
        day = None if as_of is None else str(as_of)
        key = (self._datasets.stamp(), self._models.stamp(), day, horizon, members, method)
        return _Ask(as_of, horizon, members, method, key)

    def _kept_or_computed(self, ask: _Ask, timeout_ms: int) -> tuple[Forecast | MlUnavailable, bool]:
        with self._lock:
            kept, until = self._kept.get(ask.key, (None, 0.0))
            if kept is not None and clock.elapsed_ms() < until:
                self._kept.move_to_end(ask.key)
                return kept, True
            future = self._running.get(ask.key)
            if future is None and len(self._running) >= QUEUE:
                return MlUnavailable("TIMEOUT", "too many forecasts are being computed; ask again"), False
            if future is None:
                future = self._running[ask.key] = self._worker.submit(self._compute_and_keep, ask)
        if not wait_for([future], timeout=timeout_ms / 1e3).done:
            late = f"not ready within {timeout_ms} ms; a server finishes it and keeps it for the next request"
            return MlUnavailable("TIMEOUT", late), False
        error = future.exception()
        if error is not None:
            self._failed("forecast", error)
            return MlUnavailable("ML_ERROR", f"the forecast failed ({type(error).__name__})"), False
        return future.result(), False

    def _compute_and_keep(self, ask: _Ask) -> Forecast | MlUnavailable:
        try:
            found = self._compute(ask)
            # Data or models that changed since the question was asked made this an answer to another question.
            asked_of = (self._datasets.stamp(), self._models.stamp()) == ask.key[:2]
            with self._lock:
                if asked_of and (isinstance(found, Forecast) or found.code in _LASTING):
                    damaged = isinstance(found, Forecast) and bool(found.warnings)
                    self._kept[ask.key] = found, clock.elapsed_ms() + LOOK_AGAIN_MS if damaged else inf
                    while len(self._kept) > KEPT:
                        self._kept.popitem(last=False)
            return found
        finally:
            with self._lock:
                self._running.pop(ask.key, None)

    def _compute(self, ask: _Ask) -> Forecast | MlUnavailable:
        from vfr.features import spec_hash
        from vfr.models.learners import LEARNERS

        whole = self._datasets.snapshot()
        snapshot = whole if ask.as_of is None else whole.upto(ask.as_of)
        past = bool(snapshot.as_of < whole.as_of)
        wanted = Wanted(ask.horizon, snapshot.name, spec_hash(), snapshot.as_of, past)
        choices = choose(
            self._models.cards(),
            ask.members,
            LEARNERS,
            wanted,
            succession=self._models.succession(),
            unreadable=self._models.unreadable(),
        )
        if all(choice.card is None for choice in choices):
            return none_reason(choices, wanted, self._models.problems())
        return forecast_universe(snapshot, choices, self._load, ask.horizon, cast("Method", ask.method), self._failed)

    def _load(self, model_id: str) -> Predictor:
        """Return a verified version; called by the worker alone."""
        if model_id not in self._loaded:
            self._loaded[model_id] = self._models.load(model_id)
            while len(self._loaded) > KEPT_MODELS:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(model_id)
        return self._loaded[model_id]


def _ignore(what: str, error: BaseException) -> None:
    """Keep no log."""
