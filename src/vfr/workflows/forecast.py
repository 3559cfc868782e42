"""Forecasts of a whole universe: the right versions, computed once, kept, within a deadline.

A forecast is keyed by data version, day, horizon, method, the versions stored, what the members have earned and which
are switched off, so a kept one is never stale. The same forecast asked for twice at once is computed once. At its
deadline a request gets what the members that have answered say; one that is late is not waited for again, and the
forecast without it is kept for a moment only. Nothing of machine learning is imported before the first forecast.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar, cast

from vfr import clock
from vfr.ensemble.lanes import Limits
from vfr.errors import VfrError
from vfr.typing import MEMBER_NAMES, Horizon
from vfr.workflows.answering import Answering, Question, attempt
from vfr.workflows.combining import Combining
from vfr.workflows.forecast_universe import universe_of
from vfr.workflows.forecaster import Forecast, MlUnavailable
from vfr.workflows.ml_board import HorizonAnswers
from vfr.workflows.model_cache import MODEL_BYTES
from vfr.workflows.recombine import recombined

if TYPE_CHECKING:
    import numpy as np

    from vfr.ensemble.asking import MemberResult
    from vfr.ensemble.combine import Method, Voting
    from vfr.models.prediction import ModelStore
    from vfr.typing import Keep
    from vfr.workflows.datasets import DatasetStore

__all__ = ["Forecasts", "MlUnavailable", "lasts_ms", "short_of_time"]

T = TypeVar("T")

KEPT: Final = 16
QUEUE: Final = 8
"""Forecasts waiting or running at once; one more is refused rather than queued behind them."""

LOOK_AGAIN_MS: Final = 60_000.0
"""How long a forecast is kept in which a member failed or an earlier version answers: it may be mended meanwhile."""

LATE_AGAIN_MS: Final = 2_000.0
"""How long a forecast is kept without a member that was late: it may have answered meanwhile."""

MEMBERS_SHARE: Final = 0.9
"""Share of what is left until the deadline that members have together; the rest is for combining their answers."""

LEAST_MS: Final = 200.0
"""What members have at least: where the data alone took all the time, the answer is for the next request."""

EARNED_SHARE: Final = 0.5
EARNED_MS: Final = 2_000.0
"""How long what the members have earned is waited for, as a share of what is left and at least: the journal's database
may hang, and equal weights answer meanwhile."""

PREDICT_MS: Final = 2_000.0
"""What a version that is in memory has at most, however patient the request: it takes milliseconds."""

_LASTING: Final = frozenset({"NO_MODEL", "NO_MODEL_AS_OF", "UNKNOWN_MEMBER"})
"""Reasons that only another set of stored versions can change; the others are tried again at the next request."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """A forecast asked for, by `elapsed_ms` until when; its key holds everything the result depends on."""

    as_of: np.datetime64 | None
    horizon: Horizon
    members: tuple[str, ...]
    method: str
    disabled: Mapping[str, str]
    until: float
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
    combining : Combining, optional
        What the members have earned; equal weights without it, and whenever it fails.
    disabled : callable, optional
        Gives why members and versions may not answer, by name and model id, at each request; while it fails, what it
        last said holds.
    made : callable, optional
        Told every forecast that is computed, after it has been answered, on a thread of its own.
    heard : callable, optional
        Told what every member answered whenever members are asked, also where none of them could; on that thread too.
    voting : {"hard", "soft"}
        How votes are counted where the method is voting.
    threads : int
        Members asked side by side in a large universe.
    model_bytes : int
        Budget of versions in memory.
    keep : callable, optional
        Where features of all past sessions are kept, which then are computed ahead.

    Attributes
    ----------
    answering : Answering
        What asks the members; whoever prepares the scoreboard shares it.
    """

    def __init__(
        self,
        datasets: DatasetStore,
        models: ModelStore,
        enabled: Callable[[], MlUnavailable | None],
        failed: Callable[[str, BaseException], None] | None = None,
        *,
        combining: Combining | None = None,
        disabled: Callable[[], Mapping[str, str]] | None = None,
        made: Callable[[Forecast], None] | None = None,
        heard: Callable[[Sequence[MemberResult]], None] | None = None,
        voting: Voting = "hard",
        threads: int = 2,
        model_bytes: int = MODEL_BYTES,
        keep: Keep | None = None,
    ) -> None:
        self._datasets = datasets
        self._models = models
        self._enabled = enabled
        self._failed = failed or _ignore
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, tuple[Forecast | MlUnavailable, float]] = OrderedDict()
        self._running: dict[Hashable, Future[Forecast | MlUnavailable]] = {}
        self._disabled = disabled
        self._off: Mapping[str, str] = {}
        self._made = made
        self._voting: Voting = voting
        # One worker: kernels that make features use all cores by themselves. Members are asked on lanes.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vfr-forecast")
        self._teller = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vfr-forecast-made")
        self.answering = Answering(
            models,
            self._failed,
            combining=combining,
            heard=None if heard is None else partial(self._tell, "heard", heard),
            threads=threads,
            model_bytes=model_bytes,
            keep=keep,
        )

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
            Deadline for everything: data, features, loading, predicting. Members that have not answered by then are
            left out.

        Returns
        -------
        Forecast or MlUnavailable
            Never raises for a reason of machine learning.
        """
        try:
            return self._at(as_of, horizon, tuple(members), method, timeout_ms)
        except Exception as error:  # noqa: BLE001 - such as no thread left for it; the classic answer stands
            self._failed("forecast", error)
            return MlUnavailable("ML_ERROR", f"the forecast failed ({type(error).__name__})")

    def ready(self, *_: object) -> None:
        """Return None: telling whether a kept forecast is still that of the stores means reading them."""

    def close(self) -> None:
        """Finish what is running and end every thread but those of members that hang, which end when they return."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        self.answering.close()
        self._teller.shutdown(wait=True)

    def _at(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: tuple[str, ...], method: str, timeout_ms: int
    ) -> Forecast | MlUnavailable:
        start = clock.elapsed_ms()
        state = self._enabled()
        if state is not None and state.code != "TRAINING":
            return state
        try:
            ask = self._ask(as_of, horizon, members, method, start + timeout_ms)
        except (VfrError, OSError) as error:
            self._failed("store", error)
            return MlUnavailable("ML_ERROR", "the model store cannot be read")
        found, cached = self._kept_or_computed(ask, timeout_ms)
        if isinstance(found, Forecast):
            return replace(found, latency_ms=clock.elapsed_ms(start), from_cache=cached)
        if state is not None and found.code in ("NO_MODEL", "NO_MODEL_AS_OF"):
            return state
        return found

    def _ask(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: tuple[str, ...], method: str, until: float
    ) -> _Ask:
        day = None if as_of is None else str(as_of)
        self._off = attempt("switches of members", self._switched_off, self._off, self._failed)
        off = {one: why for one, why in self._off.items() if one in members or one not in MEMBER_NAMES}
        stamps = (self._datasets.stamp(), self._models.stamp())
        key = (*stamps, day, horizon, members, method, tuple(sorted(off.items())), self.answering.earned_stamp())
        return _Ask(as_of, horizon, members, method, off, until, key)

    def _switched_off(self) -> Mapping[str, str]:
        return {} if self._disabled is None else dict(self._disabled())

    def _kept_or_computed(self, ask: _Ask, timeout_ms: int) -> tuple[Forecast | MlUnavailable, bool]:
        while True:
            with self._lock:
                kept, until = self._kept.get(ask.key, (None, 0.0))
                if kept is not None and clock.elapsed_ms() < until:
                    self._kept.move_to_end(ask.key)
                    return kept, True
                future = self._running.get(ask.key)
                mine = future is None
                if mine and len(self._running) >= QUEUE:
                    return MlUnavailable("TIMEOUT", "too many forecasts are being computed; ask again"), False
                if future is None:
                    future = self._running[ask.key] = self._worker.submit(self._compute_and_keep, ask)
            if not wait_for([future], timeout=max(ask.until - clock.elapsed_ms(), 0.0) / 1e3).done:
                late = f"not ready within {timeout_ms} ms; a server finishes it and keeps it for the next request"
                return MlUnavailable("TIMEOUT", late), False
            error = future.exception()
            if error is not None:
                self._failed("forecast", error)
                return MlUnavailable("ML_ERROR", f"the forecast failed ({type(error).__name__})"), False
            found = future.result()
            # Somebody else's deadline may have been shorter.
            if mine or not short_of_time(found) or clock.elapsed_ms() >= ask.until:
                return found, False

    def _compute_and_keep(self, ask: _Ask) -> Forecast | MlUnavailable:
        try:
            found, lasts_ms = self._compute(ask)
            # Data or models that changed since the question was asked made this an answer to another question.
            asked_of = (self._datasets.stamp(), self._models.stamp()) == ask.key[:2]
            with self._lock:
                if asked_of and (isinstance(found, Forecast) or found.code in _LASTING):
                    self._kept[ask.key] = found, clock.elapsed_ms() + lasts_ms
                    while len(self._kept) > KEPT:
                        self._kept.popitem(last=False)
            return found
        finally:
            with self._lock:
                self._running.pop(ask.key, None)

    def _compute(self, ask: _Ask) -> tuple[Forecast | MlUnavailable, float]:
        """Return a forecast and for how many milliseconds it may be kept."""
        whole = self._datasets.snapshot()
        snapshot = whole if ask.as_of is None else whole.upto(ask.as_of)
        universe = universe_of(snapshot, past=bool(snapshot.as_of < whole.as_of))
        question = Question(whole, snapshot, universe, ask.horizon)
        choices = self.answering.choices(question, ask.members)
        able = tuple(sorted({choice.member for choice in choices if choice.card is not None}))
        patience = max(EARNED_SHARE * (ask.until - clock.elapsed_ms()), EARNED_MS)
        bases, sound = self.answering.earned(question, [able] if able else [], patience)
        answers, base_rate = self.answering.asked(question, choices, ask.disabled, lambda: _limits(ask.until))
        problems = () if able else self.answering.problems()
        held = HorizonAnswers(ask.horizon, answers, bases, base_rate, problems, clock.epoch_ms(), sound)
        found = recombined(universe, held, ask.members, cast("Method", ask.method), self._voting, ask.disabled)
        if isinstance(found, MlUnavailable):
            return found, inf
        self._tell("made", self._made, found)
        return found, min(lasts_ms(found), inf if sound else LOOK_AGAIN_MS)

    def _tell(self, what: str, whom: Callable[[T], None] | None, news: T) -> None:
        """Tell somebody else later, on a thread of its own."""
        if whom is not None:
            self._teller.submit(attempt, what, lambda: whom(news), None, self._failed)


def _limits(until: float) -> Limits:
    """Return the time that members have of what is left."""
    whole = max(MEMBERS_SHARE * (until - clock.elapsed_ms()), LEAST_MS)
    return Limits(each=min(MEMBERS_SHARE * whole, PREDICT_MS), whole=whole)


def lasts_ms(found: Forecast) -> float:
    """Return for how many milliseconds a forecast is kept."""
    if found.late:
        return LATE_AGAIN_MS
    broken = any(member.status in ("failed", "corrupt") and member.version is not None for member in found.members)
    return LOOK_AGAIN_MS if broken or found.warnings else inf


def short_of_time(found: Forecast | MlUnavailable) -> bool:
    """Return whether more time would have given more."""
    return found.code == "TIMEOUT" if isinstance(found, MlUnavailable) else bool(found.late)


def _ignore(what: str, error: BaseException) -> None:
    """Keep no log."""
