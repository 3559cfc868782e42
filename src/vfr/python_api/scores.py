"""The score of stocks, and what members were worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vfr.python_api.opening import Day, open_application

if TYPE_CHECKING:
    from vfr.workflows.answer import Answer
    from vfr.workflows.tracking import PerformanceReport

__all__ = ["analyze", "monitor_performance"]


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
        If an argument is malformed or out of range; names it. `as_of` must be neither before the first session nor
        later than today.

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
    return open_application(home).analyze(query, str(uuid4()))


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
    return open_application(home, prepare=False).tracking.performance(wanted)
