"""Training, evidence and the test for look-ahead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vfr.python_api.opening import Day, Progress, as_day, open_application

if TYPE_CHECKING:
    import polars as pl

    from vfr.workflows.evidence_report import EvidenceReport
    from vfr.workflows.lookahead import LookaheadReport
    from vfr.workflows.train import TrainReport

__all__ = ["evidence", "lookahead", "train"]


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

    return open_application(home).learning.train(
        horizons=[parse_horizon("horizons", horizon) for horizon in horizons],
        members=members,
        as_of=None if as_of is None else as_day("as_of", as_of),
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

    [report] = open_application(home).learning.evidence(
        horizons=(parse_horizon("horizon", horizon),),
        members=members,
        classic=classic,
        release=release,
        start=None if start is None else as_day("start", start),
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
    return open_application(home).lookahead(progress=progress)
