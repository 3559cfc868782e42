"""What each member did, date by date: the record that weights, alarms and reports are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from vfr.typing import BoolArray, DateArray, FloatArray
from vfr.validation.correlation import rank_ic

__all__ = ["Scores", "from_array", "joined", "score_dates", "to_array"]

_PER_MEMBER: Final = ("log_loss", "brier", "ic", "accuracy")
_PER_DATE: Final = ("cells", "base_log_loss", "base_brier")

_ANSWERED: Final = 0.5
"""Least share of a date's names that a member must have predicted to be judged on it."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Figures of M members on D dates, each an average over the names that count.

    Only dates whose outcomes have matured are in it; a figure is NaN where the member gave no prediction.

    Parameters
    ----------
    members : tuple of str, length M
    dates : datetime64[D] array, shape (D,)
        Sessions forecast from, increasing.
    cells : float64 array, shape (D,)
        Names judged.
    log_loss, brier : float64 arrays, shape (D, M)
        Of P(up).
    ic : float64 array, shape (D, M)
        Rank correlation of the excess score with the excess return.
    accuracy : float64 array, shape (D, M)
        Share of names whose sign of the excess return was predicted right.
    base_log_loss, base_brier : float64 arrays, shape (D,)
        Of the base rate known at the time, on the same names.
    """

    members: tuple[str, ...]
    dates: DateArray
    cells: FloatArray
    log_loss: FloatArray
    brier: FloatArray
    ic: FloatArray
    accuracy: FloatArray
    base_log_loss: FloatArray
    base_brier: FloatArray

    def on(self, dates: BoolArray) -> Scores:
        """Return the record of the dates that are marked, shape (D,)."""
        return from_array(self.members, to_array(self)[dates])

    def first(self, dates: int) -> Scores:
        """Return the record of so many dates, the earliest ones; nothing is copied."""
        return Scores(self.members, *(getattr(self, one.name)[:dates] for one in fields(self)[1:]))


def score_dates(
    members: Sequence[str],
    p_up: FloatArray,
    rank: FloatArray,
    direction: FloatArray,
    excess: FloatArray,
    base: FloatArray,
    cells: BoolArray,
    sessions: DateArray,
) -> Scores:
    """Judge M members on the dates whose outcomes are known.

    Parameters
    ----------
    members : sequence of str, length M
    p_up, rank : arrays, shape (M, R, N)
        Probability of a rise; rank of the excess score within its session. NaN where a member gave none.
    direction, excess : float64 arrays, shape (R, N)
        1 for a return above 0, else 0; return over the median of the universe. Read where `cells` only.
    base : float64 array, shape (R, N)
        Probability of a rise by the base rate known at the time.
    cells : bool array, shape (R, N)
        Names that count: their outcomes are known.
    sessions : datetime64[D] array, shape (R,)

    Returns
    -------
    Scores
        Sessions on which a member predicted a name that counts. A member is judged on the names it predicted, both
        ways; its figures are NaN on a date where these are fewer than half of the names that count. Fewer than 10 names
        have no rank correlation.

    Examples
    --------
    >>> rise = np.array([[1.0, 0.0]])
    >>> p, rank = np.array([[[0.8, 0.5]]]), np.array([[[0.25, -0.25]]])
    >>> one = score_dates(["linear"], p, rank, rise, rise - 0.5, np.full((1, 2), 0.5), np.ones((1, 2), dtype=bool),
    ...                   np.array(["2015-01-02"], dtype="datetime64[D]"))
    >>> one.brier.round(3).tolist(), one.accuracy.tolist(), one.base_brier.tolist()
    ([[0.145]], [[1.0]], [0.25])
    """
    answered = np.isfinite(p_up) & np.isfinite(rank)
    rows = np.flatnonzero((cells & answered.any(axis=0)).any(axis=1))
    counts, came, gained, usual = cells[rows], direction[rows], excess[rows], base[rows]
    figures = np.full((len(_PER_MEMBER), rows.size, len(members)), np.nan)
    for m in range(len(members)):
        p, order = p_up[m][rows].astype(np.float64), rank[m][rows].astype(np.float64)
        known = counts & answered[m][rows]
        judged = known.sum(axis=1) >= _ANSWERED * counts.sum(axis=1)
        known &= judged[:, None]
        right = (np.sign(order) == np.sign(gained)).astype(np.float64)
        figures[:, :, m] = (
            *_losses(p, came, known),
            rank_ic(order, gained, known),
            _mean(right, known),
        )
    log_loss, brier, ic, accuracy = figures
    base_log_loss, base_brier = _losses(usual, came, counts & np.isfinite(usual))
    return Scores(
        members=tuple(members),
        dates=sessions[rows].astype("datetime64[D]"),
        cells=counts.sum(axis=1).astype(np.float64),
        log_loss=log_loss,
        brier=brier,
        ic=ic,
        accuracy=accuracy,
        base_log_loss=base_log_loss,
        base_brier=base_brier,
    )


def joined(first: Scores, later: Scores) -> Scores:
    """Append the dates of a later record that come after the last of the first.

    Members are matched by name, those of the first record in front; a member that a record does not know is NaN on its
    dates. A date that both hold stays as the first has it.
    """
    members = tuple(dict.fromkeys(first.members + later.members))
    new = later.dates > first.dates[-1] if first.dates.size else np.ones(later.dates.size, dtype=bool)
    ends = [_widened(first, members), _widened(later, members)[new]]
    return from_array(members, np.concatenate(ends))


def to_array(scores: Scores) -> FloatArray:
    """Return a record as one array, shape (D, 4 + 4 M): days since 1970, the figures of a date, those of members.

    Examples
    --------
    >>> empty = from_array(("linear",), np.empty((0, 8)))
    >>> to_array(empty).shape
    (0, 8)
    """
    days = scores.dates.astype("datetime64[D]").astype(np.float64)
    whole = np.column_stack([days, *(getattr(scores, name) for name in _PER_DATE)])
    return np.concatenate([whole, *(getattr(scores, name) for name in _PER_MEMBER)], axis=1)


def from_array(members: Sequence[str], array: FloatArray) -> Scores:
    """Read `to_array`.

    Raises
    ------
    ValueError
        If it has another number of columns, or its dates are not whole days in increasing order.
    """
    width = len(_PER_DATE) + 1
    if array.ndim != 2 or array.shape[1] != width + len(_PER_MEMBER) * len(members):
        raise ValueError(f"a record of {len(members)} members has another shape than {array.shape}")
    days = array[:, 0]
    if not np.isfinite(days).all() or (days != np.round(days)).any() or (np.diff(days) <= 0).any():
        raise ValueError("dates are not whole days in increasing order")
    parts = np.split(np.ascontiguousarray(array[:, width:]), len(_PER_MEMBER), axis=1)
    named = dict(zip(_PER_DATE, array[:, 1:width].T.copy(), strict=True))
    named.update(zip(_PER_MEMBER, parts, strict=True))
    return Scores(members=tuple(members), dates=days.astype(np.int64).astype("datetime64[D]"), **named)


def _widened(scores: Scores, members: Sequence[str]) -> FloatArray:
    """Return a record's array with a column of NaN for each member it does not know, in the order of `members`."""
    whole = to_array(scores)
    head, figures = np.split(whole, [len(_PER_DATE) + 1], axis=1)
    known = figures.reshape(head.shape[0], len(_PER_MEMBER), len(scores.members))
    out = np.full((head.shape[0], len(_PER_MEMBER), len(members)), np.nan)
    for m, name in enumerate(scores.members):
        out[:, :, members.index(name)] = known[:, :, m]
    return np.concatenate([head, out.reshape(head.shape[0], len(_PER_MEMBER) * len(members))], axis=1)


def _losses(p: FloatArray, came: FloatArray, known: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the log loss and the Brier score of each date over the known cells."""
    q = np.clip(np.where(known, p, 0.5), 1e-12, 1.0 - 1e-12)
    risen = np.where(known, came, 0.0)
    surprise = -(risen * np.log(q) + (1.0 - risen) * np.log1p(-q))
    return _mean(surprise, known), _mean((q - risen) ** 2, known)


def _mean(values: FloatArray, known: BoolArray) -> FloatArray:
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(count.size, np.nan), where=count > 0))
