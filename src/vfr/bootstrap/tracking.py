"""The tracker of performance, wired: what members did, where they stand, and how they answer in this process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from vfr.ensemble.lanes import Lanes, Left, Limits, Task
from vfr.errors import VfrError
from vfr.monitoring.calls import CallRecord, CallRecorder
from vfr.typing import HORIZONS, Horizon

if TYPE_CHECKING:
    from vfr.bootstrap.journal import JournalDesk
    from vfr.ensemble.asking import MemberResult
    from vfr.settings import Settings
    from vfr.workflows.earned import Earned, Standing
    from vfr.workflows.held import HeldDatasets
    from vfr.workflows.tracking import HorizonRecord, PerformanceReport

__all__ = ["Tracking"]

READ_MS: Final = 2_000.0
"""How long a question for health waits for where members stand."""

_SPARE: Final = "spare"
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
    Calls are those of this process.
    """

    def __init__(self, settings: Settings, datasets: HeldDatasets, journal: JournalDesk) -> None:
        self._settings = settings
        self._datasets = datasets
        self._journal = journal
        self._calls = CallRecorder()
        self._lanes = Lanes("vfr-tracking")

    @cached_property
    def earned(self) -> Earned:
        """What the members have earned; forecasts and reports ask the same one."""
        from vfr.adapters.store.ensembles import EnsembleFiles
        from vfr.workflows.earned import Earned

        ensembles = EnsembleFiles(self._settings.data_home)
        return Earned(ensembles, lambda: self._datasets.snapshot().sessions, self._journal.opened)

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

        Where that cannot be read soon, no horizon is listed: a database may hang, and health must answer.
        """
        from vfr.workflows.availability import members_health

        task = Task("standings", self._standings, slow=True)
        [found] = self._lanes.run([task], Limits(whole=READ_MS, opening=READ_MS))
        return members_health(self._calls.calls(), {} if isinstance(found, Left) else found)

    def _record(self, data_name: str, horizon: Horizon) -> HorizonRecord:
        import numpy as np

        from vfr.workflows.tracking import HorizonRecord, record_of_members

        known = self.earned.known(data_name, horizon, self._datasets.board().as_of)
        if known is None:
            return HorizonRecord(
                horizon, "equal weights: no record of members has been made by a training run (vfr train)"
            )
        fitted, found = known
        if found is None:
            return HorizonRecord(horizon, "equal weights: no outcome of the members is known yet")
        return record_of_members(fitted, found, rng=np.random.default_rng(0))

    def _standings(self) -> dict[Horizon, Standing]:
        """Return where members stand, without the horizons that have no record; nothing where that cannot be read."""
        try:
            if self._datasets.current() is None:
                return {}
            board = self._datasets.board()
            known = {h: self.earned.known(board.data_name, h, board.as_of) for h in HORIZONS}
        except (VfrError, OSError, ValueError):
            return {}
        return {h: one[1] for h, one in known.items() if one is not None and one[1] is not None}
