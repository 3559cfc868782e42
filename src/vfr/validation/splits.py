"""Purged, embargoed, expanding walk-forward splits: no training label interval meets a test span.

The label of row t uses prices of rows t to t + span (`Labels.span`); it occupies that whole interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.typing import DateArray, IntArray

__all__ = ["CalibrationSplit", "Fold", "calibration_split", "matured", "walk_forward"]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One refit.

    Parameters
    ----------
    name : str
        Year, or first month, of the test span.
    train : int array
        Rows whose label had matured, and an embargo had passed, before the first test row.
    test : int array
        Rows predicted by this refit; contiguous.
    """

    name: str
    train: IntArray
    test: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationSplit:
    """Out-of-fold rows for the calibrator and, later and apart from them, for the conformal step."""

    calibrator: IntArray
    conformal: IntArray


def matured(rows: IntArray, span: int, before: int) -> IntArray:
    """Return the rows whose label interval ends before a row.

    Examples
    --------
    >>> matured(np.arange(6), span=2, before=5).tolist()
    [0, 1, 2]
    """
    return np.asarray(rows[rows + span < before], dtype=np.int64)


def walk_forward(
    sessions: DateArray,
    span: int,
    *,
    min_train: int = 756,
    embargo: int | None = None,
    months: int = 12,
    first: np.datetime64 | None = None,
) -> tuple[Fold, ...]:
    """Split sessions into expanding refits at calendar boundaries.

    Parameters
    ----------
    sessions : datetime64[D] array, shape (T,)
        Strictly increasing.
    span : int
        Sessions a label occupies after its row.
    min_train : int
        A refit needs at least this many training rows (sessions).
    embargo : int, optional
        Sessions left out between the end of the last training label and the test span; `span` by default.
    months : int
        Calendar months between refits, counted from January: 12 refits every new year.
    first : datetime64[D], optional
        No test row lies before this day.

    Returns
    -------
    tuple of Fold
        In time order; test spans are disjoint and each row is tested at most once.

    References
    ----------
    López de Prado, *Advances in Financial Machine Learning* (2018), chapter 7: purging and embargo.
    """
    gap = span if embargo is None else embargo
    month = sessions.astype("datetime64[M]")
    period = month.astype(np.int64) // months
    rows = np.arange(sessions.size)
    allowed = np.ones(sessions.size, dtype=bool) if first is None else sessions >= first
    folds: list[Fold] = []
    for number in np.unique(period):
        test = rows[(period == number) & allowed]
        if test.size == 0:
            continue
        train = matured(rows, span + gap, int(test[0]))
        if train.size >= min_train:
            name = str(month[test[0]])
            folds.append(Fold(name[:4] if months == 12 else name, train, test.astype(np.int64)))
    return tuple(folds)


def calibration_split(rows: IntArray, span: int, before: int, *, conformal: int = 504) -> CalibrationSplit | None:
    """Divide out-of-fold rows known before a row between calibrator (older) and conformal step (newest).

    The conformal step gets the newest `conformal` rows, at most half of them; the label of no calibrator row meets
    them. None when either part would hold fewer than 60 rows.
    """
    known = matured(np.sort(rows), span, before)
    take = min(conformal, known.size // 2)
    if take < 60:
        return None
    newest = known[known.size - take :]
    older = matured(known, span, int(newest[0]))
    return CalibrationSplit(older, newest) if older.size >= 60 else None
