"""The tracker of performance, wired: what members did, where they stand, and how they answer in this process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from vfr.errors import VfrError
from vfr.monitoring.calls import CallRecord, CallRecorder
from vfr.typing import HORIZONS, Horizon

if TYPE_CHECKING:
    from vfr.bootstrap.journal import JournalDesk
    from vfr.ensemble.asking import MemberResult
    from vfr.ensemble.fitted import Fitted
    from vfr.settings import Settings
    from vfr.workflows.earned import Standing
    from vfr.workflows.held import HeldDatasets
    from vfr.workflows.tracking import HorizonRecord, PerformanceReport
    from vfr.workflows.train_ensemble import EnsembleStore

__all__ = ["Tracking"]

_SPARE = "spare"
"""Status of a call that another version answered than the one that should have: for that one it is a failure."""


class Tracking:
    """What is known of the members of one data home.

    Parameters
    ----------
    settings : Settings
    datasets : HeldDatasets
    journal : JournalDesk

    Notes
    -----
    Calls are those of this process. Where members stand is computed once for each state of what is stored.
    """

    def __init__(self, settings: Settings, datasets: HeldDatasets, journal: JournalDesk) -> None:
        self._settings = settings
        self._datasets = datasets
        self._journal = journal
        self._calls = CallRecorder()
        self._lock = Lock()
        self._standings: tuple[tuple[str, ...], dict[Horizon, Standing]] | None = None

    @property
    def ensembles(self) -> EnsembleStore:
        """What the ensembles of the data home are served with."""
        from vfr.adapters.store.ensembles import EnsembleFiles

        return EnsembleFiles(self._settings.data_home)

    def heard(self, results: Sequence[MemberResult]) -> None:
        """Take in what members answered, failures and timeouts included."""
        for one in results:
            status = one.status if one.warning is None else _SPARE
            self._calls.record(CallRecord(one.member, status, one.latency_ms))

    def performance(self, horizons: Sequence[Horizon] = tuple(HORIZONS)) -> PerformanceReport:
        """Return the record of the members of the current data set; see `vfr.workflows.tracking`.

        What cannot be read is said horizon by horizon, in `problem`.
        """
        from vfr.workflows.tracking import HorizonRecord, PerformanceReport, tried

        if self._datasets.current() is None:
            return PerformanceReport(None, None, tuple(HorizonRecord(h, "no data set is installed") for h in horizons))
        board = self._datasets.board()
        made = tuple(tried(h, partial(self._record, board.data_name, h)) for h in horizons)
        return PerformanceReport(board.data_name, str(board.as_of), made)

    def members(self) -> dict[str, Any]:
        """Return how members answer in this process and where they stand, as plain JSON types.

        Where that cannot be read, no horizon is listed: what is asked for health must answer.
        """
        from vfr.workflows.availability import members_health

        try:
            standings = self._all_standings()
        except (VfrError, OSError, ValueError):
            standings = {}
        return members_health(self._calls.calls(), standings)

    def _record(self, data_name: str, horizon: Horizon) -> HorizonRecord:
        import numpy as np

        from vfr.workflows.tracking import HorizonRecord, record_of_members

        fitted = self.ensembles.load(data_name, horizon)
        if fitted is None:
            return HorizonRecord(
                horizon, "equal weights: no record of members has been made by a training run (vfr train)"
            )
        found = self._standing(fitted)
        if found is None:
            return HorizonRecord(horizon, "equal weights: no outcome of the members is known yet")
        return record_of_members(fitted, found, rng=np.random.default_rng(0))

    def _standing(self, fitted: Fitted) -> Standing | None:
        from vfr.workflows.earned import standing

        snapshot = self._datasets.snapshot()
        return standing(fitted, self._journal.opened(), snapshot.sessions, snapshot.as_of)

    def _all_standings(self) -> dict[Horizon, Standing]:
        """Return where members stand; outcomes are settled once for each version of the data."""
        if self._datasets.current() is None:
            return {}
        board, journal = self._datasets.board(), self._journal.opened()
        settled = None if journal is None else journal.checked(board.data_name)
        key = (self.ensembles.stamp(), board.data_name, board.data_version, str(settled))
        with self._lock:
            if self._standings is None or self._standings[0] != key:
                fitted = (self.ensembles.load(board.data_name, horizon) for horizon in HORIZONS)
                found = {one.horizon: self._standing(one) for one in fitted if one is not None}
                self._standings = key, {horizon: one for horizon, one in found.items() if one is not None}
            return self._standings[1]
