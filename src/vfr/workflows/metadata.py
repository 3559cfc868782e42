"""What an answer says about itself: which inputs took part, with what weight, and where the data comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from vfr.data.panel import Adjustment
from vfr.workflows.prepared import Prepared
from vfr.workflows.query import AnalyzeQuery

__all__ = ["metadata"]

_NEW_YORK: Final = ZoneInfo("America/New_York")

_ADJUSTMENTS: Final[Mapping[Adjustment, str]] = {"split": "raw", "dividend": "dividend-adjusted"}
"""``raw`` is adjusted for splits only, as every quote is."""


def metadata(
    query: AnalyzeQuery, held: Prepared, columns: Sequence[int], *, request_id: str, now: datetime
) -> dict[str, Any]:
    """Return the ``metadata`` object of the contract without its machine-learning part.

    Parameters
    ----------
    query : AnalyzeQuery
    held : Prepared
    columns : sequence of int
        Columns of the board that are answered, in the order of the answer.
    request_id : str
    now : datetime
        Aware. Inputs of an answer about the past are as old as they were on that evening.

    Notes
    -----
    Parts are shared between answers: they must not be changed.
    """
    board, dealt = held.board, query.experiment
    services, flags = held.inputs.told(columns)
    age = held.ages.at(now if query.as_of is None else _evening(board.as_of))
    return {
        "mode": query.mode,
        "count": len(columns),
        "timestamp": int(now.timestamp() * 1000),
        "sources": held.sources,
        "requestId": request_id,
        "dataVersion": board.data_version,
        "dataName": board.data_name,
        "asOf": str(board.as_of),
        "dataAge": age.described,
        "warnings": age.warnings,
        "analysisInputServices": services,
        **flags,
        "priceAdjustment": _ADJUSTMENTS[board.adjustment],
        # Who is held out of an experiment is answered as if there were none.
        **({} if dealt is None or dealt[1] == "holdout" else {"experiment": {"id": dealt[0], "arm": dealt[1]}}),
    }


def _evening(session: np.datetime64) -> datetime:
    """Return the end of a session's day in New York."""
    return datetime.combine(session.astype(object), time(23, 59, 59), _NEW_YORK)
