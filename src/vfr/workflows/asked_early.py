"""A forecast of a past day asked for while its classic board is computed: two processes work on it side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Final

from vfr import clock
from vfr.typing import Horizon
from vfr.workflows.forecaster import Forecast, Forecaster, MlUnavailable

if TYPE_CHECKING:
    import numpy as np

    from vfr.workflows.query import AnalyzeQuery

__all__ = ["AskedEarly"]

_NOT_YET: Final = MlUnavailable("TIMEOUT", "it was not asked for early; ask again")


class AskedEarly:
    """Asks another forecaster what a query will ask, at once and on a thread; implements `Forecaster` for that query.

    Parameters
    ----------
    inner : Forecaster
    query : AnalyzeQuery
        About a past day, with machine learning.

    Notes
    -----
    The time that the query gives counts from when it asks, as ever: where it was not enough beside the classic answer,
    the question is asked again for what is left of it, and whoever computes it goes on with it. If that fails, time was
    short all the same.
    """

    def __init__(self, inner: Forecaster, query: AnalyzeQuery) -> None:
        self._inner = inner
        self._asked = (query.as_of, query.ml_horizon, tuple(query.ml_models), query.ml_method, query.ml_timeout_ms)
        self._found: Future[Forecast | MlUnavailable] = Future()
        try:
            Thread(target=self._ask, name="vfr-asked-early", daemon=True).start()
        except RuntimeError:  # Out of threads: the classic answer does not wait for one.
            self._found.set_result(_NOT_YET)

    def at(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, timeout_ms: int
    ) -> Forecast | MlUnavailable:
        """Return what was answered meanwhile."""
        if (as_of, horizon, tuple(members), method, timeout_ms) != self._asked:
            return self._inner.at(as_of, horizon, members, method, timeout_ms)
        began = clock.elapsed_ms()
        found = self._found.result()
        left = timeout_ms - int(clock.elapsed_ms(began))
        if left <= 0 or not (isinstance(found, MlUnavailable) and found.code == "TIMEOUT"):
            return found
        again = self._inner.at(as_of, horizon, members, method, left)
        gone = isinstance(again, MlUnavailable) and again.code == "ML_ERROR"
        return found if gone and found is not _NOT_YET else again

    def ready(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, /
    ) -> Forecast | MlUnavailable | None:
        """Return what the inner forecaster has ready."""
        return self._inner.ready(as_of, horizon, members, method)

    def _ask(self) -> None:
        try:
            self._found.set_result(self._inner.at(*self._asked))
        except BaseException as error:  # noqa: BLE001 - handed on to whoever asks
            self._found.set_exception(error)
