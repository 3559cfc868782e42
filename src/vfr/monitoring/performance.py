"""What matured outcomes say of each member, over the last sessions and over all, beside what was known without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from vfr.ensemble.scores import Scores
from vfr.typing import HORIZONS, FloatArray, Horizon
from vfr.validation.significance import MeanTest, newey_west, overlap_lag

__all__ = ["WINDOWS", "Figure", "Performance", "performance", "rolling"]

WINDOWS: Final[tuple[int | None, ...]] = (60, 252, None)
"""Sessions judged: a quarter, a year, all."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A member's mean figure over dates, and that of the rule it is set beside, on the same dates.

    Parameters
    ----------
    value, reference : float
        NaN without dates.
    gain : float
        How much better the member is, in the unit of the figure; above 0 is better for every figure.
    gain_t : float
        Newey-West t of the gain.
    """

    value: float
    reference: float
    gain: float
    gain_t: float


@dataclass(frozen=True, slots=True)
class Performance:
    """Figures of one member at one horizon over the last dates; every date counts once.

    Parameters
    ----------
    member : str
    horizon : Horizon
    window : int or None
        Dates asked for; None is all.
    dates : int
        Dates on which the member has a figure. Windows overlap over h sessions, so that dates / h are independent.
    names : float
        Mean number of names judged per date.
    first, last : str or None
        Sessions forecast from.
    accuracy : Figure
        Share of names whose sign of the excess return was predicted right, beside a coin.
    brier, log_loss : Figure
        Of P(up), beside the base rate known at the time.
    brier_skill : float
        1 - Brier / Brier of the base rate.
    ic : Figure
        Rank correlation of score and excess return, beside 0: its `gain_t` is the t of the mean.
    """

    member: str
    horizon: Horizon
    window: int | None
    dates: int
    names: float
    first: str | None
    last: str | None
    accuracy: Figure
    brier: Figure
    log_loss: Figure
    brier_skill: float
    ic: Figure

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON; what is not known is None."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def performance(scores: Scores, horizon: Horizon, windows: Sequence[int | None] = WINDOWS) -> tuple[Performance, ...]:
    """Return the figures of every member over every window.

    Parameters
    ----------
    scores : Scores
        Matured outcomes only; NaN where a member gave no prediction, which drops the date for this member.
    horizon : Horizon
        Sets the lag of the t: at least 1.5 h.
    windows : sequence of int or None
        Last dates of the record; None is all of them.

    Returns
    -------
    tuple of Performance
        Member by member, window by window.

    References
    ----------
    Newey and West (1987), Econometrica 55; Brier (1950).

    Examples
    --------
    >>> flat = np.full(4, 0.25)
    >>> scores = Scores(
    ...     ("trees",), np.arange("2020-01-06", "2020-01-10", dtype="datetime64[D]"), np.full(4, 50.0),
    ...     log_loss=np.full((4, 1), 0.69), brier=np.full((4, 1), 0.2), ic=np.array([[0.1], [0.0], [0.04], [0.02]]),
    ...     accuracy=np.full((4, 1), 0.52), base_log_loss=np.full(4, 0.7), base_brier=flat,
    ... )
    >>> found = performance(scores, "1d", windows=(2,))[0]
    >>> found.dates, round(found.ic.value, 3), round(found.brier_skill, 3), found.accuracy.reference
    (2, 0.03, 0.2, 0.5)
    """
    lag = overlap_lag(HORIZONS[horizon])
    return tuple(_of(scores, m, horizon, window, lag) for m in range(len(scores.members)) for window in windows)


def _of(scores: Scores, m: int, horizon: Horizon, window: int | None, lag: int) -> Performance:
    start = 0 if window is None else max(scores.dates.size - window, 0)
    there = np.flatnonzero(np.isfinite(scores.brier[start:, m]) | np.isfinite(scores.ic[start:, m])) + start
    days = scores.dates[there]
    coin, none = np.full(there.size, 0.5), np.zeros(there.size)
    brier = _beside(scores.brier[there, m], scores.base_brier[there], lag, low_is_good=True)
    return Performance(
        member=scores.members[m],
        horizon=horizon,
        window=window,
        dates=int(there.size),
        names=float(scores.cells[there].mean()) if there.size else float("nan"),
        first=str(days[0]) if there.size else None,
        last=str(days[-1]) if there.size else None,
        accuracy=_beside(scores.accuracy[there, m], coin, lag),
        brier=brier,
        log_loss=_beside(scores.log_loss[there, m], scores.base_log_loss[there], lag, low_is_good=True),
        brier_skill=1.0 - brier.value / brier.reference if brier.reference > 0 else float("nan"),
        ic=_beside(scores.ic[there, m], none, lag),
    )


def _beside(values: FloatArray, reference: FloatArray, lag: int, *, low_is_good: bool = False) -> Figure:
    both = np.isfinite(values) & np.isfinite(reference)
    values, reference = values[both], reference[both]
    if not values.size:
        return Figure(*[float("nan")] * 4)
    gain = reference - values if low_is_good else values - reference
    test = newey_west(gain, lag) if gain.size > 1 else MeanTest(float(gain[0]), float("nan"), float("nan"), 1)
    return Figure(float(values.mean()), float(reference.mean()), test.mean, test.t)


def rolling(values: FloatArray, window: int) -> FloatArray:
    """Return trailing means of daily figures, [D x M]: what a chart of a member's last sessions shows.

    Parameters
    ----------
    values : float64 array, shape (D, M)
        NaN days are left out of the mean.
    window : int
        Dates.

    Returns
    -------
    float64 array, shape (D, M)
        NaN while fewer than half the window is known.

    Examples
    --------
    >>> rolling(np.array([[1.0], [3.0], [np.nan], [5.0]]), 2).ravel().tolist()
    [1.0, 2.0, 3.0, 5.0]
    """
    known = np.isfinite(values)
    total = np.cumsum(np.where(known, values, 0.0), axis=0)
    count = np.cumsum(known, axis=0).astype(np.float64)
    total[window:], count[window:] = total[window:] - total[:-window], count[window:] - count[:-window]
    return np.asarray(np.divide(total, count, out=np.full(values.shape, np.nan), where=count >= window / 2))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value
