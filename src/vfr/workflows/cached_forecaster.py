"""Forecasts and boards of past days, read through a cache: the data of a past day no longer change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final

from vfr import clock
from vfr.cache.keys import Part, key
from vfr.cache.read_through import PATIENCE
from vfr.errors import VfrError
from vfr.typing import Horizon
from vfr.workflows.answering import UNREAD
from vfr.workflows.forecast import lasts_ms, short_of_time
from vfr.workflows.forecaster import Forecast, Forecaster, MlUnavailable

if TYPE_CHECKING:
    import numpy as np

    from vfr.cache.read_through import Found, ReadThrough
    from vfr.factors.board import Board

__all__ = ["CachedBoards", "CachedForecaster", "Versions"]

Answer = Forecast | MlUnavailable
Versions = Callable[[], Mapping[str, Part]]

BOARD_MS: Final = 10_000.0
"""How long a board that another request or process computes is waited for."""


class CachedForecaster:
    """Keeps the forecasts of past days that another forecaster makes; implements `Forecaster`.

    Parameters
    ----------
    inner : Forecaster
    read : ReadThrough
    versions : callable
        Gives everything a forecast is made from beside the question, at each request. Where it raises, or while
        `enabled` is False, the inner forecaster is asked.
    latest : callable
        Gives the latest session, whose forecasts pass.
    enabled : callable
        Whether machine learning may answer.

    Notes
    -----
    Only a forecast in which nothing failed, was late or stood in for something else is kept; a reason why there is
    none never is.
    """

    def __init__(
        self,
        inner: Forecaster,
        read: ReadThrough[Answer],
        versions: Versions,
        latest: Callable[[], np.datetime64],
        enabled: Callable[[], bool],
    ) -> None:
        self._inner = inner
        self._read = read
        self._versions = versions
        self._latest = latest
        self._enabled = enabled

    def at(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, timeout_ms: int
    ) -> Answer:
        """Forecast from the close of a day's session within a deadline; see `Forecaster`."""
        start = clock.elapsed_ms()
        ask = partial(self._inner.at, as_of, horizon, members, method)
        try:
            if as_of is None or not self._enabled() or as_of >= self._latest():
                return ask(timeout_ms)
            versions = self._versions()
        except (VfrError, OSError):  # the inner forecaster says what is wrong
            return ask(timeout_ms)
        named = key("predictions", versions, day=str(as_of), horizon=horizon, members=",".join(members), method=method)

        def make() -> Answer:
            """Ask with what waiting for another process left; the rest is there also where it is made anew later."""
            return ask(max(int(timeout_ms - clock.elapsed_ms(start)), int((1.0 - PATIENCE) * timeout_ms), 1))

        try:
            found = self._read.get(named, make, timeout_ms, partial(self._lasting, versions))
        except TimeoutError:
            return MlUnavailable("TIMEOUT", f"not ready within {timeout_ms} ms; ask again")
        left = int(timeout_ms - clock.elapsed_ms(start))
        if found.origin == "shared" and short_of_time(found.value) and left > 0:
            return ask(left)  # whoever it was made for had less time
        return _told(found, start)

    def ready(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, /
    ) -> Answer | None:
        """Return what the inner forecaster has ready."""
        return self._inner.ready(as_of, horizon, members, method)

    def _lasting(self, versions: Mapping[str, Part], found: Answer) -> bool:
        """Return whether a forecast is whole, and still an answer to the question that was asked."""
        if isinstance(found, MlUnavailable) or lasts_ms(found) < inf or UNREAD in (found.note or ""):
            return False
        return self._enabled() and self._versions() == versions


class CachedBoards:
    """Computes boards of past days, or finds them where they are kept; see `vfr.workflows.held.Boards`.

    Parameters
    ----------
    compute : callable
        Computes the board of a past day's session.
    read : ReadThrough
    versions : callable
        Gives everything a board is made from beside the day.
    """

    def __init__(self, compute: Callable[[np.datetime64], Board], read: ReadThrough[Board], versions: Versions) -> None:
        self._compute = compute
        self._read = read
        self._versions = versions

    def __call__(self, day: np.datetime64) -> Board:
        """Return the board of the last session on or before a day.

        Raises
        ------
        NoData, Overloaded
            As computing does.
        """
        versions = self._versions()

        def current(_: Board) -> bool:
            """Return whether what was computed is of the data that were asked for."""
            return self._versions() == versions

        named = key("boards", versions, day=str(day))
        try:
            return self._read.get(named, lambda: self._compute(day), BOARD_MS, current).value
        except TimeoutError:
            return self._compute(day)


def _told(found: Found[Answer], start: float) -> Answer:
    """Return a forecast with the time that this request took."""
    if found.origin == "made" or isinstance(found.value, MlUnavailable):
        return found.value
    return replace(found.value, latency_ms=clock.elapsed_ms(start), from_cache=found.origin == "kept")
