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
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar, cast

from vfr import clock
from vfr.ensemble.lanes import Lanes, Left, Limits, Task
from vfr.errors import VfrError
from vfr.typing import Horizon
from vfr.workflows.combining import Combining
from vfr.workflows.forecast_universe import forecast_universe
from vfr.workflows.forecaster import Forecast, MlUnavailable
from vfr.workflows.versions import Wanted, choose, none_reason

if TYPE_CHECKING:
    import numpy as np

    from vfr.data.snapshot import Snapshot
    from vfr.ensemble.asking import MemberResult
    from vfr.ensemble.combine import Base, Method, Voting
    from vfr.ensemble.committee import Committee, Seat
    from vfr.models.prediction import ModelStore, Predictor
    from vfr.workflows.datasets import DatasetStore

__all__ = ["Forecasts", "MlUnavailable"]

T = TypeVar("T")

KEPT: Final = 16
KEPT_MODELS: Final = 32
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
        Gives why members may not answer, by name, at each request; while it fails, what it last said holds.
    made : callable, optional
        Told every forecast that is computed, after it has been answered, on a thread of its own.
    heard : callable, optional
        Told what every member answered whenever members are asked, also where none of them could; on that thread too.
    voting : {"hard", "soft"}
        How votes are counted where the method is voting.
    threads : int
        Members asked side by side in a large universe.
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
    ) -> None:
        self._datasets = datasets
        self._models = models
        self._enabled = enabled
        self._failed = failed or _ignore
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, tuple[Forecast | MlUnavailable, float]] = OrderedDict()
        self._running: dict[Hashable, Future[Forecast | MlUnavailable]] = {}
        self._combining = combining
        self._disabled = disabled
        self._off: Mapping[str, str] = {}
        self._made = made
        self._heard = heard
        self._voting: Voting = voting
        self._threads = threads
        # One worker: kernels that make features use all cores by themselves. Members are asked on lanes.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vfr-forecast")
        self._teller = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vfr-forecast-made")
        self._lanes = Lanes("vfr-forecast-lane")
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
        self._lanes.close()
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
        self._off = self._or("switches of members", self._switched_off, self._off)
        off = {member: why for member, why in self._off.items() if member in members}
        earned = "" if self._combining is None else self._or("combining", self._combining.stamp, "unknown")
        stamps = (self._datasets.stamp(), self._models.stamp())
        key = (*stamps, day, horizon, members, method, tuple(sorted(off.items())), earned)
        return _Ask(as_of, horizon, members, method, off, until, key)

    def _switched_off(self) -> Mapping[str, str]:
        return {} if self._disabled is None else dict(self._disabled())

    def _or(self, what: str, call: Callable[[], T], otherwise: T) -> T:
        """Return what somebody else's code gives, or something else where it fails."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - weights, switches and journal may fail in any way; forecasts stand
            self._failed(what, error)
            return otherwise

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
            if mine or not _short_of_time(found) or clock.elapsed_ms() >= ask.until:
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
            return none_reason(choices, wanted, self._models.problems()), inf
        base, sound = self._base(ask, snapshot, [choice.member for choice in choices if choice.card is not None])
        found = forecast_universe(
            snapshot,
            choices,
            ask.horizon,
            lambda seats: self._convene(ask, base, seats),
            ask.disabled,
            lambda results: self._tell("heard", self._heard, results),
        )
        if isinstance(found, MlUnavailable):
            return found, inf
        self._tell("made", self._made, found)
        return found, min(_lasts(found), inf if sound else LOOK_AGAIN_MS)

    def _tell(self, what: str, whom: Callable[[T], None] | None, news: T) -> None:
        """Tell somebody else later, on a thread of its own."""
        if whom is not None:
            self._teller.submit(self._or, what, lambda: whom(news), None)

    def _convene(self, ask: _Ask, base: Base, seats: tuple[Seat, ...]) -> Committee:
        """Return the committee of a question, with the time that is left for it."""
        from vfr.ensemble.committee import Committee

        whole = max(MEMBERS_SHARE * (ask.until - clock.elapsed_ms()), LEAST_MS)
        return Committee(
            seats=seats,
            load=self._load,
            lanes=self._lanes,
            base=base,
            method=cast("Method", ask.method),
            voting=self._voting,
            limits=Limits(each=min(MEMBERS_SHARE * whole, PREDICT_MS), whole=whole),
            width=self._threads,
            unread=self._unread,
            failed=self._failed,
        )

    def _base(self, ask: _Ask, snapshot: Snapshot, members: list[str]) -> tuple[Base, bool]:
        """Return what the members have earned, and whether that could be read."""
        from vfr.ensemble.combine import Base

        equal, combining = Base.equal(members), self._combining
        if combining is None:
            return equal, True

        def earned() -> Base | None:
            found = combining.at(snapshot.name, ask.horizon, members, snapshot.as_of)
            return _one_voice_each(found, members) if ask.method == "voting" else replace(found)

        patience = max(EARNED_SHARE * (ask.until - clock.elapsed_ms()), EARNED_MS)
        task = Task("combining", lambda: self._or("combining", earned, None), slow=True)
        [base] = self._lanes.run([task], Limits(whole=patience, opening=patience))
        if base is None or isinstance(base, Left):
            return replace(equal, note="equal weights: what the members have earned cannot be read"), False
        return base, True

    def _unread(self, model_id: str) -> bool:
        with self._lock:
            return model_id not in self._loaded

    def _load(self, model_id: str) -> Predictor:
        """Return a verified version; called on lanes, where no two ask for the same one at once."""
        with self._lock:
            held = self._loaded.get(model_id)
        loaded = self._models.load(model_id) if held is None else held
        with self._lock:
            self._loaded[model_id] = loaded
            self._loaded.move_to_end(model_id)
            while len(self._loaded) > KEPT_MODELS:
                self._loaded.popitem(last=False)
        return loaded


def _one_voice_each(earned: Base, members: Sequence[str]) -> Base:
    """Return one voice for each member, none for those that are benched."""
    voices = {member: float(earned.weights.get(member, 1.0) > 0.0) for member in (*members, *earned.weights)}
    note = earned.note if 0.0 in voices.values() else None
    return replace(earned, weights=voices, note=note, stacker=None)


def _lasts(found: Forecast) -> float:
    """Return for how many milliseconds a forecast is kept."""
    if found.late:
        return LATE_AGAIN_MS
    broken = any(member.status in ("failed", "corrupt") and member.version is not None for member in found.members)
    return LOOK_AGAIN_MS if broken or found.warnings else inf


def _short_of_time(found: Forecast | MlUnavailable) -> bool:
    return found.code == "TIMEOUT" if isinstance(found, MlUnavailable) else bool(found.late)


def _ignore(what: str, error: BaseException) -> None:
    """Keep no log."""
