"""Whether machine learning may answer now, and why not: the switch, the setting, a training run under way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from vfr.typing import HORIZONS, MEMBER_NAMES, Horizon
from vfr.workflows.forecaster import Forecast, Forecaster, MlUnavailable

if TYPE_CHECKING:
    import numpy as np

    from vfr.monitoring.calls import Calls
    from vfr.workflows.earned import Standing
    from vfr.workflows.toggles import ToggleState

__all__ = ["Running", "StartedLate", "State", "disabled", "health", "members_health"]

State: TypeAlias = Literal["healthy", "degraded", "unhealthy"]

PROBE_MS: Final = 5_000
"""A probe waits longer than a request: the first one computes the features of the universe."""

_WANTED: Final = frozenset({"TRAINING", "DISABLED", "TIMEOUT"})
"""Reasons that pass by themselves, or that somebody chose."""

_NOT_FAILED: Final = frozenset({"ok", "no_model", "no_learner", "disabled"})
"""States of a member that nobody needs to mend."""


@dataclass(frozen=True, slots=True)
class Running:
    """A training run under way: its stage in words, and the fraction done (0-1)."""

    stage: str
    fraction: float


def disabled(by_setting: bool, switch: ToggleState) -> MlUnavailable | None:
    """Return why machine learning as a whole is off, or None if it is on; the setting wins over the stored switch."""
    if by_setting:
        return MlUnavailable("DISABLED", "machine learning is switched off by VFR_ML_ENABLED")
    if not switch.enabled:
        return MlUnavailable("DISABLED", f"machine learning is switched off: {switch.reason}")
    return None


class StartedLate:
    """A forecaster that is made at the first question, and that says TRAINING where models are on their way.

    Parameters
    ----------
    make : callable
        Makes the real forecaster; heavy imports wait until a request wants machine learning.
    running : callable
        Returns the training run under way, or None.
    """

    def __init__(self, make: Callable[[], Forecaster], running: Callable[[], Running | None]) -> None:
        self._make = make
        self._running = running
        self._lock = Lock()
        self._made: Forecaster | None = None

    def at(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, timeout_ms: int
    ) -> Forecast | MlUnavailable:
        """Forecast from the close of a day's session within a deadline; see `Forecaster`."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
        found = self._made.at(as_of, horizon, members, method, timeout_ms)
        return _while_training(found, self._running) if isinstance(found, MlUnavailable) else found

    def ready(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, /
    ) -> Forecast | MlUnavailable | None:
        """Return what the forecaster has ready, None before the first question; see `Forecaster`."""
        found = None if self._made is None else self._made.ready(as_of, horizon, members, method)
        return _while_training(found, self._running) if isinstance(found, MlUnavailable) else found


def _while_training(found: MlUnavailable, running: Callable[[], Running | None]) -> MlUnavailable:
    """Return TRAINING in the place of NO_MODEL where a training run is under way."""
    run = running() if found.code == "NO_MODEL" else None
    if run is None:
        return found
    done = f"{run.stage}, {run.fraction:.0%} done" if run.stage else f"{run.fraction:.0%} done"
    return MlUnavailable("TRAINING", f"the models are being trained ({done}); the classic score is complete")


def health(forecaster: Forecaster) -> dict[str, Any]:
    """Ask for a forecast at every horizon, as a request would.

    Returns
    -------
    dict
        ``{status, parts: {horizon: {status, message}}}``. A horizon is healthy if it answers with every member it has,
        degraded if members fail or earlier versions answer for them, models are on their way or it is switched off on
        purpose, else unhealthy. The whole
        is healthy if every horizon is, unhealthy if every horizon is, else degraded.
    """
    parts = {horizon: _part(forecaster.at(None, horizon, MEMBER_NAMES, "weighted", PROBE_MS)) for horizon in HORIZONS}
    states = {state for state, _ in parts.values()}
    status = states.pop() if len(states) == 1 else "degraded"
    return {"status": status, "parts": {h: {"status": state, "message": text} for h, (state, text) in parts.items()}}


def _part(found: Forecast | MlUnavailable) -> tuple[State, str]:
    if isinstance(found, MlUnavailable):
        return "degraded" if found.code in _WANTED else "unhealthy", f"{found.code}: {found.message}"
    failed = [m for m in found.members if m.status not in _NOT_FAILED]
    if failed:
        return "degraded", "; ".join(f"{m.member}: {m.reason or m.status}" for m in failed)
    if found.warnings:
        return "degraded", "; ".join(found.warnings)
    return "healthy", f"answers with {', '.join(found.versions)}"


def members_health(calls: Sequence[Calls], standings: Mapping[Horizon, Standing]) -> dict[str, dict[str, Any]]:
    """Return how each member answers in this process, and where it stands.

    Parameters
    ----------
    calls : sequence of Calls
        Of the members that this process asked.
    standings : mapping
        By horizon; without those that have no record.

    Returns
    -------
    dict
        By member ``{calls, failures, failureRate, p50Ms, p95Ms, p99Ms, byStatus, horizons}``. A member that was not
        asked has 0 calls, and None where there is no figure; `horizons` holds ``{weight, health, reason}`` by horizon.

    Examples
    --------
    >>> from vfr.monitoring.calls import CallRecord, CallRecorder
    >>> recorder = CallRecorder()
    >>> recorder.record(CallRecord("trees", "ok", 2.0))
    >>> found = members_health(recorder.calls(), {})["trees"]
    >>> found["calls"], found["failureRate"], found["p99Ms"], found["horizons"]
    (1, 0.0, 2.0, {})
    """
    asked = {one.member: one for one in calls}
    members = dict.fromkeys((*asked, *(member for found in standings.values() for member in found.scores.members)))
    return {
        member: _calls(asked.get(member))
        | {"horizons": {h: _standing(found, member) for h, found in standings.items() if member in found.weights}}
        for member in members
    }


def _calls(one: Calls | None) -> dict[str, Any]:
    names = {"failure_rate": "failureRate", "p50_ms": "p50Ms", "p95_ms": "p95Ms", "p99_ms": "p99Ms"}
    if one is None:
        return {"calls": 0, "failures": 0, **dict.fromkeys(names.values()), "byStatus": {}}
    told = one.to_dict()
    figures = {name: told[key] for key, name in names.items()}
    return {"calls": one.calls, "failures": one.failures, **figures, "byStatus": one.by_status}


def _standing(found: Standing, member: str) -> dict[str, Any]:
    health = found.health.latest().get(member, 1.0)
    return {"weight": round(found.weights[member], 6), "health": health, "reason": found.health.reason(member)}
