"""What an answer says about itself: which inputs took part, with what weight, and where the data comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from vfr.data.panel import Adjustment
from vfr.factors.board import Board
from vfr.factors.scores import Reason
from vfr.scoring.composite import Scores
from vfr.typing import IntArray
from vfr.workflows.data_age import age_warnings, ages, described
from vfr.workflows.query import AnalyzeQuery

__all__ = ["metadata"]


@dataclass(frozen=True, slots=True)
class _Service:
    """An input as clients know it: its key, its flat flag (if any), and which sub-factors it stands for."""

    key: str
    flag: str | None
    prefix: str


_SERVICES: Final = (
    _Service("technicalAnalysis", "technicalAnalysisEnabled", "technical."),
    _Service("fundamentalData", "fundamentalDataEnabled", "fundamental."),
    _Service("analystData", "analystDataEnabled", "sentiment.analyst"),
    _Service("sentimentAnalysis", "sentimentAnalysisEnabled", "sentiment.texts"),
    _Service("macroeconomicAnalysis", "macroeconomicAnalysisEnabled", "macro."),
    _Service("esgAnalysis", "esgAnalysisEnabled", "alternative.esg"),
    _Service("shortInterestAnalysis", "shortInterestAnalysisEnabled", "alternative.short"),
    _Service("extendedMarketData", "extendedMarketDataEnabled", "alternative.extended"),
    _Service("alternativeData", None, "alternative."),
)

_NEW_YORK: Final = ZoneInfo("America/New_York")

_ADJUSTMENTS: Final[Mapping[Adjustment, str]] = {"split": "raw", "dividend": "dividend-adjusted"}
"""``raw`` is adjusted for splits only, as every quote is."""


def metadata(
    query: AnalyzeQuery,
    board: Board,
    scores: Scores,
    columns: IntArray,
    places: IntArray,
    *,
    request_id: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the ``metadata`` object of the contract without its machine-learning part.

    Parameters
    ----------
    query : AnalyzeQuery
    board : Board
    scores : Scores
    columns : int64 array
        Column on the board of every symbol in `scores`.
    places : int64 array
        Places in `scores` of the symbols that are answered.
    request_id : str
    now : datetime
        Aware. Inputs of an answer about the past are as old as they were on that evening.
    """
    services, flags = _services(board, scores, columns, places)
    found = ages(board.inputs, now if query.as_of is None else _evening(board.as_of))
    return {
        "mode": query.mode,
        "count": int(places.size),
        "timestamp": int(now.timestamp() * 1000),
        "sources": sorted({status.source for status in board.inputs.values() if status.available}),
        "requestId": request_id,
        "dataVersion": board.data_version,
        "dataName": board.data_name,
        "asOf": str(board.as_of),
        "dataAge": described(found),
        "warnings": age_warnings(found),
        "analysisInputServices": services,
        **flags,
        "priceAdjustment": _ADJUSTMENTS[board.adjustment],
    }


def _evening(session: np.datetime64) -> datetime:
    """Return the end of a session's day in New York."""
    return datetime.combine(session.astype(object), time(23, 59, 59), _NEW_YORK)


def _services(
    board: Board, scores: Scores, columns: IntArray, places: IntArray
) -> tuple[dict[str, Any], dict[str, bool]]:
    services: dict[str, Any] = {}
    flags: dict[str, bool] = {}
    for service in _SERVICES:
        rows = [k for k, name in enumerate(board.scores.names) if name.startswith(service.prefix)]
        used = scores.weights[rows][:, places].sum(axis=0)
        weight = round(float(used.mean()), 6) if used.size else 0.0
        reasons = Counter(board.scores.reason[rows][:, 0, columns[places]].ravel().tolist())
        services[service.key] = {
            "enabled": weight > 0,
            "status": _status(reasons, known=bool(rows)),
            "weight": weight,
        }
        if service.flag is not None:
            flags[service.flag] = weight > 0
    return services, flags


def _status(reasons: Counter[int], *, known: bool) -> str:
    """Phrase in one word: all there, some there, or why nothing is."""
    if not known:
        return "not_provided"
    if not reasons:
        return "unused"
    missing = [(count, -code) for code, count in reasons.items() if code != Reason.PRESENT]
    if not missing:
        return "active"
    if reasons[Reason.PRESENT]:
        return "partial"
    return Reason(-max(missing)[1]).name.lower()
