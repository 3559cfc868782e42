"""Probability of backtest overfitting: how often the best of many configurations falls behind out of sample."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from vfr.typing import BoolArray, FloatArray

__all__ = ["Overfitting", "backtest_overfitting"]

_CHUNK = 512  # splits held in memory at a time


@dataclass(frozen=True, slots=True, eq=False)
class Overfitting:
    """What combinatorially symmetric cross-validation says of a selection.

    Parameters
    ----------
    probability : float
        Share of splits in which the configuration that was best in sample is at the median or below out of sample:
        about one half for noise, near 0 where one configuration really is best.
    slope : float
        Out-of-sample Sharpe ratio of the chosen configuration on its in-sample one, least squares over the splits;
        below zero: the better it looked, the worse it did. NaN when the in-sample ratio does not vary.
    loss : float
        Share of splits in which the chosen configuration loses money out of sample.
    logits : float64 array, shape (K,)
        log(w / (1 - w)) of its relative rank w out of sample, one per split.
    in_sample, out_of_sample : float64 arrays, shape (K,)
        Its Sharpe ratios per period.
    rows : int
        Periods used.
    """

    probability: float
    slope: float
    loss: float
    logits: FloatArray
    in_sample: FloatArray
    out_of_sample: FloatArray
    rows: int


def backtest_overfitting(returns: FloatArray, *, blocks: int = 16) -> Overfitting:
    """Select in sample and look out of sample, over every split of time blocks into two halves.

    Parameters
    ----------
    returns : float64 array, shape (T, C)
        Returns of each period and configuration, in time order; every configuration that was tried, not only the good
        ones. A period in which any configuration is NaN is dropped for all; the oldest periods that do not fill a
        block are left out.
    blocks : int
        S, even. C(S, S/2) splits: 12,870 for 16.

    Returns
    -------
    Overfitting
        A configuration that does not vary within a half has no Sharpe ratio there: it is never chosen, and ranks last.

    Raises
    ------
    ValueError
        `blocks` is odd or below 2, there are fewer than two configurations or two known periods per block, or no
        configuration varies within some half.

    References
    ----------
    Bailey, Borwein, López de Prado and Zhu (2017), *The probability of backtest overfitting*, Journal of Computational
    Finance 20.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(800, 20))
    >>> found = backtest_overfitting(noise, blocks=8)
    >>> found.logits.size, 0.2 < found.probability < 0.8
    (70, True)
    >>> noise[:, 3] += 0.3
    >>> backtest_overfitting(noise, blocks=8).probability
    0.0
    """
    known = returns[np.isfinite(returns).all(axis=1)]
    _check(known, blocks)
    length = known.shape[0] // blocks
    known = known[known.shape[0] - length * blocks :]
    parts = (known - known.mean(axis=0)).reshape(blocks, length, -1)
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    halves = _halves(blocks)
    figures: list[FloatArray] = []
    for start in range(0, halves.shape[0], _CHUNK):
        inside = halves[start : start + _CHUNK]
        ratios = [_sharpe(half, sums, squares, known.mean(axis=0), length) for half in (inside, ~inside)]
        figures.append(_chosen(*ratios))
    best, after, rank = np.concatenate(figures, axis=1)
    relative = rank / (known.shape[1] + 1)
    logits = np.log(relative / (1.0 - relative))
    return Overfitting(
        probability=float(np.mean(logits <= 0)),
        slope=_slope(best, after),
        loss=float(np.mean(after < 0)),
        logits=logits,
        in_sample=best,
        out_of_sample=after,
        rows=int(known.shape[0]),
    )


def _check(known: FloatArray, blocks: int) -> None:
    if blocks < 2 or blocks % 2:
        raise ValueError(f"blocks: need an even number, 2 or more, got {blocks}")
    if known.shape[1] < 2:
        raise ValueError(f"returns: need at least two configurations, got {known.shape[1]}")
    if known.shape[0] < 2 * blocks:
        raise ValueError(f"returns: need two known periods per block ({2 * blocks}), got {known.shape[0]}")


def _halves(blocks: int) -> BoolArray:
    """Return which blocks are in sample, (K, S), one row per split."""
    out = np.zeros((comb(blocks, blocks // 2), blocks), dtype=bool)
    for row, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        out[row, list(chosen)] = True
    return out


def _sharpe(half: BoolArray, sums: FloatArray, squares: FloatArray, centre: FloatArray, length: int) -> FloatArray:
    """Return Sharpe ratios over the chosen blocks, (K, C), from block sums of centred returns."""
    chosen = half.astype(np.float64)
    n = half.sum(axis=1, keepdims=True) * length
    mean = chosen @ sums / n
    second = chosen @ squares
    variance = (second - n * mean**2) / (n - 1)
    # Rounding leaves a residue in a series that does not vary.
    moving = variance > 1e-12 * (second / n + centre**2)
    out = np.full(mean.shape, -np.inf)
    np.divide(mean + centre, np.sqrt(np.where(moving, variance, 1.0)), out=out, where=moving)
    return out


def _chosen(inside: FloatArray, outside: FloatArray) -> FloatArray:
    """Return in-sample ratio, out-of-sample ratio and out-of-sample midrank of the best in sample, (3, K)."""
    best = np.argmax(inside, axis=1)
    rows = np.arange(best.size)
    if not np.isfinite(inside[rows, best]).all():
        raise ValueError("returns: no configuration varies within some half")
    after = outside[rows, best]
    below = (outside < after[:, None]).sum(axis=1)
    equal = (outside == after[:, None]).sum(axis=1)
    return np.stack([inside[rows, best], after, below + (equal + 1) / 2.0])


def _slope(x: FloatArray, y: FloatArray) -> float:
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if x.size < 2 or np.ptp(x) == 0:
        return float("nan")
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))
