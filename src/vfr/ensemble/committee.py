"""Several members' predictions into one, row by row; a member that fails is left out with its reason.

Every method gives each member a weight of at least 0, and the weights of a row that has a prediction sum to 1.

- *weighted*: a linear opinion pool (Stone 1961): probabilities, expected returns and interval bounds are weighted
  means; averaging bounds averages quantiles (Lichtendahl, Grushka-Cockayne and Winkler 2013). The weights are equal:
  no member's matured record has earned more, and equal weights are hard to beat (Clemen 1989).
- *voting*: a majority vote on the direction. The probability is the mean of the members on the winning side, and one
  half on a tie; members within the neutral band abstain. What has no direction (excess, interval) is averaged.
- *stacking*: not fitted yet, so equal weights are applied, and the verdict says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from vfr.clock import elapsed_ms
from vfr.errors import ArtifactCorrupt, VfrError
from vfr.models.prediction import Prediction
from vfr.typing import NEUTRAL_BAND, BoolArray, FloatArray

__all__ = ["MemberResult", "Method", "Verdict", "ask", "combine"]

Method: TypeAlias = Literal["weighted", "voting", "stacking"]

_NOTES: Final[dict[Method, tuple[str, str | None]]] = {
    "weighted": ("equal_weight", "equal weights: no member has earned more on matured outcomes"),
    "voting": ("voting", None),
    "stacking": ("equal_weight", "equal weights: no stacker has been fitted that beats them"),
}


@dataclass(frozen=True, slots=True, eq=False)
class MemberResult:
    """What one member answered.

    Parameters
    ----------
    member, version : str
    prediction : Prediction or None
        None if it failed.
    status : {"ok", "corrupt", "failed"}
    reason : str or None
        A sentence without paths; None if ok.
    error : Exception or None
        What it failed with, for the log.
    latency_ms : float
    """

    member: str
    version: str
    prediction: Prediction | None
    status: Literal["ok", "corrupt", "failed"]
    reason: str | None
    error: Exception | None
    latency_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The ensemble's prediction of N rows.

    Parameters
    ----------
    prediction : Prediction
        NaN where no member predicts.
    weights : float64 array, shape (M, N)
        At least 0; sums to 1 over the members where there is a prediction, else 0.
    agreement : float64 array, shape (N,)
        0-1: share of the weight on the ensemble's side of one half; NaN with fewer than two members.
    method_applied : str
    note : str or None
        Why that is not all that was asked for.
    """

    prediction: Prediction
    weights: FloatArray
    agreement: FloatArray
    method_applied: str
    note: str | None


def ask(member: str, version: str, predict: Callable[[], Prediction], n_rows: int) -> MemberResult:
    """Ask one member, and turn whatever goes wrong into a result.

    Parameters
    ----------
    member, version : str
    predict : callable
        Loads what it needs and predicts `n_rows` rows.
    n_rows : int
    """
    start = elapsed_ms()
    try:
        prediction = predict()
        _check(prediction, n_rows)
    except Exception as error:  # noqa: BLE001 - a member may fail in any way; the others and the classic answer stand
        corrupt = isinstance(error, ArtifactCorrupt)
        reason = error.message if isinstance(error, VfrError) else f"it raised {type(error).__name__}"
        return MemberResult(member, version, None, "corrupt" if corrupt else "failed", reason, error, elapsed_ms(start))
    return MemberResult(member, version, prediction, "ok", None, None, elapsed_ms(start))


def combine(results: Sequence[MemberResult], method: Method, n_rows: int) -> Verdict:
    """Combine members' predictions.

    Parameters
    ----------
    results : sequence of MemberResult, length M
        Failed members take weight 0; so does, on its own, each row of a member that is not finite throughout.
    method : {"weighted", "voting", "stacking"}
    n_rows : int
        N, the rows each member was asked for.

    Returns
    -------
    Verdict
        The interval's level is the lowest of the members'; confidence is the weighted mean of each member's chance
        that the *ensemble's* sign is right, so a member that disagrees lowers it.
    """
    fields = ("p_up", "expected_excess", "low", "high", "confidence")
    stacked = np.full((len(fields), len(results), n_rows), np.nan)
    for m, result in enumerate(results):
        if result.prediction is not None:
            stacked[:, m] = [getattr(result.prediction, field) for field in fields]
    usable = np.asarray(np.isfinite(stacked).all(axis=0))
    count = usable.sum(axis=0)
    weights = usable / np.where(count > 0, count, 1)
    p_up, expected, low, high, own = np.where(usable, stacked, 0.0)
    mean_p, mean_expected = (weights * p_up).sum(axis=0), (weights * expected).sum(axis=0)
    same = np.sign(expected) == np.sign(mean_expected)
    combined = Prediction(
        p_up=_where(count, _majority(p_up, usable) if method == "voting" else mean_p),
        expected_excess=_where(count, mean_expected),
        low=_where(count, (weights * low).sum(axis=0)),
        high=_where(count, (weights * high).sum(axis=0)),
        confidence=_where(count, (weights * np.where(same, own, 1.0 - own)).sum(axis=0)),
        level=min((r.prediction.level for r in results if r.prediction is not None), default=float("nan")),
    )
    return Verdict(combined, weights, _agreement(p_up, weights, combined.p_up, count), *_NOTES[method])


def _check(prediction: Prediction, n_rows: int) -> None:
    for name in ("p_up", "expected_excess", "low", "high", "confidence"):
        shape = getattr(prediction, name).shape
        if shape != (n_rows,):
            raise ValueError(f"{name}: {n_rows} rows asked, shape {shape} given")


def _where(count: FloatArray, values: FloatArray) -> FloatArray:
    return np.where(count > 0, values, np.nan)


def _majority(p_up: FloatArray, usable: BoolArray) -> FloatArray:
    """Mean probability of the side with more votes; one half where the sides are even."""
    up = usable & (p_up - 0.5 >= NEUTRAL_BAND)
    down = usable & (0.5 - p_up >= NEUTRAL_BAND)
    ahead = up.sum(axis=0) - down.sum(axis=0)
    winners = np.where(ahead > 0, up, down & (ahead < 0))
    n = winners.sum(axis=0)
    return np.where(n > 0, (winners * p_up).sum(axis=0) / np.where(n > 0, n, 1), 0.5)


def _agreement(p_up: FloatArray, weights: FloatArray, verdict: FloatArray, count: FloatArray) -> FloatArray:
    above = (weights * (p_up > 0.5)).sum(axis=0)
    side = np.where(verdict > 0.5, above, np.where(verdict < 0.5, 1.0 - above, np.maximum(above, 1.0 - above)))
    return np.where(count > 1, side, np.nan)
