"""Experiments, wired: what a request is dealt, from memory; starting, stopping and reports, from the database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from vfr.bootstrap.database import database_exists, open_database, pulse_of
from vfr.clock import elapsed_ms, utc_now
from vfr.errors import InvalidField, VfrError
from vfr.experiments.assignment import subject_key
from vfr.experiments.experiment import Experiment
from vfr.typing import MEMBER_NAMES, Horizon
from vfr.workflows.compare import Plan, Seen, apply, known, start, stop
from vfr.workflows.forecaster import DEFAULT_METHOD
from vfr.workflows.outbox import Outbox

if TYPE_CHECKING:
    from vfr.adapters.database.experiments import SqlExperiments
    from vfr.adapters.database.follower import Bell, Follower
    from vfr.bootstrap.journal import JournalDesk
    from vfr.settings import Settings
    from vfr.workflows.compare_report import ExperimentReport
    from vfr.workflows.forecaster import Forecaster
    from vfr.workflows.held import HeldDatasets
    from vfr.workflows.query import AnalyzeQuery

__all__ = ["ExperimentDesk"]

CHANNEL: Final = "vfr:experiments"

_SALT_BYTES: Final = 16
_WAITING: Final = 20_000
_BATCH: Final = 5_000
_MOST_WHO: Final = 200

_FORECAST_EVERY_MS: Final = 60_000.0
"""A forecast of the session is asked for at most so often while an experiment runs; making it again costs nothing."""

_FORECAST_MS: Final = 30_000


class ExperimentDesk:
    """The experiments of one installation.

    Parameters
    ----------
    settings : Settings
    datasets : HeldDatasets
    journal : JournalDesk
    forecaster : Forecaster
        Asked for the default forecast, which is journaled: without one, a session in which nobody was shown machine
        learning would hold nothing to compare.

    Notes
    -----
    A process follows the running experiment from its first `dealt` on: a start or stop is in force within a second.
    While the database is away what was last known holds; before it was known, no experiment runs. Counting never waits
    and never raises. All other methods raise `DataError` if the database cannot be used.
    """

    def __init__(
        self, settings: Settings, datasets: HeldDatasets, journal: JournalDesk, forecaster: Forecaster
    ) -> None:
        self._settings = settings
        self._datasets = datasets
        self._journal = journal
        self._forecaster = forecaster
        self._following = Lock()
        self._opening = Lock()  # Another one: a database that hangs must hold up no request.
        self._pid = 0
        self._follower: Follower[Experiment | None] | None = None
        self._store: tuple[int, SqlExperiments] | None = None
        self._forecast_at = -_FORECAST_EVERY_MS
        self._seen: Outbox[Seen] = Outbox("experiments", self._see, capacity=_WAITING, batch=_BATCH)
        self._forecasts: Outbox[Horizon] = Outbox("experiment-forecasts", self._make, capacity=1, batch=1)

    def dealt(self, query: AnalyzeQuery, subject: str) -> AnalyzeQuery:
        """Return a request as the running experiment has it: itself where none runs, or it has no say.

        Parameters
        ----------
        query : AnalyzeQuery
        subject : str
            Stable id of the caller; whoever has none should not be asked for here.
        """
        if self._pid != os.getpid():
            self.follow()
        follower = self._follower
        running = None if follower is None else follower.known
        if running is None:
            return query
        changed, arm = apply(query, running, subject)
        now = utc_now().timestamp()
        self._seen.put(Seen(running.id, subject_key(running, subject), arm, now, now, 1, int(query.include_ml)))
        if elapsed_ms() - self._forecast_at >= _FORECAST_EVERY_MS:
            self._forecast_at = elapsed_ms()
            self._forecasts.put(running.horizon)
        return changed

    def follow(self) -> None:
        """Follow the running experiment from now on."""
        from vfr.adapters.database.follower import Follower

        with self._following:
            if self._pid != os.getpid():
                self._follower = Follower(
                    "vfr-experiments", self._look, bell=self._bell(), pulse=pulse_of(self._settings)
                )
                self._follower.start()
                self._pid = os.getpid()

    def start(self, plan: Plan, who: str) -> Experiment:
        """Start an experiment; see `vfr.workflows.compare.start`.

        Raises
        ------
        InvalidField
            If the plan cannot be, or another experiment runs.
        NoData
            If no data set is installed.
        """
        first = str(self._datasets.board().as_of)
        salt = token_hex(_SALT_BYTES)
        made = start(self._open(), plan, salt=salt, first=first, at=utc_now().timestamp(), who=who[:_MOST_WHO])
        self._tell()
        return made

    def stop(self, experiment: str, *, why: str, who: str) -> Experiment:
        """Stop an experiment; see `vfr.workflows.compare.stop`.

        Raises
        ------
        InvalidField
            If it does not run, or no reason is given.
        """
        board, at = self._datasets.board(), utc_now().timestamp()

        def judge(ended: Experiment) -> dict[str, Any] | None:
            try:
                return {**self._report(ended).findings(), "dataVersion": board.data_version}
            except VfrError:
                return None

        ended = stop(self._open(), experiment, why=why, last=str(board.as_of), at=at, who=who[:_MOST_WHO], judge=judge)
        self._tell()
        return ended

    def listed(self, limit: int = 50, after: str | None = None) -> Sequence[Experiment]:
        """Return experiments, newest first, at most `limit`; `after` is the id of one that they stand behind."""
        store = self._opened()
        if store is None:
            return ()
        return store.all(limit, None if after is None else known(store, after))

    def one(self, experiment: str | None = None) -> Experiment:
        """Return an experiment by its id, by default the newest.

        Raises
        ------
        InvalidField
            If there is none.
        """
        store = self._opened()
        if store is not None and experiment is not None:
            return known(store, experiment)
        newest = [] if store is None else store.all(1)
        if experiment is not None or not newest:
            raise InvalidField("experiment", "there is none yet; `vfr ab start` starts one")
        return newest[0]

    def report(self, experiment: str | None = None) -> ExperimentReport:
        """Return what an experiment found by now, by default the newest one; of the current data set's journal.

        Beside it stands what it had found when it was stopped.

        Raises
        ------
        InvalidField
            If there is none.
        """
        found = self.one(experiment)
        return replace(self._report(found), at_stop=self._open().verdict(found.id))

    def _report(self, found: Experiment) -> ExperimentReport:
        import numpy as np

        from vfr.workflows.compare_report import report
        from vfr.workflows.journalled import empty_record, record_of

        store = self._open()
        name, journal = self._datasets.current(), self._journal.opened()
        record = empty_record(found.horizon)
        if name is not None and journal is not None:
            record = record_of(journal, name, found.horizon, found.first)
        counts, shown = store.counts(found.id), store.shown(found.id)
        return report(found, record, counts, shown, data_name=name, rng=np.random.default_rng(0))

    def counters(self) -> dict[str, int]:
        """Return how many requests this process counted for experiments, dropped, and has waiting."""
        return {"written": self._seen.written, "dropped": self._seen.dropped, "waiting": self._seen.waiting}

    def close(self, timeout: float = 1.0) -> bool:
        """Write what waits, within some seconds, and let the database go; return whether all was written."""
        if self._follower is not None:
            self._follower.close()
        self._forecasts.close(0.0)
        written = self._seen.close(timeout)
        with self._opening:
            if written and self._store is not None:
                self._store[1].engine.dispose()
                self._store = None
        return written

    def _look(self, running: Experiment | None) -> Experiment | None:
        store = self._opened()
        return None if store is None else store.running(running)

    def _see(self, seen: Sequence[Seen]) -> None:
        self._open().see(seen)

    def _make(self, horizons: Sequence[Horizon]) -> None:
        for horizon in horizons:
            self._forecaster.at(None, horizon, MEMBER_NAMES, DEFAULT_METHOD, _FORECAST_MS)

    def _tell(self) -> None:
        if self._follower is not None and self._pid == os.getpid():
            self._follower.changed()
        elif (bell := self._bell()) is not None:
            bell.ring()

    def _bell(self) -> Bell | None:
        url = self._settings.redis_url
        if url is None:
            return None
        from vfr.adapters.database.bell import RedisBell

        return RedisBell(url.get_secret_value(), CHANNEL)

    def _opened(self) -> SqlExperiments | None:
        """Return the store, None where nothing was ever kept: then nothing heavy is loaded."""
        return self._open() if self._store is not None or database_exists(self._settings) else None

    def _open(self) -> SqlExperiments:
        from vfr.adapters.database.experiments import SqlExperiments

        with self._opening:
            if self._store is None or self._store[0] != os.getpid():  # No connection outlives a fork.
                self._store = os.getpid(), SqlExperiments(open_database(self._settings))
            return self._store[1]
