"""Leave a failing layer alone for a while. pybreaker reads the wall clock itself; here time is an argument."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from vfr.typing import MEMBER_NAMES, Horizon
from vfr.workflows.forecaster import Forecast, MlUnavailable

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Breaker", "BreakerState", "Guarded", "NoAnswer"]

BreakerState: TypeAlias = Literal["closed", "open", "half-open"]

PATIENT_MS: Final = 250
"""Deadlines below this prove nothing about who missed them: a request may ask for an answer in 10 ms."""


class Breaker:
    """Counts failures in a row and closes the door for a rest; after it, one question may try. Safe in threads.

    Parameters
    ----------
    limit : int
        Failures in a row that open it.
    rest : float
        Seconds a source is left alone.
    window : float
        Seconds within which failures in a row must lie to count together.

    Examples
    --------
    >>> breaker = Breaker(limit=1, rest=60.0)
    >>> breaker.failed(now=0.0)
    True
    >>> breaker.refuses_until(now=1.0)
    60.0
    >>> breaker.state(now=1.0), breaker.state(now=61.0)
    ('open', 'half-open')
    >>> breaker.refuses_until(now=61.0) is None  # the one that tries
    True
    """

    def __init__(self, limit: int, rest: float, window: float = inf) -> None:
        self._limit = limit
        self._rest = rest
        self._window = window
        self._failures = 0
        self._since = -inf
        self._until = 0.0
        self._lock = threading.Lock()

    def refuses_until(self, now: float) -> float | None:
        """Return None if a question may be asked, which must then be reported, else when the rest ends.

        The question that tries after a rest starts another one for everybody else. If it is never reported, the next
        may try when that is over.
        """
        with self._lock:
            if self._failures < self._limit:
                return None
            if now < self._until:
                return self._until
            self._until = now + self._rest
            return None

    def failed(self, now: float) -> bool:
        """Report a failure of the source; return whether it is left alone from now on."""
        with self._lock:
            if self._failures < self._limit and now - self._since > self._window:
                self._failures, self._since = 0, now
            self._failures += 1
            if self._failures < self._limit:
                return False
            self._until = now + self._rest
            return True

    def answered(self) -> None:
        """Report that the source is well, whatever it said."""
        with self._lock:
            self._failures = 0

    def state(self, now: float) -> BreakerState:
        """Return whether questions pass, none does, or the next one tries."""
        with self._lock:
            if self._failures < self._limit:
                return "closed"
            return "open" if now < self._until else "half-open"


class NoAnswer(Exception):
    """Raised by a layer of machine learning that gave no answer of its own.

    Parameters
    ----------
    instead : MlUnavailable
        What the request is told.
    failed : bool
        Whether that is a failure of the layer; one that is just being started has not failed.
    """

    def __init__(self, instead: MlUnavailable, *, failed: bool = True) -> None:
        super().__init__(instead.message)
        self.instead = instead
        self.failed = failed


class Guarded:
    """A layer of machine learning behind a breaker; implements `vfr.workflows.forecaster.Forecaster`.

    Parameters
    ----------
    ask : callable
        Asks the layer, with the arguments of `Forecaster.at`; raises `NoAnswer` where it is silent, gone or talks
        nonsense.
    breaker : Breaker
    now : callable
        Seconds of a clock that never goes back.

    Notes
    -----
    An answer that says ``ML_ERROR`` counts as a failure too where every member was asked: of some of them it says only
    that these fail, which must not take the others from everybody else. Every other answer shows that the layer is
    well, also one that says it needs more time. A layer that stays silent for less than `PATIENT_MS` is not counted.
    """

    def __init__(
        self, ask: Callable[..., Forecast | MlUnavailable], breaker: Breaker, now: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._breaker = breaker
        self._now = now

    def at(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, timeout_ms: int
    ) -> Forecast | MlUnavailable:
        """Ask the layer unless it is left alone; see `Forecaster`."""
        now = self._now()
        until = self._breaker.refuses_until(now)
        if until is not None:
            again = f"it is tried again in {max(until - now, 0.1):.1f} s"
            return MlUnavailable("ML_ERROR", f"machine learning failed repeatedly and is left alone; {again}", True)
        try:
            found = self._ask(as_of, horizon, members, method, timeout_ms)
        except NoAnswer as silence:
            if silence.failed and (silence.instead.code != "TIMEOUT" or timeout_ms >= PATIENT_MS):
                self._breaker.failed(self._now())
            return silence.instead
        failed = isinstance(found, MlUnavailable) and found.code == "ML_ERROR"
        if failed and set(MEMBER_NAMES) <= set(members):
            self._breaker.failed(self._now())
        elif not failed:
            self._breaker.answered()
        return found

    def ready(self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str) -> None:
        """Return None: no answer of this layer comes without waiting."""

    @property
    def state(self) -> BreakerState:
        """State of the breaker now."""
        return self._breaker.state(self._now())
