"""Date-block bootstrap: intervals that respect that names of one session, and neighbouring sessions, move together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.typing import FloatArray, IntArray

__all__ = ["Interval", "block_rows", "ratio_interval", "resample_counts", "simultaneous_intervals"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its bootstrap interval."""

    estimate: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


def block_rows(n: int, block: int, draws: int, rng: np.random.Generator) -> IntArray:
    """Return `draws` resamples of n rows made of circular blocks, shape (draws, n).

    References
    ----------
    Politis and Romano (1992), *A circular block-resampling procedure for stationary data*.
    """
    length = min(max(block, 1), n)
    starts = rng.integers(0, n, size=(draws, -(-n // length)))
    rows = (starts[:, :, None] + np.arange(length)) % n
    return np.asarray(rows.reshape(draws, -1)[:, :n], dtype=np.int64)


def resample_counts(n: int, block: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return how often each resample of `block_rows` holds each row, shape (draws, n): its product with values is sums.

    Examples
    --------
    >>> counts = resample_counts(6, 2, 3, np.random.default_rng(0))
    >>> counts.shape, counts.sum(axis=1).tolist()
    ((3, 6), [6.0, 6.0, 6.0])
    """
    cells = block_rows(n, block, draws, rng) + n * np.arange(draws)[:, None]
    return np.bincount(cells.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def _ratios(top: FloatArray, bottom: FloatArray, rows: IntArray) -> FloatArray:
    sums, sizes = top[rows].sum(axis=1), bottom[rows].sum(axis=1)
    return np.asarray(np.divide(sums, sizes, out=np.full(sums.size, np.nan), where=sizes > 0))


def ratio_interval(
    top: FloatArray,
    bottom: FloatArray,
    *,
    block: int,
    rng: np.random.Generator,
    draws: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Return sum(top) / sum(bottom) with a percentile interval over resampled dates.

    Parameters
    ----------
    top, bottom : float64 arrays, shape (D,)
        Per date, for example hits and calls; a plain mean has `bottom` of ones.
    block : int
        Dates per block, at least the horizon.

    Returns
    -------
    Interval
        NaN throughout when `bottom` sums to 0.
    """
    if top.size == 0 or bottom.sum() == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    drawn = _ratios(top, bottom, block_rows(top.size, block, draws, rng))
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(top.sum() / bottom.sum()), float(low), float(high))


def simultaneous_intervals(
    tops: FloatArray,
    bottoms: FloatArray,
    *,
    block: int,
    rng: np.random.Generator,
    draws: int = 1000,
    level: float = 0.95,
) -> tuple[Interval, ...]:
    """Return one interval per cell that together cover with the given level (max-T over the cells).

    Parameters
    ----------
    tops, bottoms : float64 arrays, shape (C, D)
        Per cell and date; a cell whose `bottoms` sum to 0 is NaN.

    References
    ----------
    Romano and Wolf (2005), *Stepwise multiple testing as formalized data snooping*, Econometrica 73.
    """
    rows = block_rows(tops.shape[1], block, draws, rng)
    drawn = np.stack([_ratios(t, b, rows) for t, b in zip(tops, bottoms, strict=True)])
    usable = bottoms.sum(axis=1) > 0
    centre = np.divide(tops.sum(axis=1), bottoms.sum(axis=1), out=np.full(usable.size, np.nan), where=usable)
    spread = np.array([np.nanstd(d) if ok else np.nan for d, ok in zip(drawn, usable, strict=True)])
    moving = usable & (spread > 0)
    if not moving.any():
        return tuple(Interval(float(c), float(c), float(c)) for c in centre)
    away = np.abs(drawn[moving] - centre[moving, None]) / spread[moving, None]
    largest = np.where(np.isfinite(away), away, -np.inf).max(axis=0)  # a resample may hold no date of any cell
    width = float(np.quantile(largest[np.isfinite(largest)], level)) * spread
    return tuple(Interval(float(c), float(c - w), float(c + w)) for c, w in zip(centre, width, strict=True))
