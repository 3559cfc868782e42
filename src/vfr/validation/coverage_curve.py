"""Accuracy against coverage: how often calls are right when only the most certain ones are made.

The bar a call must clear is set on outcomes that were known before, never on the calls that are judged by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vfr.typing import BoolArray, FloatArray
from vfr.validation.bootstrap import Interval, simultaneous_intervals

__all__ = ["CoverageCell", "certainty_thresholds", "coverage_curve"]


@dataclass(frozen=True, slots=True)
class CoverageCell:
    """One point of the curve.

    Parameters
    ----------
    coverage : float
        Share of all counting cells that clear the bar.
    dates, periods : int
        Distinct sessions and periods (years) among them.
    accuracy : float
        Share of calls that came true; NaN when no cell clears the bar.
    rule : float
        The same of the rule it is compared with, on the same cells.
    lift : Interval
        Accuracy minus `rule`; the intervals of all points hold at once.
    """

    coverage: float
    dates: int
    periods: int
    accuracy: float
    rule: float
    lift: Interval


def certainty_thresholds(
    certainty: FloatArray, cells: BoolArray, periods: FloatArray, span: int, shares: Sequence[float]
) -> FloatArray:
    """Return the certainty a call must reach for each share of calls, fixed before each period, shape (S, R).

    Parameters
    ----------
    certainty : float64 array, shape (R, N)
        For example |P(up) - 0.5|.
    cells : bool array, shape (R, N)
        Cells that count; their certainty is known.
    periods : float64 array, shape (R,)
        Period of each session, such as its year; in time order.
    span : int
        Sessions a label occupies after its row.
    shares : sequence of float
        Shares of calls to make, 0 to 1; 1 admits what is at least as certain as the least certain call before.

    Returns
    -------
    float64 array, shape (S, R)
        Quantiles over the cells whose label ended before the period began; NaN, which no call reaches, where there
        are none.

    Examples
    --------
    >>> certainty = np.arange(8.0)[:, None]
    >>> years = np.repeat([2001.0, 2002.0], 4)
    >>> certainty_thresholds(certainty, np.ones((8, 1), dtype=bool), years, 1, (1.0, 0.5))[:, 3:5].tolist()
    [[nan, 0.0], [nan, 1.0]]
    """
    out = np.full((len(shares), periods.size), np.nan)
    for period in np.unique(periods):
        rows = np.flatnonzero(periods == period)
        earlier = np.zeros(cells.shape, dtype=bool)
        stop = max(int(rows[0]) - span, 0)
        earlier[:stop] = cells[:stop]
        if earlier.any():
            out[:, rows] = np.quantile(certainty[earlier], [1.0 - share for share in shares])[:, None]
    return out


def coverage_curve(
    hit: FloatArray,
    rule: FloatArray,
    certainty: FloatArray,
    thresholds: FloatArray,
    cells: BoolArray,
    periods: FloatArray,
    *,
    block: int,
    rng: np.random.Generator,
) -> tuple[CoverageCell, ...]:
    """Return accuracy, that of a rule, and the lift of the calls that clear each bar.

    Parameters
    ----------
    hit, rule : float64 arrays, shape (R, N)
        1 where the call, or the rule's call, came true, else 0; read where `cells` only.
    certainty : float64 array, shape (R, N)
    thresholds : float64 array, shape (S, R)
        See `certainty_thresholds`.
    cells : bool array, shape (R, N)
        Cells that count.
    periods : float64 array, shape (R,)
        Period of each session, such as its year.
    block : int
        Dates per bootstrap block, at least the horizon.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of CoverageCell
        One per threshold. 95 % intervals over resampled dates, simultaneous over the points (max-T). NaN where no
        cell clears the bar.

    References
    ----------
    El-Yaniv and Wiener (2010), *On the foundations of noise-free selective classification*, JMLR 11. Romano and Wolf
    (2005), *Stepwise multiple testing as formalized data snooping*, Econometrica 73.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> certainty, cells = rng.random((400, 20)), np.ones((400, 20), dtype=bool)
    >>> hit, rule = ((rng.random((400, 20)) < p).astype(float) for p in (0.5 + 0.3 * certainty, 0.5))
    >>> years = np.repeat([2001.0, 2002.0], 200)
    >>> bars = certainty_thresholds(certainty, cells, years, 2, (1.0, 0.1))
    >>> whole, top = coverage_curve(hit, rule, certainty, bars, cells, years, block=5, rng=rng)
    >>> round(top.coverage, 2), top.periods, top.accuracy > whole.accuracy, top.lift.low > 0
    (0.05, 1, True, True)
    """
    some = cells.any(axis=1)
    if not some.any():
        return (_cell(hit, rule, cells, cells, periods, Interval(*[float("nan")] * 3)),) * len(thresholds)
    chosen = [cells & (certainty >= bound[:, None]) for bound in thresholds]
    tops = np.stack([np.where(each, hit - rule, 0.0).sum(axis=1)[some] for each in chosen])
    bottoms = np.stack([each.sum(axis=1)[some].astype(np.float64) for each in chosen])
    lifts = simultaneous_intervals(tops, bottoms, block=block, rng=rng)
    return tuple(_cell(hit, rule, each, cells, periods, lift) for each, lift in zip(chosen, lifts, strict=True))


def _cell(
    hit: FloatArray, rule: FloatArray, chosen: BoolArray, cells: BoolArray, periods: FloatArray, lift: Interval
) -> CoverageCell:
    if not chosen.any():
        nan = float("nan")
        return CoverageCell(0.0, 0, 0, nan, nan, lift)
    dates = chosen.any(axis=1)
    return CoverageCell(
        coverage=float(chosen.sum() / cells.sum()),
        dates=int(dates.sum()),
        periods=int(np.unique(periods[dates]).size),
        accuracy=float(hit[chosen].mean()),
        rule=float(rule[chosen].mean()),
        lift=lift,
    )
