"""Reports of the journal that were asked for last: made anew when the journal says something else."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from vfr.workflows.journal_report import report
from vfr.workflows.journal_tallies import tallied

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import date

    from vfr.journal.journal import Journal
    from vfr.typing import Horizon
    from vfr.workflows.journal_report import GroupBy

__all__ = ["KEPT", "Reports"]

KEPT: Final = 24
"""Reports held in memory; one of 500 stocks takes about 300 KiB."""


class Reports:
    """Reports by what was asked and by the revision of the journal; for many threads.

    Notes
    -----
    A report is a function of the two, so that one from memory is the one that would be made. Callers share it: nothing
    in it may be changed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, dict[str, Any]] = OrderedDict()

    def of(
        self,
        journal: Journal,
        data_name: str,
        horizon: Horizon,
        first: str,
        model: str | None = None,
        group_by: GroupBy | None = None,
        *,
        since: date | None = None,
    ) -> dict[str, Any]:
        """Return the report of the sessions from `first`, an ISO day, on; see `vfr.workflows.journal_report.report`.

        Raises
        ------
        DataError
            If the journal cannot be used, whatever is in memory.
        InvalidField
            If `model` can be neither a member nor a version of one.
        """
        # Read before the tallies: what is written in between is found under the next revision.
        revision = journal.revision(data_name, horizon)
        key = (revision, data_name, horizon, first, model, group_by, since)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        record = tallied(journal, data_name, horizon, first, stocks=group_by == "stock")
        made = report(record, horizon, model, group_by, since=since)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made
