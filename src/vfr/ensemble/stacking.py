"""Stacking: a non-negative meta-learner over members' out-of-fold predictions, leaning on equal weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.ensemble.pools import log_odds, log_odds_pool
from vfr.typing import HORIZONS, BoolArray, FloatArray, Horizon, IntArray
from vfr.validation.calibration import expit
from vfr.validation.correlation import rank_ic
from vfr.validation.forecast_comparison import DieboldMariano, diebold_mariano

__all__ = ["Stacker", "fit_stacker"]

_INTERCEPT_SD: Final = 0.05
"""Log-odds by which the members' common level is believed to be off."""

_NAMES_PER_SESSION: Final = 5.0
"""Independent directions among the names of one session: most of what a session's returns do is the market."""

_LEVEL: Final = 0.05
"""Chance of believing in a stacker that is no better, over both targets together."""

_LEAST_DATES: Final = 252
"""Dates that may judge; the test rejects too often on fewer."""

_OUTLIER: Final = 3.0
"""Standard deviations of its session beyond which an excess return teaches no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Stacker:
    """Coefficients of M members for both targets (Wolpert 1992; non-negative as in Breiman 1996).

    Parameters
    ----------
    members : tuple of str, length M
    intercept : float
        Of the log-odds of P(up).
    direction : float64 array, shape (M,)
        Coefficients, at least 0, of the members' log-odds.
    excess : float64 array, shape (M,)
        Coefficients, at least 0, of the members' expected excess returns.
    beats_equal : bool
        Whether it beat equal weights on purged rows of its own; if not, equal weights answer in its place.
    verdict : str
        That comparison in a sentence, with its figures.
    """

    members: tuple[str, ...]
    intercept: float
    direction: FloatArray
    excess: FloatArray
    beats_equal: bool
    verdict: str


def fit_stacker(
    members: Sequence[str],
    p_up: FloatArray,
    expected: FloatArray,
    direction: FloatArray,
    excess: FloatArray,
    cells: BoolArray,
    horizon: Horizon,
    *,
    fitted: IntArray,
    judged: IntArray,
) -> Stacker:
    """Fit a stacker on some sessions and judge it against equal weights on later ones.

    Parameters
    ----------
    members : sequence of str, length M
    p_up, expected : arrays, shape (M, R, N)
        Out-of-fold probabilities of a rise and expected excess returns; a cell that a member lacks is left out.
    direction, excess : float64 arrays, shape (R, N)
        1 for a return above 0, else 0; return over the median of the universe. Read where `cells` only.
    cells : bool array, shape (R, N)
        Names that count: their outcomes are known.
    horizon : Horizon
    fitted, judged : int arrays
        Sessions of the fit, and later ones whose label intervals meet none of theirs
        (`vfr.validation.splits.calibration_split`).

    Returns
    -------
    Stacker
        Each coefficient is drawn toward 1 / M with a standard deviation of 1 / M, the intercept toward 0; overlapping
        outcomes and names that move together count once. `beats_equal` asks that neither target be worse on average,
        and one be better by the one-sided test of Diebold and Mariano at half of 5 %: log loss of P(up), and minus the
        rank correlation of the expected excess, one figure per date, over a year of dates at least.

    References
    ----------
    Wolpert (1992), *Stacked generalization*, Neural Networks 5. Breiman (1996), *Stacked regressions*, Machine Learning
    24. Harvey, Leybourne and Newbold (1997), *Testing the equality of prediction mean squared errors*, IJF 13.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth, noise = rng.normal(size=(600, 40)), rng.normal(size=(2, 600, 40))
    >>> expected = np.stack([0.1 * truth + 0.01 * noise[0], 0.1 * noise[1]])
    >>> p_up, came = 0.5 + np.clip(expected, -0.4, 0.4), truth + rng.normal(size=truth.shape)
    >>> cells = np.ones(came.shape, dtype=bool)
    >>> found = fit_stacker(("good", "idle"), p_up, expected, (came > 0) * 1.0, came, cells, "1d",
    ...                     fitted=np.arange(300), judged=np.arange(302, 600))
    >>> found.beats_equal, *(bool(of[0] > 2 * of[1]) for of in (found.direction, found.excess))
    (True, True, True)
    """
    whole = cells & np.isfinite(p_up).all(axis=0) & np.isfinite(expected).all(axis=0)
    fit_cells, count, h = _only(whole, fitted), len(members), HORIZONS[horizon]
    intercept, slopes = _fit_direction(p_up, direction, fit_cells, h)
    coefficients = _fit_excess(expected, excess, fit_cells, h)
    test_cells = _only(whole, judged)[judged]
    p, e, came, gained = p_up[:, judged], expected[:, judged], direction[judged], excess[judged]
    equal = np.full(count, 1.0 / count)
    losses = [
        _log_loss(pool, came, test_cells) for pool in (log_odds_pool(p, slopes, intercept), np.tensordot(equal, p, 1))
    ]
    orders = [rank_ic(np.tensordot(weights, e, 1), gained, test_cells) for weights in (coefficients, equal)]
    beats, verdict = _judged(losses, orders, h)
    return Stacker(tuple(members), intercept, slopes, coefficients, beats, verdict)


def _fit_direction(p_up: FloatArray, came: FloatArray, cells: BoolArray, h: int) -> tuple[float, FloatArray]:
    """Return intercept and coefficients of the most likely non-negative logistic regression given the prior."""
    count = p_up.shape[0]
    X = np.column_stack([np.ones(int(cells.sum())), *(log_odds(p[cells].astype(np.float64)) for p in p_up)])
    y = came[cells]
    belief = np.array([0.0, *[1.0 / count] * count])
    precision = np.array([_INTERCEPT_SD**-2, *[float(count) ** 2] * count])
    sessions = int(cells.any(axis=1).sum())
    weight = sessions * min(y.size / max(sessions, 1), _NAMES_PER_SESSION) / h / max(y.size, 1)
    beta = belief
    for _ in range(25):
        p = expit(X @ beta)
        curvature = weight * (X * (p * (1.0 - p))[:, None]).T @ X + np.diag(precision)
        slope = weight * (X.T @ (y - p)) - precision * (beta - belief)
        new = _least(curvature, curvature @ beta + slope, free=1)
        step, beta = float(np.abs(new - beta).max()), new
        if step < 1e-10:
            break
    return float(beta[0]), beta[1:]


def _fit_excess(expected: FloatArray, excess: FloatArray, cells: BoolArray, h: int) -> FloatArray:
    """Return the coefficients of the non-negative regression of excess returns within their sessions."""
    count = expected.shape[0]
    rows = np.flatnonzero(cells.sum(axis=1) > 1)
    inside = cells[rows]
    y = _centred(excess[rows], inside)
    spread = np.sqrt((y * y).sum(axis=1, keepdims=True) / inside.sum(axis=1, keepdims=True))
    scale = np.where(spread > 0.0, spread, 1.0)
    z = np.clip(y / scale, -_OUTLIER, _OUTLIER)
    X = np.stack([_centred(e[rows].astype(np.float64), inside) / scale for e in expected]).reshape(count, -1)
    # Half the names: what is left of a session's returns beyond the market still moves together by sector.
    weight, precision = 0.5 / h, float(count) ** 2
    curvature = weight * X @ X.T + precision * np.eye(count)
    return _least(curvature, weight * X @ z.ravel() + precision / count, free=0)


def _least(curvature: FloatArray, slope: FloatArray, free: int) -> FloatArray:
    """Return the minimum of b'Hb / 2 - s'b over b that are at least 0 from the free ones on."""
    from scipy.optimize import lsq_linear

    root = np.linalg.cholesky(curvature)
    low = np.where(np.arange(slope.size) < free, -np.inf, 0.0)
    found = lsq_linear(root.T, np.linalg.solve(root, slope), bounds=(low, np.inf), method="bvls", tol=1e-14)
    return np.asarray(np.where(low < 0.0, found.x, np.maximum(found.x, 0.0)), dtype=np.float64)


def _judged(losses: Sequence[FloatArray], orders: Sequence[FloatArray], h: int) -> tuple[bool, str]:
    direction = diebold_mariano(losses[0], losses[1], h)
    excess = diebold_mariano(-orders[0], -orders[1], h)
    p = [_one_sided(test) for test in (direction, excess)]
    enough = min(direction.n, excess.n) >= _LEAST_DATES
    beats = enough and direction.mean <= 0.0 and excess.mean <= 0.0 and min(p) < _LEVEL / 2.0
    (own, equal), (own_ic, equal_ic) = ([_mean(of) for of in pair] for pair in (losses, orders))
    words = "the stacker beats equal weights" if beats else "the stacker does not beat equal weights"
    return beats, (
        f"{words}: log loss {own:.5f} against {equal:.5f} (one-sided p {p[0]:.2f}), rank IC {own_ic:.4f} against "
        f"{equal_ic:.4f} (p {p[1]:.2f}) on {direction.n} later dates{'' if enough else ', too few to judge'}"
    )


def _one_sided(test: DieboldMariano) -> float:
    """Return the p-value of "not better"; 1 where the losses do not differ."""
    if not np.isfinite(test.p):
        return 1.0
    return test.p / 2.0 if test.statistic < 0.0 else 1.0 - test.p / 2.0


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _log_loss(p: FloatArray, came: FloatArray, cells: BoolArray) -> FloatArray:
    """Return the mean log loss of each date, NaN without cells."""
    q = np.clip(np.where(cells, p, 0.5), 1e-12, 1.0 - 1e-12)
    surprise = np.where(cells, -np.log(np.where(came > 0.0, q, 1.0 - q)), 0.0).sum(axis=1)
    count = cells.sum(axis=1)
    return np.asarray(np.divide(surprise, count, out=np.full(count.size, np.nan), where=count > 0))


def _centred(values: FloatArray, cells: BoolArray) -> FloatArray:
    """Return values less their mean over the cells of the session; 0 elsewhere."""
    mean = np.where(cells, values, 0.0).sum(axis=1, keepdims=True) / cells.sum(axis=1, keepdims=True)
    return np.where(cells, values - mean, 0.0)


def _only(cells: BoolArray, rows: IntArray) -> BoolArray:
    out = np.zeros_like(cells)
    out[rows] = cells[rows]
    return out
