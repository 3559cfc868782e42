"""Looking every day without fooling oneself: intervals that hold at all times at once, and the rule that stops on them.

The unit is a span of time, not a name or a request: names of one session move together, so that a session is one
observation of a difference. Outcomes of neighbouring sessions overlap, so only one session in h is used, h being the
sessions an outcome spans: the returns of what is left share no day. What is left of five sessions is averaged, as
differences of neighbouring days are alike even so. One value therefore stands for a week, a month ahead for a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from vfr.experiments.experiment import StopRule
from vfr.typing import FloatArray, IntArray

__all__ = ["WEEK", "Decision", "Sequence", "Verdict", "confidence_sequence", "decide", "first_stop", "independent"]

Verdict: TypeAlias = Literal["open", "ml", "classic", "equal"]

WEEK: Final = 5
"""Sessions that one value stands for at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """Mean of the first 1, 2, ... n values with an interval at each; infinite ends before the rule's first look.

    `mean`, `low` and `high` have the shape of the values, the last axis being time.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a rule stands after n values.

    Parameters
    ----------
    verdict : {"open", "ml", "classic", "equal"}
        What it stopped for, "open" while it has not: the blended score is better, worse, or as good within the margin.
    at : int or None
        Number of values at which it stopped.
    n : int
        Values seen by now.
    mean, low, high : float
        By now, whether it stopped before or not; NaN and infinite before the first look.
    """

    verdict: Verdict
    at: int | None
    n: int
    mean: float
    low: float
    high: float


def independent(differences: FloatArray, span: int) -> tuple[FloatArray, IntArray]:
    """Return one value per week, or per span where that is longer, of which no two share a day of their outcomes.

    Parameters
    ----------
    differences : float64 array, shape (R,)
        One per session, in time order; NaN where unknown. Sessions that are left out only widen the gaps.
    span : int
        Sessions h an outcome spans: that of session t begins at t + 1 and ends at t + 1 + h.

    Returns
    -------
    tuple of float64 array and int64 array, shape (n,)
        The values, and the place of the last session that each is made of. A week that is not whole is left out.

    Examples
    --------
    >>> values, rows = independent(np.array([np.nan, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]), 5)
    >>> values.tolist(), rows.tolist()
    ([0.1, 0.6], [1, 6])
    """
    kept: list[int] = []
    for row in np.flatnonzero(np.isfinite(differences)).tolist():
        if not kept or row - kept[-1] >= span:
            kept.append(row)
    together = max(WEEK // span, 1)
    whole = np.array(kept[: len(kept) // together * together], dtype=np.int64).reshape(-1, together)
    return differences[whole].mean(axis=1), whole[:, -1]


def confidence_sequence(values: FloatArray, rule: StopRule) -> Sequence:
    """Return a confidence sequence for the mean: with chance 1 - error it covers at every time from the first look on.

    Parameters
    ----------
    values : float64 array, shape (..., n)
        Differences in time order along the last axis, each unpredictable from those before but for its mean.
    rule : StopRule

    Notes
    -----
    With t values, standard deviation s and ``a = t rho^2`` the half-width is
    ``s / sqrt(t) * sqrt(2 (a + 1) / a * log(sqrt(a + 1) / error))`` [1]_: the boundary of Robbins' normal mixture
    [2]_ with s in place of the deviation that nobody knows. It is asymptotic: s must have settled, which is why the
    rule waits for its first look. ``rho`` makes it narrowest after `tight_at` values.

    References
    ----------
    .. [1] Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), *Time-uniform central limit theory and asymptotic
       confidence sequences*, theorem 2.2; rho by its appendix B.2.
    .. [2] Robbins (1970), *Statistical methods related to the law of the iterated logarithm*, AMS 41.

    Examples
    --------
    >>> found = confidence_sequence(np.random.default_rng(0).normal(0.5, 1.0, size=400), StopRule())
    >>> bool(found.low[-1] > 0), bool(np.isinf(found.high[0]))
    (True, True)
    """
    t = np.arange(1, values.shape[-1] + 1, dtype=np.float64)
    mean = values.cumsum(axis=-1) / t
    # Centred on the first value: sums of squares of what varies little about a large mean would cancel.
    moved = values - values[..., :1]
    variance = (moved**2).cumsum(axis=-1) / t - (moved.cumsum(axis=-1) / t) ** 2
    deviation = np.sqrt(np.maximum(variance, 0.0) * t / np.maximum(t - 1.0, 1.0))
    spread = -2.0 * np.log(rule.error)
    a = t * (spread + np.log(spread + 1.0)) / rule.tight_at
    width = deviation / np.sqrt(t) * np.sqrt(2.0 * (a + 1.0) / a * np.log(np.sqrt(a + 1.0) / rule.error))
    width = np.where(t < rule.first, np.inf, width)
    return Sequence(mean, mean - width, mean + width)


def first_stop(found: Sequence, rule: StopRule) -> tuple[IntArray, IntArray]:
    """Return when the rule stops, counted from 1 (0: never), and for which side.

    Returns
    -------
    tuple of int64 arrays, shape (...)
        The number of values, and 1 where the mean is above zero, -1 below, 0 where it is within the margin or open.
    """
    side = np.where(found.low > 0.0, 1, np.where(found.high < 0.0, -1, 0))
    small = (found.low > -rule.margin) & (found.high < rule.margin)
    stops = (side != 0) | small
    at = stops.argmax(axis=-1)
    ever = np.take_along_axis(stops, at[..., None], axis=-1)[..., 0]
    why = np.take_along_axis(side, at[..., None], axis=-1)[..., 0]
    return np.where(ever, at + 1, 0).astype(np.int64), np.where(ever, why, 0).astype(np.int64)


def decide(values: FloatArray, rule: StopRule) -> Decision:
    """Return where the rule stands after all values, shape (n,); a stop stands whatever comes later.

    Examples
    --------
    >>> decide(np.random.default_rng(0).normal(0.5, 1.0, size=400), StopRule()).verdict
    'ml'
    >>> decide(np.array([]), StopRule()).verdict
    'open'
    """
    if not values.size:
        return Decision("open", None, 0, float("nan"), -float("inf"), float("inf"))
    found = confidence_sequence(values, rule)
    at, side = (int(part) for part in first_stop(found, rule))
    verdicts: dict[int, Verdict] = {1: "ml", -1: "classic", 0: "equal"}
    ends = (float(found.mean[-1]), float(found.low[-1]), float(found.high[-1]))
    return Decision(verdicts[side] if at else "open", at or None, values.size, *ends)
