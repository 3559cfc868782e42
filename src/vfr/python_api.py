"""The Python API: what the command line does, as functions with typed results.

Every function takes `home`, the data home to use instead of the one the settings name. Results have ``.to_dict()``.
Nothing heavy is imported before a function is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from vfr.bootstrap import Application
    from vfr.data.snapshot import Snapshot
    from vfr.workflows.answer import Answer
    from vfr.workflows.evidence_report import EvidenceReport
    from vfr.workflows.import_data import ImportResult
    from vfr.workflows.lookahead import LookaheadReport
    from vfr.workflows.sync_report import SyncReport
    from vfr.workflows.tracking import PerformanceReport
    from vfr.workflows.train import TrainReport

__all__ = ["analyze", "evidence", "import_data", "load_snapshot", "lookahead", "monitor_performance", "sync", "train"]

Day: TypeAlias = "str | date | np.datetime64"
Progress: TypeAlias = Callable[[str, float], None]


def analyze(
    symbols: Sequence[str] | str = (),
    *,
    sector: str | None = None,
    limit: int = 10,
    as_of: Day | None = None,
    include_ml: bool = False,
    ml_horizon: str = "7d",
    ml_weight: float = 0.15,
    ml_confidence_threshold: float = 0.5,
    ml_models: Sequence[str] | None = None,
    ml_method: str = "weighted",
    ml_timeout: int = 30_000,
    home: Path | str | None = None,
) -> Answer:
    """Score stocks.

    Parameters
    ----------
    symbols : sequence of str, or one str
        Tickers in any case; leave empty with `sector`.
    sector : str, optional
        A GICS sector instead of tickers.
    limit : int
        Stocks of the sector to answer, 1-50.
    as_of : date or ISO text, optional
        The answer as it would have been that evening; the latest session by default.
    include_ml : bool
        Blend in the machine-learning score.
    ml_horizon : {"7d", "1d", "30d"}
    ml_weight, ml_confidence_threshold : float
        0-1; the weight before confidence, and the confidence below which it is 0.
    ml_models : sequence of str, optional
        Ensemble members to use; all by default.
    ml_method : {"weighted", "voting", "stacking"}
    ml_timeout : int
        Milliseconds machine learning may take, 10-30000. A first call loads the models.
    home : path, optional
        Data home; the bundled data is prepared in it if it is empty.

    Returns
    -------
    Answer
        ``.stocks`` best first, ``.errors`` for symbols that could not be analysed, ``.to_dict()`` as HTTP answers it,
        ``.to_frame()`` one row per stock.

    Raises
    ------
    InvalidField
        If an argument is malformed or out of range; names it.
    NoData
        If `as_of` is before the first session.

    Examples
    --------
    >>> import vfr
    >>> vfr.analyze(["AAPL", "JPM"]).stocks[0].recommendation  # doctest: +SKIP
    'HOLD'
    """
    from uuid import uuid4

    from vfr.workflows.query import AnalyzeQuery

    body: dict[str, object] = {
        "limit": limit,
        "as_of": None if as_of is None else str(as_of),
        "include_ml": include_ml,
        "ml_horizon": ml_horizon,
        "ml_weight": ml_weight,
        "ml_confidence_threshold": ml_confidence_threshold,
        "ml_models": ml_models,
        "ml_method": ml_method,
        "ml_timeout": ml_timeout,
    }
    if sector is not None:
        body |= {"mode": "sector", "sector": sector}
    else:
        body |= {"mode": "multiple", "symbols": [symbols] if isinstance(symbols, str) else list(symbols)}
    query = AnalyzeQuery.parse(body)
    return _application(home).analyze(query, str(uuid4()))


def train(
    *,
    horizons: Sequence[str] = ("1d", "7d", "30d"),
    members: Sequence[str] | None = None,
    as_of: Day | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    home: Path | str | None = None,
) -> TrainReport:
    """Train, judge and store models on the current data; what passes the gates becomes champion.

    Parameters
    ----------
    horizons : sequence of {"1d", "7d", "30d"}
    members : sequence of str, optional
        Learners to train; by default all that can be fitted here.
    as_of : date or ISO text, optional
        Train as on that evening; such versions answer requests about the past only.
    seed : int
        The same seed on the same data gives the same model.
    progress : callable, optional
        Called with a stage in plain words and the fraction done, 0-1.
    home : path, optional
        Data home.

    Returns
    -------
    TrainReport

    Raises
    ------
    InvalidField
        If a horizon, member or date is not one that is known.
    TrainingFailed
        If the data is too short.
    """
    from vfr.workflows.query import parse_horizon

    return _application(home).learning.train(
        horizons=[parse_horizon("horizons", horizon) for horizon in horizons],
        members=members,
        as_of=None if as_of is None else _day("as_of", as_of),
        seed=seed,
        progress=progress,
        who="python",
    )


def evidence(
    *,
    horizon: str = "7d",
    members: Sequence[str] | None = None,
    classic: bool = False,
    release: bool = False,
    start: Day | None = None,
    seed: int = 0,
    seeds: int = 1,
    ablate: Sequence[str] = (),
    replay: bool = False,
    against: Path | str | pl.DataFrame | None = None,
    progress: Progress | None = None,
    home: Path | str | None = None,
) -> EvidenceReport:
    """Judge the models, or the classic score, out of sample on the current data.

    Parameters
    ----------
    horizon : {"7d", "1d", "30d"}
    members : sequence of str, optional
        Learners to judge; by default all that can be fitted here.
    classic : bool
        Judge the classic score instead of the models.
    release : bool
        Read the outcomes that are kept for release runs too; each such run is counted.
    start : date or ISO text, optional
        Leave earlier sessions out of the report.
    seed : int
    seeds : int
        Fit everything this many times and report the spread.
    ablate : sequence of str
        Families of features, or "family" for each: fit the cheap members again without one at a time.
    replay : bool
        Break each member half-way, and report how soon it is found and loses its weight.
    against : path or polars.DataFrame, optional
        Somebody else's scores (date, symbol, score, perhaps horizon), judged beside on the same rows.
    progress : callable, optional
        Called with a stage in plain words and the fraction done, 0-1.
    home : path, optional
        Data home.

    Returns
    -------
    EvidenceReport
        ``.facts`` and ``.tables``; ``.to_dict()``, ``.to_markdown()``.

    Raises
    ------
    InvalidField
        If the horizon, a member or a family is not one that is known, or outside scores cannot be used.
    TrainingFailed
        If the data is too short.
    """
    from vfr.workflows.query import parse_horizon

    [report] = _application(home).learning.evidence(
        horizons=(parse_horizon("horizon", horizon),),
        members=members,
        classic=classic,
        release=release,
        start=None if start is None else _day("start", start),
        seed=seed,
        seeds=seeds,
        ablate=ablate,
        replay=replay,
        against=Path(against) if isinstance(against, str) else against,
        progress=progress,
    )
    return report


def lookahead(*, progress: Progress | None = None, home: Path | str | None = None) -> LookaheadReport:
    """Test every factor and feature for look-ahead, on the current data and on a seeded market with every input.

    Parameters
    ----------
    progress : callable, optional
        Called with a stage in plain words and the fraction done, 0-1.
    home : path, optional
        Data home.

    Returns
    -------
    LookaheadReport
        ``checked``, ``leaks`` and ``unchecked``; the last two are empty when all is well.
    """
    return _application(home).lookahead(progress=progress)


def monitor_performance(
    *, horizons: Sequence[str] = ("1d", "7d", "30d"), home: Path | str | None = None
) -> PerformanceReport:
    """Return what the members of the ensemble did, what they weigh, and whether one is broken.

    Parameters
    ----------
    horizons : sequence of {"1d", "7d", "30d"}
    home : path, optional
        Data home.

    Returns
    -------
    PerformanceReport
        ``.horizons``, each with its ``.members`` (none before a training run) and ``.problem``, what hinders reading.

    Raises
    ------
    InvalidField
        If a horizon is not one that is known.
    """
    from vfr.workflows.query import parse_horizon

    wanted = [parse_horizon("horizons", horizon) for horizon in horizons]
    return _application(home, prepare=False).tracking.performance(wanted)


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
    app = _application(home, prepare=False)
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
    NoData
        If there is no such data set or version, or nothing was known by then.
    """
    app = _application(home)
    if as_of is None:
        return app.datasets.snapshot(name)
    return app.live.view(_day("as_of", as_of), name=name, version=version)


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

    first = None if since is None else _day("since", since).astype(object)
    options = SyncOptions(universe, tuple(providers), first, name, refetch)
    return _application(home, prepare=False).live.sync(options, progress or (lambda *_: None))


def _day(field: str, day: Day) -> np.datetime64:
    from vfr.data.sessions import parse_day

    return parse_day(field, str(day))


def _application(home: Path | str | None, *, prepare: bool = True) -> Application:
    from vfr import bootstrap, settings

    app = bootstrap.build(settings.load(data_home=home))
    if prepare:
        app.prepare()
    return app
