"""Page's test: a sum that climbs while a series runs against a hypothesis, and starts again whenever it does not."""

from __future__ import annotations

from math import exp

import numpy as np

from vfr.typing import FloatArray
from vfr.validation.bootstrap import block_rows

__all__ = ["crossings", "limit_for", "page"]


def page(steps: FloatArray) -> FloatArray:
    """Return Page's statistic along the last axis: ``S(t) = max(0, S(t - 1) + step(t))``, from ``S = 0``.

    Parameters
    ----------
    steps : float64 array, shape (..., T)
        Evidence of each date, negative on average while all is well; NaN counts as 0.

    Returns
    -------
    float64 array, shape (..., T)

    Examples
    --------
    >>> page(np.array([-1.0, 1.0, 0.5, -2.0, 0.25])).tolist()
    [0.0, 1.0, 1.5, 0.0, 0.25]

    References
    ----------
    Page (1954), *Continuous inspection schemes*, Biometrika 41.
    """
    walk = np.cumsum(np.where(np.isfinite(steps), steps, 0.0), axis=-1)
    return np.asarray(walk - np.minimum(np.minimum.accumulate(walk, axis=-1), 0.0))


def crossings(steps: FloatArray, limit: float) -> tuple[int, ...]:
    """Return the dates on which Page's statistic reaches a limit, beginning again at 0 after each.

    Parameters
    ----------
    steps : float64 array, shape (T,)
        NaN counts as 0.
    limit : float
        Above 0; NaN is never reached.

    Examples
    --------
    >>> crossings(np.array([1.0, 1.0, -5.0, 2.0, 1.0]), 2.0)
    (1, 3)
    """
    found: list[int] = []
    start = 0
    while (above := np.flatnonzero(page(steps[start:]) >= limit)).size:
        start += int(above[0]) + 1
        found.append(start - 1)
    return tuple(found)


def limit_for(
    steps: FloatArray, dates_between: float, *, block: int, rng: np.random.Generator, paths: int = 400
) -> float:
    """Return the limit that Page's statistic crosses once in `dates_between` dates while all is well.

    Parameters
    ----------
    steps : float64 array, shape (D,)
        Evidence of dates on which all was well, in time order; NaN dates are dropped. Its mean must be below 0.
    dates_between : float
        Dates between two false alarms, on average.
    block : int
        Dates per block of the resampling; at least the horizon, since neighbouring outcomes overlap.
    rng : numpy.random.Generator
    paths : int
        Resampled histories of that length.

    Returns
    -------
    float
        Run lengths are close to exponential, so a path of that length stays below the limit with probability
        ``exp(-1)``. NaN below two blocks of dates or where the mean is not below 0.

    Examples
    --------
    Siegmund (1985) gives 930 dates for unit normal evidence with drift -0.5 and limit 5:

    >>> rng = np.random.default_rng(0)
    >>> abs(limit_for(rng.normal(size=20_000) - 0.5, 930, block=1, rng=rng) - 5.0) < 0.3
    True

    References
    ----------
    Politis and Romano (1992) for the resampling; Siegmund (1985), *Sequential Analysis*, for the run length.
    """
    known = steps[np.isfinite(steps)]
    if known.size < 2 * block or not known.mean() < 0:
        return float("nan")
    length = round(dates_between)
    # A path is longer than the record: it is made of as many resampled records as it takes.
    records = -(-length // known.size)
    highest = np.empty(paths)
    for path in range(paths):
        rows = block_rows(known.size, block, records, rng).reshape(-1)[:length]
        highest[path] = page(known[rows]).max()
    return float(np.quantile(highest, exp(-1.0)))
