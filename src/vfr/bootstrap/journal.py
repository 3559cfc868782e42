"""The journal, wired: what is recorded off the path of requests, settled after each import, and reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache, partial
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from vfr.bootstrap.complaint import Complaint
from vfr.bootstrap.database import database_exists, open_database
from vfr.clock import epoch_ms, utc_now
from vfr.errors import VfrError
from vfr.journal.records import Exposure
from vfr.workflows.answer import MlPrediction
from vfr.workflows.held import HeldDatasets
from vfr.workflows.outbox import Outbox

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from vfr.adapters.database.journal import SqlJournal
    from vfr.adapters.store.spool import Spool
    from vfr.data.quality import QualityReport
    from vfr.data.snapshot import Snapshot
    from vfr.factors.board import Board
    from vfr.settings import Settings
    from vfr.typing import Horizon
    from vfr.workflows.answer import Answer, Stock
    from vfr.workflows.datasets import DatasetStore
    from vfr.workflows.forecaster import Forecast
    from vfr.workflows.journal_report import GroupBy
    from vfr.workflows.journal_reports import Reports
    from vfr.workflows.query import AnalyzeQuery
    from vfr.workflows.settle import Settled

__all__ = ["JournalDesk", "SettlingDatasets"]

_FORECASTS: Final = 64
_EXPOSURES: Final = 200_000
"""Rows that may wait: 65 MiB where each answer shows one stock, which takes most; a minute of 3,000 such a second."""
_BATCH: Final = 5_000
_HASHED: Final = 20
"""Letters of a request's hash in the key of what it was shown: 80 bits, beside the moment."""

_SOON_S: Final = 0.1
"""Forecasts are few, and a command that makes one ends soon after."""

_AT_EXIT_S: Final = 3.0
"""A command that made a forecast writes it in about half a second; on a busy machine it may take longer."""


class SettlingDatasets(HeldDatasets):
    """Data sets whose every publication is followed by a settlement of the journal.

    Parameters
    ----------
    store : DatasetStore

    Notes
    -----
    `settle` is called after a publication; it must not raise.
    """

    def __init__(self, store: DatasetStore) -> None:
        super().__init__(store)
        self.settle: Callable[[], None] = _nothing

    def publish(self, snapshot: Snapshot, quality: QualityReport, board: Board, *, make_current: bool = True) -> str:
        """Store a data set, make it current if wanted, and settle what it brings the outcome of."""
        version = super().publish(snapshot, quality, board, make_current=make_current)
        self.settle()
        return version


