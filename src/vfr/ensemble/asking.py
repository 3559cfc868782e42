"""What one member answered, and the one place where anything that goes wrong in a member becomes a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from vfr.clock import elapsed_ms
from vfr.errors import ArtifactCorrupt, ModelError, VfrError
from vfr.models.prediction import Prediction
from vfr.typing import FloatArray

__all__ = ["FIELDS", "MemberResult", "MemberStatus", "ask", "checked"]

MemberStatus: TypeAlias = Literal["ok", "corrupt", "failed", "timeout", "disabled"]

FIELDS: Final = ("p_up", "expected_excess", "low", "high", "confidence")
"""Arrays of a prediction."""


@dataclass(frozen=True, slots=True, eq=False)
class MemberResult:
    """What one member answered.

    Parameters
    ----------
    member, version : str
    prediction : Prediction or None
        None unless ok.
    status : {"ok", "corrupt", "failed", "timeout", "disabled"}
    reason : str or None
        A sentence without paths; None if ok.
    error : Exception or None
        What it failed with, for the log.
    latency_ms : float
    warning : str or None
        Why another version than the first choice answers, where one does.
    """

    member: str
    version: str
    prediction: Prediction | None
    status: MemberStatus
    reason: str | None
    error: Exception | None
    latency_ms: float
    warning: str | None = None


def ask(member: str, version: str, predict: Callable[[], Prediction], n_rows: int) -> MemberResult:
    """Ask one member, and turn whatever goes wrong into a result.

    Parameters
    ----------
    member, version : str
    predict : callable
        Loads what it needs and predicts `n_rows` rows.
    n_rows : int

    Examples
    --------
    >>> found = ask("linear", "linear-1", lambda: 1 / 0, 3)
    >>> found.status, found.reason
    ('failed', 'it raised ZeroDivisionError')
    """
    start = elapsed_ms()
    try:
        prediction = checked(predict(), n_rows)
    except Exception as error:  # noqa: BLE001 - a member may fail in any way; the others and the classic answer stand
        corrupt = isinstance(error, ArtifactCorrupt)
        reason = error.message if isinstance(error, VfrError) else f"it raised {type(error).__name__}"
        return MemberResult(member, version, None, "corrupt" if corrupt else "failed", reason, error, elapsed_ms(start))
    return MemberResult(member, version, prediction, "ok", None, None, elapsed_ms(start))


def checked(prediction: Prediction, n_rows: int) -> Prediction:
    """Return a prediction whose arrays are float64 and as long as they must be, whoever made it.

    Raises
    ------
    ModelError
        If an array has another length. What is no prediction at all raises whatever numpy does.
    """

    def column(name: str) -> FloatArray:
        values = np.asarray(getattr(prediction, name), dtype=np.float64)
        if values.shape != (n_rows,):
            raise ModelError(f"its {name} has shape {values.shape} for {n_rows} rows")
        return values

    p_up, expected, low, high, confidence = (column(name) for name in FIELDS)
    return Prediction(p_up, expected, low, high, confidence, float(prediction.level))
