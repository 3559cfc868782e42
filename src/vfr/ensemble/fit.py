"""What members' out-of-fold predictions allow, refit by refit, and what the ensemble would have answered with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from vfr.ensemble.confidence import Confidence, fit_confidence
from vfr.ensemble.fitted import Fitted, Stage
from vfr.ensemble.pools import hard_vote, linear_pool, log_odds_pool, margin, shares
from vfr.ensemble.scores import score_dates
from vfr.ensemble.stacking import Stacker, fit_stacker
from vfr.ensemble.weights import date_losses, weights_by_session
from vfr.typing import HORIZONS, BoolArray, DateArray, FloatArray, Horizon, IntArray
from vfr.validation.correlation import rank_ic
from vfr.validation.splits import calibration_split, matured

__all__ = ["COMBINATIONS", "Combination", "Combined", "OutOfFold", "apply_stages", "fit", "peer_correlation"]

Combination: TypeAlias = Literal["equal", "dynamic", "soft_voting", "hard_voting", "stacking", "leader"]

COMBINATIONS: Final[tuple[Combination, ...]] = get_args(Combination)
"""Ways to combine that evidence compares; soft voting with one vote each is the equal pool."""

_JUDGED: Final = 1008
"""Newest sessions, at most half of what is known, that judge a stacker."""

_CONFIDENCE_SESSIONS: Final = 120
"""Matured sessions a confidence is fitted on at least."""


@dataclass(frozen=True, slots=True, eq=False)
class OutOfFold:
    """Out-of-fold predictions of M members on R sessions of N names, and what came.

    Parameters
    ----------
    members : tuple of str, length M
    sessions : datetime64[D] array, shape (R,)
        Every session of the market, increasing.
    p_up, expected, rank : arrays, shape (M, R, N)
        Probability of a rise, expected excess return, rank of the excess score within its session; NaN where a member
        gave none.
    direction, excess : float64 arrays, shape (R, N)
        1 for a return above 0, else 0; return over the median of the universe.
    base : float64 array, shape (R, N)
        Probability of a rise by the base rate known at the time.
    cells : bool array, shape (R, N)
        Names that count: their outcomes are known.
    """

    members: tuple[str, ...]
    sessions: DateArray
    p_up: FloatArray
    expected: FloatArray
    rank: FloatArray
    direction: FloatArray
    excess: FloatArray
    base: FloatArray
    cells: BoolArray

    @property
    def usable(self) -> BoolArray:
        """Which cells each member predicted, (M, R, N)."""
        return np.asarray(np.isfinite(self.p_up) & np.isfinite(self.expected))


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """What a way to combine would have answered, (R, N), NaN where no member predicted.

    Parameters
    ----------
    p_up, expected : float64 arrays, shape (R, N)
    confidence : float64 array, shape (R, N)
        NaN before the first stage that has one, too.
    """

    p_up: FloatArray
    expected: FloatArray
    confidence: FloatArray


def fit(
    horizon: Horizon,
    data_name: str,
    data_version: str,
    created_at: str,
    out_of_fold: OutOfFold,
    refit_rows: Sequence[int],
) -> Fitted:
    """Fit what the ensemble needs at each refit, from outcomes that had matured before it.

    Parameters
    ----------
    horizon : Horizon
    data_name, data_version, created_at : str
        See `Fitted`.
    out_of_fold : OutOfFold
    refit_rows : sequence of int
        First session tested by each refit, increasing.

    Returns
    -------
    Fitted
        One stage per refit, effective on its first session, which reads the outcomes known before that session; and
        one for service, effective on the last session, which reads those known at its close. An outcome of session s
        is known at s + h + 1.
    """
    o = out_of_fold
    scores = score_dates(o.members, o.p_up, o.rank, o.direction, o.excess, o.base, o.cells, o.sessions)
    rows = np.searchsorted(o.sessions, scores.dates).astype(np.int64)
    record = _Record(o, horizon, rows, _pool(o, weights_by_session(scores, o.sessions, horizon)))
    starts = [(o.sessions[row], int(row)) for row in refit_rows]
    starts.append((o.sessions[-1], o.sessions.size))
    stages = tuple(Stage(day, record.stacker(before), record.confidence(before)) for day, before in starts)
    peers = peer_correlation(o.rank, o.cells)[rows]
    return Fitted(horizon, data_name, data_version, created_at, scores, peers, stages)


def apply_stages(fitted: Fitted, out_of_fold: OutOfFold, refit_rows: Sequence[int]) -> dict[Combination, Combined]:
    """Return what each way to combine would have answered on every session, with what was known at the time.

    Parameters
    ----------
    fitted : Fitted
        Of the same out-of-fold predictions.
    out_of_fold : OutOfFold
    refit_rows : sequence of int
        See `fit`.

    Returns
    -------
    dict
        `equal`; `dynamic`, the learned weights; `soft_voting`, one vote each, and `hard_voting`; `stacking` as it is
        served, the learned weights where the stacker does not beat equal ones or lacks a member; `leader`, the member
        with the least mean loss before each refit, equal weights before the first. All share the confidence of their
        stage. A member that gave no value for a name leaves it to the others.
    """
    o, count = out_of_fold, len(out_of_fold.members)
    even = np.full((o.sessions.size, count), 1.0 / count)
    learned = weights_by_session(fitted.scores, o.sessions, fitted.horizon)
    equal = _pool(o, even)
    pools: dict[Combination, _Pool] = {
        "equal": equal,
        "dynamic": _pool(o, learned),
        "soft_voting": equal,
        "hard_voting": _Pool(hard_vote(o.p_up, equal.weights), equal.expected, equal.weights, equal.coverage),
        "leader": _pool(o, _leaders(fitted, o.sessions, refit_rows)),
    }
    pools["stacking"] = _stacked(fitted, o, pools["dynamic"])
    return {way: _combined(fitted, o, pools[way]) for way in COMBINATIONS}


def peer_correlation(rank: FloatArray, cells: BoolArray) -> FloatArray:
    """Return the rank correlation of each member's score with the mean of the others' in each session, (R, M).

    Parameters
    ----------
    rank : array, shape (M, R, N)
        Ranks of the excess score; NaN where a member gave none.
    cells : bool array, shape (R, N)
        Names that count.

    Returns
    -------
    float64 array, shape (R, M)
        No outcome is read. NaN where a member, or all others, gave nothing.

    Examples
    --------
    >>> rank = np.tile(np.linspace(-0.45, 0.45, 10), (3, 1, 1))
    >>> rank[2] *= -1
    >>> peer_correlation(rank, np.ones((1, 10), dtype=bool)).round(1).tolist()
    [[nan, nan, -1.0]]
    """
    known = np.isfinite(rank)
    filled = np.where(known, rank, 0.0).astype(np.float64)
    total, count = filled.sum(axis=0), known.sum(axis=0)
    out = np.full((rank.shape[1], rank.shape[0]), np.nan)
    for m in range(rank.shape[0]):
        others = count - known[m]
        mean = np.divide(total - filled[m], others, out=np.full(total.shape, np.nan), where=others > 0)
        out[:, m] = rank_ic(np.where(known[m], filled[m], np.nan), mean, cells)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """Combined values, (R, N), the weights behind them, (M, R, N), and the share of all weight that answered."""

    p_up: FloatArray
    expected: FloatArray
    weights: FloatArray
    coverage: FloatArray


class _Record:
    """The out-of-fold record of the ensemble, for the fits of every stage."""

    def __init__(self, o: OutOfFold, horizon: Horizon, rows: IntArray, pool: _Pool) -> None:
        self._o, self._horizon, self._rows, self._span = o, horizon, rows, HORIZONS[horizon] + 1
        self._margin = margin(pool.expected)
        counts = o.cells & np.isfinite(pool.expected) & (pool.expected != 0.0)
        self._right = np.where(counts, np.sign(pool.expected) == np.sign(o.excess), np.nan)
        self._alone = np.stack([rank_ic(rank, pool.expected, o.cells) for rank in o.rank], axis=1)

    def stacker(self, before: int) -> Stacker | None:
        """Return the stacker of what had matured before a row; None where that is too little."""
        split = calibration_split(self._rows, self._span, before, conformal=_JUDGED)
        if split is None:
            return None
        o = self._o
        return fit_stacker(
            o.members,
            o.p_up,
            o.expected,
            o.direction,
            o.excess,
            o.cells,
            self._horizon,
            fitted=split.calibrator,
            judged=split.conformal,
        )

    def confidence(self, before: int) -> Confidence | None:
        """Return the confidence of what had matured before a row; None where that is too little."""
        known = matured(self._rows, self._span, before)
        if known.size < _CONFIDENCE_SESSIONS:
            return None
        alone = self._alone[known][np.isfinite(self._alone[known])]
        return fit_confidence(
            self._margin[known],
            self._right[known],
            self._horizon,
            members=len(self._o.members),
            alone=float(alone.mean()) if alone.size else 1.0,
        )


def _pool(o: OutOfFold, held: FloatArray) -> _Pool:
    """Return the linear pool by weights that differ from session to session, (R, M)."""
    usable = o.usable
    weights = np.stack([shares(held[r], usable[:, r]) for r in range(held.shape[0])], axis=1)
    coverage = np.einsum("rm,mrn->rn", held, usable)
    return _Pool(linear_pool(o.p_up, weights), linear_pool(o.expected, weights), weights, coverage)


def _leaders(fitted: Fitted, sessions: DateArray, refit_rows: Sequence[int]) -> FloatArray:
    """Return weight 1 for the member with the least mean loss before each refit, (R, M)."""
    losses, count = date_losses(fitted.scores), len(fitted.scores.members)
    place = np.searchsorted(sessions, fitted.scores.dates).astype(np.int64)
    held = np.full((sessions.size, count), 1.0 / count)
    for row in refit_rows:
        known = losses[: matured(place, HORIZONS[fitted.horizon] + 1, row).size]
        judged = np.isfinite(known)
        mean = np.where(judged, known, 0.0).sum(axis=0) / np.maximum(judged.sum(axis=0), 1)
        if judged.any():
            held[row:] = np.arange(count) == np.argmin(np.where(judged.any(axis=0), mean, np.inf))
    return held


def _stacked(fitted: Fitted, o: OutOfFold, pool: _Pool) -> _Pool:
    """Return a pool with the rows of sessions whose stacker beats equal weights replaced by its answer."""
    out = _Pool(pool.p_up.copy(), pool.expected.copy(), pool.weights.copy(), pool.coverage)
    whole = np.asarray(o.usable.all(axis=0))
    for stage, rows in _spans(fitted, o.sessions):
        stacker = stage.stacker
        if stacker is None or not stacker.beats_equal:
            continue
        inside = np.zeros_like(whole)
        inside[rows] = whole[rows]
        r, n = np.nonzero(inside)
        held = np.mean([of / of.sum() for of in (stacker.direction, stacker.excess) if of.sum() > 0], axis=0)
        out.p_up[r, n] = log_odds_pool(o.p_up[:, r, n], stacker.direction, stacker.intercept)
        out.expected[r, n] = np.tensordot(stacker.excess, o.expected[:, r, n], 1)
        out.weights[:, r, n] = held[:, None]
    return out


def _spans(fitted: Fitted, sessions: DateArray) -> Iterator[tuple[Stage, slice]]:
    """Yield each stage with the rows it answers for."""
    starts = [int(np.searchsorted(sessions, stage.effective)) for stage in fitted.stages]
    for stage, start, stop in zip(fitted.stages, starts, [*starts[1:], sessions.size], strict=True):
        yield stage, slice(start, stop)


def _combined(fitted: Fitted, o: OutOfFold, pool: _Pool) -> Combined:
    confidence = np.full(pool.expected.shape, np.nan)
    margins = margin(pool.expected)
    for stage, rows in _spans(fitted, o.sessions):
        if stage.confidence is not None:
            confidence[rows] = stage.confidence(margins[rows], pool.coverage[rows])
    return Combined(pool.p_up, pool.expected, confidence)
