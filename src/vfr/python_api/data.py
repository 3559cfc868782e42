"""Data: import, sync, and what was known on a day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vfr.python_api.opening import Day, Progress, as_day, open_application

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.workflows.import_data import ImportResult
    from vfr.workflows.sync_report import SyncReport

__all__ = ["import_data", "load_snapshot", "sync"]


def import_data(
    folder: Path | str,
    *,
    prices: Path | str | None = None,
    name: str | None = None,
    progress: Progress | None = None,
    home: Path | str | None = None,
) -> ImportResult:
    """Check a folder of market data, store it and make it current; nothing changes unless all of it succeeds.

    Parameters
    ----------
    folder : path
        Holds ``prices.parquet`` (or ``.csv``) and its neighbours.
    prices : path, optional
        Another price table.
    name : str, optional
        Name of the data set; the folder's by default.
    progress : callable, optional
        Called with a stage in plain words and the fraction done, 0-1.
    home : path, optional
        Data home.

    Returns
    -------
    ImportResult
        With ``.version``, the content hash, and ``.quality``, what the checks found.

    Raises
    ------
    ImportRejected
        If the folder cannot become a data set; says which file, column and row.
    """
    app = open_application(home, prepare=False)
    return app.import_folder(
        Path(folder), prices=None if prices is None else Path(prices), name=name, progress=progress
    )


def load_snapshot(
    name: str | None = None,
    *,
    as_of: Day | None = None,
    version: str | None = None,
    home: Path | str | None = None,
) -> Snapshot:
    """Return everything an installed data set holds, or held on a day, as arrays.

    Parameters
    ----------
    name : str, optional
        The current data set by default.
    as_of : date or ISO text, optional
        What was known that evening, prices on the split basis of that day: of a data set that `sync` fills without any
        correction or restatement seen later.
    version : str, optional
        With `as_of`: a kept version of the archive, as ``vfr data versions`` lists them.
    home : path, optional
        Data home.

    Returns
    -------
    Snapshot
        ``.upto(day)`` is what was known at the close of a day.

    Raises
    ------
    UnknownDataset
        If there is no such data set or version.
    NoData
        If nothing was known by then.
    """
    app = open_application(home)
    if as_of is None:
        return app.datasets.snapshot(name)
    return app.live.view(as_day("as_of", as_of), name=name, version=version)


def sync(
    universe: str = "",
    *,
    providers: Sequence[str] = (),
    since: Day | None = None,
    name: str = "live",
    refetch: bool = False,
    progress: Progress | None = None,
    home: Path | str | None = None,
) -> SyncReport:
    """Bring live data in: only what is new, checked, and published in one step.

    Parameters
    ----------
    universe : str
        ``sp500``, a file with a column ``symbol``, or tickers separated by commas; that of the last sync by default.
    providers : sequence of str
        In order of trust; by default all that were ever named, or those of the settings.
    since : date or ISO text, optional
        First day of the history; that of the last sync that named one, else ten years back.
    name : str
        Name of the data set.
    refetch : bool
        Ask for the whole history again.
    progress : callable, optional
        Called with a stage in plain words and the fraction done, 0-1.
    home : path, optional
        Data home.

    Returns
    -------
    SyncReport
        ``.problems`` names every question without a usable answer.

    Raises
    ------
    InvalidField, SettingsError, SyncBusy
        If it is not told what to bring in, a provider lacks its key, or another process syncs.
    """
    from vfr.bootstrap.live import SyncOptions

    first = None if since is None else as_day("since", since).astype(object)
    options = SyncOptions(universe, tuple(providers), first, name, refetch)
    return open_application(home, prepare=False).live.sync(options, progress or (lambda *_: None))
