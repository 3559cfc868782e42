"""Forecasts from the published scoreboard: a lookup and a combination, without models; what is not on it is asked for.

A process that answers this way imports numpy and nothing heavier.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from vfr import clock
from vfr.typing import Horizon
from vfr.workflows.availability import disabled
from vfr.workflows.forecaster import Forecast, Forecaster, MlUnavailable
from vfr.workflows.recombine import answerable, recombined

if TYPE_CHECKING:
    import numpy as np

    from vfr.ensemble.combine import Method, Voting
    from vfr.workflows.ml_board import BoardKey, MlBoard, MlBoardStore
    from vfr.workflows.toggles import Toggles

__all__ = ["BoardForecasts"]

KEPT: Final = 64
"""Combinations held in memory at most: of three horizons, some sets of members and methods."""

PLACES: Final = 8_192
"""Symbols of all combinations held: what is made of each for answers takes some ten kilobytes."""

FEWEST: Final = 6
"""Combinations held of however many symbols: two of each horizon."""

LATELY_MS: Final = 20.0
"""How long an answer that waits for nothing trusts that the board is the current one; see `vfr.workflows.held`."""

AGAIN_MS: Final = 5_000.0
"""When a board that could not be read is looked at again."""

Found: TypeAlias = "Forecast | MlUnavailable"


class BoardForecasts:
    """Implements `vfr.workflows.forecaster.Forecaster` from the scoreboard, and from another forecaster beside it.

    Parameters
    ----------
    boards : MlBoardStore
    data : callable
        Gives the stamp of the current data set, None where there is none (`DatasetStore.stamp`).
    toggles : Toggles
    fallback : Forecaster
        Asked for other sessions, and while the board is not of the current data.
    fits : callable, optional
        Whether a board of the current data is current in all else; by default it is. A server leaves that to whoever
        publishes boards; a command, beside which nobody may, looks itself.
    ml_enabled : bool
        Machine learning is on by setting.
    voting : {"hard", "soft"}
        How votes are counted where the method is voting.
    failed : callable, optional
        Told why the board could not be used; for the log.
    kept : int
        Combinations held in memory.
    """

    def __init__(
        self,
        boards: MlBoardStore,
        data: Callable[[], str | None],
        toggles: Toggles,
        fallback: Forecaster,
        *,
        fits: Callable[[BoardKey], bool] | None = None,
        ml_enabled: bool = True,
        voting: Voting = "hard",
        failed: Callable[[str, BaseException], None] | None = None,
        kept: int = KEPT,
    ) -> None:
        self._boards = boards
        self._data = data
        self._toggles = toggles
        self._fallback = fallback
        self._fits = fits
        self._ml_enabled = ml_enabled
        self._voting: Voting = voting
        self._failed = failed
        self._most = kept
        self._lock = Lock()
        self._held: tuple[Hashable, MlBoard | None] = (None, None)
        self._until = inf
        self._lately: tuple[tuple[Hashable, MlBoard] | None, float] = (None, 0.0)
        self._made: OrderedDict[Hashable, Found] = OrderedDict()

    def at(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, timeout_ms: int
    ) -> Found:
        """Forecast from the close of a day's session within a deadline; see `Forecaster`."""
        start = clock.elapsed_ms()
        try:
            found = self._found(as_of, horizon, tuple(members), method, wait=True)
        except Exception as error:  # noqa: BLE001 - a board that cannot be read or combined is as good as none
            if self._failed is not None:
                self._failed("scoreboard", error)
            found = None
        if found is None:
            return self._fallback.at(as_of, horizon, members, method, timeout_ms)
        return _told(found, start)

    def ready(self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str) -> Found | None:
        """Return the answer if it can be given without waiting, else None; never raises."""
        start = clock.elapsed_ms()
        try:
            found = self._found(as_of, horizon, tuple(members), method, wait=False)
        except Exception:  # noqa: BLE001 - whoever waits for an answer gets it from the fallback
            return None
        return None if found is None else _told(found, start)

    def _found(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: tuple[str, ...], method: str, *, wait: bool
    ) -> Found | None:
        state = self._toggles.read()
        off = disabled(not self._ml_enabled, state)
        if off is not None:
            return off
        held = self._current(wait=True) if wait else self._current_lately()
        if held is None or not (as_of is None or as_of >= held[1].universe.as_of):
            return None
        return self._combined(*held, horizon, members, cast("Method", method), state.off)

    def _current_lately(self) -> tuple[Hashable, MlBoard] | None:
        """Return the board that was current a moment ago, if there was one."""
        current, until = self._lately
        now = clock.elapsed_ms()
        if current is None or now >= until:
            current = self._current(wait=False)
            self._lately = current, now + LATELY_MS
        return current

    def _current(self, *, wait: bool) -> tuple[Hashable, MlBoard] | None:
        """Return the board of the current data and its stamp; without waiting, only one that is in memory."""
        data = self._data()
        if data is None:
            return None
        name = data.partition("/")[0]
        stamp = (name, self._boards.stamp(name))
        held = self._held
        if held[0] != stamp or clock.elapsed_ms() >= self._until:
            if not wait or stamp[1] is None:
                return None
            held = self._take(name, stamp)
        board = held[1]
        if board is None or board.key.data != data or not (self._fits is None or self._fits(board.key)):
            return None
        return held[0], board

    def _take(self, name: str, stamp: Hashable) -> tuple[Hashable, MlBoard | None]:
        """Read the board that was published; one thread does, and what was combined of the one before is let go."""
        with self._lock:
            if self._held[0] != stamp or clock.elapsed_ms() >= self._until:
                found = self._boards.latest(name)
                # Perhaps only this process could not read it, and nobody will publish another one.
                self._until = clock.elapsed_ms() + AGAIN_MS if found is None else inf
                self._held = (stamp, found)
                while self._made:
                    self._let_go()
            return self._held

    def _combined(
        self,
        stamp: Hashable,
        board: MlBoard,
        horizon: Horizon,
        members: tuple[str, ...],
        method: Method,
        off: Mapping[str, str],
    ) -> Found | None:
        key = (stamp, horizon, members, method, tuple(sorted(off.items())) if off else ())
        with self._lock:
            found = self._made.get(key)
            if found is None:
                answers = board.horizons[horizon]
                if not answerable(answers, members, off):
                    return None
                found = self._made[key] = recombined(board.universe, answers, members, method, self._voting, off)
                while len(self._made) > min(self._most, max(PLACES // len(board.universe.symbols), FEWEST)):
                    self._let_go()
            self._made.move_to_end(key)
            return found

    def _let_go(self) -> None:
        """Drop the combination asked for longest ago, and what others keep with it; the caller holds the lock."""
        _, found = self._made.popitem(last=False)
        if not isinstance(found, MlUnavailable):
            found.memo.clear()


def _told(found: Found, start: float) -> Found:
    if isinstance(found, MlUnavailable):
        return found
    return found.answered(clock.elapsed_ms(start), from_cache=True)