class JournalDesk:
    """What is written into the journal of one data home, and what is read from it.

    Parameters
    ----------
    settings : Settings
        With `journal` off nothing is recorded or settled; what is there can still be read.
    datasets : DatasetStore

    Notes
    -----
    Recording never waits and never raises: what cannot be written is tried again, then dropped, counted and logged.
    The database is opened by the first call that needs it.
    """

    def __init__(self, settings: Settings, datasets: DatasetStore) -> None:
        self._settings = settings
        self._datasets = datasets
        self._lock = Lock()
        self._engine: Engine | None = None
        self._reports: Reports | None = None
        self._complaints = {what: Complaint(what) for what in ("forecasts", "exposures", "outcomes")}
        self._forecasts: Outbox[Callable[[], object]] = Outbox(
            "journal-forecasts",
            _call_all,
            capacity=_FORECASTS,
            batch=1,
            every=_SOON_S,
            at_exit=_AT_EXIT_S,
            told=self._complaints["forecasts"].hear,
        )
        self._exposures: Outbox[_Shown] = Outbox(
            "journal-exposures",
            self._expose,
            capacity=_EXPOSURES,
            batch=_BATCH,
            told=self._complaints["exposures"].hear,
        )

    def made(self, forecast: Forecast) -> None:
        """Record a forecast that was just made, if it is of the latest session."""
        if not self._settings.journal:
            return
        with suppress(VfrError, OSError):  # Without a data set there is nothing that a forecast could be of.
            board = self._datasets.board()
            if (forecast.data_version, forecast.as_of) == (board.data_version, board.as_of):
                self._forecasts.put(partial(self._record, forecast, board))

    def shown(self, query: AnalyzeQuery, answer: Answer, request_id: str) -> None:
        """Record what a request about the latest session was answered."""
        if not self._settings.journal or query.as_of is not None or not answer.stocks:
            return
        horizon = query.ml_horizon if query.include_ml else None
        name, as_of = answer.metadata["dataName"], answer.metadata["asOf"]
        request = _Request(request_id, name, as_of, horizon, query.include_ml, epoch_ms() / 1e3, query.experiment)
        # Plain figures and not the stocks: what waits here must not keep answers alive.
        self._exposures.put(*[(request, stock.symbol, stock.composite, _weight(stock)) for stock in answer.stocks])

    def settle(self, *, again: bool = False) -> Mapping[str, Settled]:
        """Join what matured and forget what was shown long ago; see `vfr.workflows.settle`.

        A home without a journal has nothing to settle.

        Raises
        ------
        DataError
            If the journal or a data set cannot be read.
        """
        from vfr.workflows.settle import forget, settle

        if not self._settings.journal or not self._there():
            return {}
        journal, now = self._journal(), utc_now()
        done = settle(journal, self._datasets, now, again=again)
        forget(journal, now - timedelta(days=self._settings.journal_exposure_days))
        return done

    def settle_quietly(self) -> None:
        """Settle after an import, which a journal that cannot be used, or holds what nobody wrote, must not fail."""
        try:
            self.settle()
        except Exception as error:  # noqa: BLE001 - the import is done; whatever is wrong here is said and tried again
            self._complaints["outcomes"].hear(0, error)
        else:
            self._complaints["outcomes"].hear(0, None)

    def settle_soon(self) -> None:
        """Settle from the thread that records forecasts."""
        if self._settings.journal and self._there():
            self._forecasts.put(self.settle_quietly)

    def opened(self) -> SqlJournal | None:
        """Return the journal for reading; None where nothing was ever recorded.

        Raises
        ------
        DataError
            If it cannot be used.
        """
        return self._journal() if self._there() else None

    def state(self) -> dict[str, Any]:
        """Return how much is kept, as plain JSON types."""
        from dataclasses import asdict

        if not self._there():
            return {"enabled": self._settings.journal, "rows": [], "exposures": 0}
        journal = self._journal()
        self._take_in(journal)
        rows = [asdict(row) for row in journal.state()]
        return {"enabled": self._settings.journal, "rows": rows, "exposures": journal.exposures()}

    def report(
        self,
        horizon: Horizon,
        *,
        days: int | None = None,
        model: str | None = None,
        group_by: GroupBy | None = None,
    ) -> dict[str, Any]:
        """Return figures of the current data set's matured forecasts; see `vfr.workflows.journal_report.report`.

        Parameters
        ----------
        horizon : Horizon
        days : int, optional
            Only forecasts whose outcome came in the last so many days; all of them by default.
        model : str, optional
            A member or a version; the ensemble by default.
        group_by : {"daily", "stock"}, optional

        Raises
        ------
        DataError
            If the journal cannot be used.
        """
        from vfr.workflows.journal_report import first_session, report

        name = self._datasets.current()
        since = None if days is None else (utc_now() - timedelta(days=days)).date()
        first = "" if since is None else first_session(since, horizon)
        about = {"dataName": name, "since": None if since is None else str(since)}
        if name is None or not self._there():
            return about | report([], horizon, model, group_by, since=since)
        return about | self._asked().of(self._journal(), name, horizon, first, model, group_by, since=since)

    def counters(self) -> dict[str, int]:
        """Return what this process wrote, dropped and has waiting, and how often writing failed."""
        boxes = (self._forecasts, self._exposures)
        return {
            "forecastsWritten": self._forecasts.written,
            "exposuresWritten": self._exposures.written,
            "dropped": sum(box.dropped for box in boxes),
            "failures": sum(box.failures for box in boxes),
            "waiting": sum(box.waiting for box in boxes),
        }

    def close(self, timeout: float = 1.0) -> bool:
        """Write what waits, within some seconds each, and let the database go; return whether all was written."""
        drained = [box.close(timeout) for box in (self._forecasts, self._exposures)]
        for complaint in self._complaints.values():
            complaint.say()
        # Who opens a database that is away holds the lock for as long as that takes.
        if all(drained) and self._lock.acquire(timeout=timeout):
            try:
                if self._engine is not None:
                    self._engine.dispose()
                    self._engine = None
            finally:
                self._lock.release()
        return all(drained)

    def _record(self, forecast: Forecast, board: Board) -> None:
        from vfr.features import spec_hash
        from vfr.workflows.journalled import as_record

        record = as_record(forecast, board, self._settings.table, spec_hash())
        if record is not None:
            self._journal().record(record)

    def _expose(self, answered: Sequence[_Shown]) -> None:
        shown = [_exposure(*one) for one in answered]
        if self._exposures.closed and self._engine is None:
            self._spool().add(shown)
            return
        journal = self._journal()
        self._take_in(journal)
        journal.expose(shown)

    def _take_in(self, journal: SqlJournal) -> None:
        self._spool().drain(journal.expose)

    def _spool(self) -> Spool:
        from vfr.adapters.store.spool import Spool

        return Spool(self._settings.data_home)

    def _there(self) -> bool:
        """Whether there can be a journal."""
        return database_exists(self._settings)

    def _journal(self) -> SqlJournal:
        from vfr.adapters.database.journal import SqlJournal

        with self._lock:
            if self._engine is None:
                self._engine = open_database(self._settings)
            return SqlJournal(self._engine)

    def _asked(self) -> Reports:
        from vfr.workflows.journal_reports import Reports

        with self._lock:
            if self._reports is None:
                self._reports = Reports()
            return self._reports


class _Request(NamedTuple):
    """What the exposures of one answer have in common; as they are recorded off its path, so is the rest of them."""

    request_id: str
    data_name: str
    as_of: str
    horizon: Horizon | None
    include_ml: bool
    at: float
    dealt: tuple[str, str] | None


_Shown: TypeAlias = tuple[_Request, str, float, float | None]
"""A stock that an answer showed: symbol, score, and what machine learning weighs in it."""


def _weight(stock: Stock) -> float | None:
    return stock.ml.weight if isinstance(stock.ml, MlPrediction) else None


@lru_cache(maxsize=1)
def _key(request: _Request) -> str:
    """Return what the exposures of one answer are kept under.

    The moment comes first: rows that come in order are added at the end of the database's index, where keys without
    order would each change a page of their own, and the more of them there are, the more is written for one.
    """
    # Hashed with the moment, too: clients may send one id with every request.
    told = f"{request.request_id}\n{request.at}"
    return f"{round(1e3 * request.at):012x}{sha256(told.encode()).hexdigest()[:_HASHED]}"


def _exposure(request: _Request, symbol: str, score: float, weight: float | None) -> Exposure:
    return Exposure(
        _key(request),
        symbol,
        request.data_name,
        request.as_of,
        request.horizon,
        score,
        request.include_ml,
        weight,
        request.at,
        *(request.dealt or (None, None)),
    )


def _call_all(calls: Sequence[Callable[[], object]]) -> None:
    for call in calls:
        call()


def _nothing() -> None:
    """Settle nothing."""
