"""Forecasts, wired: from the scoreboard, else from members; and what keeps the scoreboard current."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from vfr.adapters.store.ml_boards import DirectoryMlBoards
from vfr.bootstrap.refreshing import Refreshing
from vfr.workflows.availability import StartedLate, disabled

if TYPE_CHECKING:
    from vfr.adapters.store.models import DirectoryModels
    from vfr.bootstrap.cache import CacheDesk
    from vfr.bootstrap.journal import JournalDesk
    from vfr.bootstrap.toggles import ToggleDesk
    from vfr.bootstrap.tracking import Tracking
    from vfr.settings import Settings
    from vfr.workflows.availability import Running
    from vfr.workflows.forecast import Forecasts
    from vfr.workflows.forecaster import Forecaster, MlUnavailable
    from vfr.workflows.held import HeldDatasets
    from vfr.workflows.ml_board import BoardKey
    from vfr.workflows.refresh import Refresh

__all__ = ["Forecasting"]


@dataclass(frozen=True, slots=True, eq=False)
class Forecasting:
    """What forecasts are made from; nothing of it is imported before the first question.

    Parameters
    ----------
    settings : Settings
    datasets : HeldDatasets
    models : DirectoryModels
    journal : JournalDesk
    tracking : Tracking
    toggles : ToggleDesk
    running : callable
        Gives the training run under way, None where there is none.
    cache : CacheDesk
        Keeps what members in this process say of past days.
    """

    settings: Settings
    datasets: HeldDatasets
    models: DirectoryModels
    journal: JournalDesk
    tracking: Tracking
    toggles: ToggleDesk
    running: Callable[[], Running | None]
    cache: CacheDesk

    def wired(self, elsewhere: Forecaster | None) -> tuple[Forecaster, Refreshing]:
        """Return the forecaster of this process, and what keeps the scoreboard current.

        Parameters
        ----------
        elsewhere : Forecaster or None
            Asked for what is not on the scoreboard; None: members are asked in this process. Whoever has somebody to
            ask leaves it to them, too, to publish a new scoreboard when models change.
        """
        here = _Once(self._forecasts)
        boards = DirectoryMlBoards(self.settings.data_home, _refused)

        def forecaster() -> Forecaster:
            from vfr.adapters.telemetry import log_failed_member
            from vfr.workflows.board_forecasts import BoardForecasts

            return BoardForecasts(
                boards,
                self.datasets.stamp,
                self.toggles,
                elsewhere or StartedLate(lambda: self._cached(here()), self.running),
                fits=self._fits if elsewhere is None else None,
                ml_enabled=self.settings.ml_enabled,
                voting=self.settings.ml_voting,
                failed=log_failed_member,
            )

        def refresh() -> Refresh:
            from vfr.adapters.telemetry import log_failed_member
            from vfr.workflows.refresh import Refresh

            return Refresh(
                self.datasets,
                self.models,
                boards,
                here().answering,
                enabled=self._enabled,
                off=lambda: self.toggles.read().off,
                journal=self.journal.opened,
                made=self.journal.made,
                failed=log_failed_member,
                voting=self.settings.ml_voting,
            )

        return StartedLate(forecaster, self.running), Refreshing(boards.root, refresh, here.close)

    def _forecasts(self) -> Forecasts:
        from vfr.adapters.store.aside_files import on_disk
        from vfr.adapters.telemetry import log_failed_member
        from vfr.workflows.forecast import Forecasts

        return Forecasts(
            self.datasets,
            self.models,
            self._enabled,
            disabled=lambda: self.toggles.read().off,
            failed=log_failed_member,
            made=self.journal.made,
            heard=self.tracking.heard,
            combining=self.tracking.earned,
            voting=self.settings.ml_voting,
            model_bytes=self.settings.ml_model_bytes,
            keep=on_disk(self.settings.data_home),
        )

    def _cached(self, inner: Forecasts) -> Forecaster:
        return self.cache.forecasts(inner, self.models, self.tracking.earned, self.toggles)

    def _enabled(self) -> MlUnavailable | None:
        return disabled(not self.settings.ml_enabled, self.toggles.read())

    def _fits(self, key: BoardKey) -> bool:
        """Return whether a board is of the models there are and of what they have earned."""
        from vfr.features import spec_hash

        stamps = (spec_hash(), self.models.stamp(), self.tracking.earned.stamp())
        return (key.feature_spec, key.models, key.earned) == stamps


class _Once:
    """Makes something at the first call, once, whichever thread asks."""

    def __init__(self, make: Callable[[], Forecasts]) -> None:
        self._make = make
        self._lock = Lock()
        self._made: Forecasts | None = None

    def __call__(self) -> Forecasts:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def close(self) -> None:
        """End what was made, if it was."""
        with self._lock:
            if self._made is not None:
                self._made.close()


def _refused(why: str) -> None:
    """Log why a scoreboard is not used; a process that set up no logging, such as a command, stays silent."""
    import structlog

    if structlog.is_configured():
        structlog.get_logger().warning("scoreboard_refused", why=why)
