"""Classic and blended score on the same names and dates, beside what came; a date is the unit of every interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.experiments.counts import mcnemar
from vfr.typing import HORIZONS, BoolArray, DateArray, FloatArray, Horizon
from vfr.validation.bootstrap import Interval, ratio_interval
from vfr.validation.correlation import rank_ic
from vfr.validation.metrics import Bin, reliability

__all__ = ["Accuracy", "Ordering", "Paired", "accuracy", "confidence_bins", "ordering"]

_FEW_BLOCKS: Final = 10
_BINS: Final = 10
_NOTHING: Final = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Two scores of R sessions and N names with what came of them.

    Parameters
    ----------
    horizon : Horizon
    sessions : datetime64[D] array, shape (R,)
        Increasing.
    classic, blended : float64 arrays, shape (R, N)
        Composite scores, 0-100; NaN where unknown.
    excess : float64 array, shape (R, N)
        Return over the median of the universe; NaN where unknown.
    counted : bool array, shape (R, N)
        Names that figures are computed on.
    """

    horizon: Horizon
    sessions: DateArray
    classic: FloatArray
    blended: FloatArray
    excess: FloatArray
    counted: BoolArray

    @property
    def cells(self) -> BoolArray:
        """Where both scores and the outcome are known."""
        known = np.isfinite(self.classic) & np.isfinite(self.blended) & np.isfinite(self.excess)
        return np.asarray(self.counted & known)

    @property
    def block(self) -> int:
        """Dates per block of a bootstrap."""
        return max(2 * HORIZONS[self.horizon], 5)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often a score above the median name's was followed by a return above the median name's.

    Parameters
    ----------
    dates, rows : int
    classic, blended : float
        Shares of calls that came true, 0-1.
    difference : Interval
        Of the shares, with a 95 % interval over blocks of dates.
    classic_only, blended_only : int
        Calls that only the one, or only the other, had right.
    p : float
        McNemar's exact test. It takes every call for independent, which calls of one date are not: it is too small.
    p_blocks : float
        The same test with blocks of dates in the place of calls [1]_; NaN below ten blocks.

    References
    ----------
    .. [1] Durkalski, Palesch, Lipsitz and Rust (2003), *Analysis of clustered matched-pair data*, Statistics in
       Medicine 22.
    """

    dates: int
    rows: int
    classic: float
    blended: float
    difference: Interval
    classic_only: int
    blended_only: int
    p: float
    p_blocks: float


@dataclass(frozen=True, slots=True, eq=False)
class Ordering:
    """How well each score ordered what came.

    Parameters
    ----------
    dates : int
        Those on which both have a rank IC.
    classic, blended : float
        Mean rank IC.
    difference : Interval
        Of the means, with a 95 % interval over blocks of dates; without ends on fewer than two blocks.
    by_date : float64 array, shape (R,)
        Differences, blended less classic; NaN where there is none.
    """

    dates: int
    classic: float
    blended: float
    difference: Interval
    by_date: FloatArray


def accuracy(pairs: Paired, rng: np.random.Generator, within: BoolArray | None = None) -> Accuracy:
    """Compare the calls of both scores.

    Parameters
    ----------
    pairs : Paired
    rng : numpy.random.Generator
        Draws the blocks.
    within : bool array, shape (R, N), optional
        Calls that count; the median names stay those of all cells.

    Returns
    -------
    Accuracy
        NaN throughout where nothing is known. A return equal to the median's counts for nobody.
    """
    judged = pairs.cells & (pairs.excess != 0.0) & (True if within is None else within)
    some = judged.any(axis=1)
    cells, known, excess = judged[some], pairs.cells[some], pairs.excess[some] > 0
    first, second = (_above(score[some], known) == excess for score in (pairs.classic, pairs.blended))
    rows = cells.sum(axis=1).astype(np.float64)
    lost, won = ((cells & a & ~b).sum(axis=1) for a, b in ((first, second), (second, first)))
    count = max(float(rows.sum()), 1.0)
    nothing = float("nan")
    return Accuracy(
        dates=int(some.sum()),
        rows=int(rows.sum()),
        classic=float((cells & first).sum() / count) if rows.size else nothing,
        blended=float((cells & second).sum() / count) if rows.size else nothing,
        difference=_interval((won - lost).astype(np.float64), rows, pairs.block, rng),
        classic_only=int(lost.sum()),
        blended_only=int(won.sum()),
        p=mcnemar(int(lost.sum()), int(won.sum())) if rows.size else nothing,
        p_blocks=_blocked(won - lost, pairs.block),
    )


def ordering(pairs: Paired, rng: np.random.Generator, within: BoolArray | None = None) -> Ordering:
    """Compare the rank ICs of both scores with the excess return, date by date; parameters as of `accuracy`."""
    cells = pairs.cells if within is None else pairs.cells & within
    first, second = (rank_ic(score, pairs.excess, cells) for score in (pairs.classic, pairs.blended))
    gain = second - first
    known = np.isfinite(gain)
    if not known.any():
        return Ordering(0, float("nan"), float("nan"), _NOTHING, gain)
    found = _interval(gain[known], np.ones(int(known.sum())), pairs.block, rng)
    return Ordering(int(known.sum()), float(first[known].mean()), float(second[known].mean()), found, gain)


def confidence_bins(confidence: FloatArray, expected: FloatArray, excess: FloatArray, cells: BoolArray) -> list[Bin]:
    """Return bins of equal count by confidence: what was promised, and how often the sign of the excess came true.

    Parameters
    ----------
    confidence, expected, excess : float64 arrays, shape (R, N)
        Chance that the sign of the expected excess return is right, that return, and what came.
    cells : bool array, shape (R, N)
    """
    known = cells & np.isfinite(confidence) & np.isfinite(expected) & np.isfinite(excess)
    right = (np.sign(expected) == np.sign(excess)).astype(np.float64)
    return list(reliability(confidence[known], right[known], _BINS)) if known.any() else []


def _above(score: FloatArray, cells: BoolArray) -> BoolArray:
    """Return whether each score is above the median of the cells of its date."""
    known = np.where(cells, score, np.nan)
    return np.asarray(score > np.nanmedian(known, axis=1, keepdims=True)) if score.size else np.zeros_like(cells)


def _interval(top: FloatArray, bottom: FloatArray, block: int, rng: np.random.Generator) -> Interval:
    found = ratio_interval(top, bottom, block=block, rng=rng)
    if top.size < 2 * block:  # Too few dates for blocks to tell anything of how they differ.
        return Interval(found.estimate, float("nan"), float("nan"))
    return found


def _blocked(gained: np.ndarray[tuple[int, ...], np.dtype[np.int64]], block: int) -> float:
    from scipy.special import chdtrc

    starts = np.arange(0, gained.size, block)
    if starts.size < _FEW_BLOCKS:
        return float("nan")
    sums = np.add.reduceat(gained, starts).astype(np.float64)
    return float(chdtrc(1, sums.sum() ** 2 / (sums @ sums))) if sums.any() else 1.0
