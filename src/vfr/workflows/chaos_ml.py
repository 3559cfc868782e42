"""Machine learning that fails on purpose: every member where it predicts, and the answers where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr.errors import ModelError
from vfr.models.prediction import ModelCard, Prediction, Predictor
from vfr.typing import Horizon, Matrix32
from vfr.workflows.chaos import Chaos
from vfr.workflows.forecaster import Forecast, Forecaster, MlUnavailable

if TYPE_CHECKING:
    from vfr.workflows.chaos import MlFault

__all__ = ["SLOW_MS", "FailingForecaster", "FailingPredictor"]

SLOW_MS: Final = 400
"""How much longer everything takes while machine learning is slow."""

_LOOK_MS: Final = 50
_REHEARSED: Final = "a rehearsal is running (`vfr chaos status`)"


@dataclass(frozen=True, slots=True)
class FailingPredictor:
    """A member that does what the rehearsal says before, or instead of, predicting.

    Parameters
    ----------
    inner : Predictor
    chaos : Chaos
    sleep : callable
        Waits some seconds.
    """

    inner: Predictor
    chaos: Chaos
    sleep: Callable[[float], None] = sleep

    @property
    def card(self) -> ModelCard:
        """Identity and evidence."""
        return self.inner.card

    def predict(self, X: Matrix32) -> Prediction:
        """Predict, or fail as the rehearsal says; one that hangs comes back when it is over."""
        while self.chaos.read().ml == "hang":
            self.sleep(_LOOK_MS / 1e3)
        match self.chaos.read().ml:
            case "raise":
                raise ModelError(_REHEARSED)
            case "nan":
                unknown = np.full(X.shape[1], np.nan)
                return Prediction(unknown, unknown, unknown, unknown, unknown, 0.9)
            case "slow":
                self.sleep(SLOW_MS / 1e3)
        return self.inner.predict(X)


@dataclass(frozen=True, slots=True)
class FailingForecaster:
    """What clients see of failing members, also where what they would be told was computed before.

    Parameters
    ----------
    inner : Forecaster
    chaos : Chaos
    sleep : callable
        Waits some seconds.
    """

    inner: Forecaster
    chaos: Chaos
    sleep: Callable[[float], None] = sleep

    def at(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, timeout_ms: int
    ) -> Forecast | MlUnavailable:
        """Forecast within a deadline, or fail as the rehearsal says."""
        left = timeout_ms - self._held_up(timeout_ms)
        if left <= 0:
            return MlUnavailable("TIMEOUT", f"no member answered in time: {_REHEARSED}")
        return _failed(self.chaos.read().ml) or self.inner.at(as_of, horizon, members, method, left)

    def ready(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str
    ) -> Forecast | MlUnavailable | None:
        """Return what can be said without waiting."""
        fault = self.chaos.read().ml
        if fault in ("hang", "slow"):
            return None
        return _failed(fault) or self.inner.ready(as_of, horizon, members, method)

    def _held_up(self, at_most_ms: int) -> int:
        """Wait as long as members that hang or dawdle would make a request wait, and return the milliseconds."""
        fault, waited = self.chaos.read().ml, 0
        limit = {"hang": at_most_ms, "slow": min(SLOW_MS, at_most_ms)}.get(fault or "", 0)
        while waited < limit and self.chaos.read().ml == fault:
            step = min(_LOOK_MS, limit - waited)
            self.sleep(step / 1e3)
            waited += step
        return waited


def _failed(fault: MlFault | None) -> MlUnavailable | None:
    if fault not in ("raise", "nan"):
        return None
    what = "every one raised" if fault == "raise" else "they predicted none of the names"
    return MlUnavailable("ML_ERROR", f"no member could answer, {what}: {_REHEARSED}")
