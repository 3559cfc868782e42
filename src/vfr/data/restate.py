"""Filings to statements: every version of each, whole, from the day it became known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vfr.data.records import Fundamentals
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["restate"]


def restate(
    column: IntArray, period_end: DateArray, known_at: DateArray, values: Mapping[str, FloatArray]
) -> Fundamentals:
    """Make whole, ordered versions of statements from filings that may be partial, repeated and in any order.

    Parameters
    ----------
    column, period_end, known_at : arrays, shape (K,)
        Symbol, period and day of each filing.
    values : mapping of str to float64 array, shape (K,)
        Figures of each filing; NaN where it says nothing.

    Returns
    -------
    Fundamentals
        Sorted by `known_at`, then symbol, then period; at most one version of a statement a day. What a filing leaves
        out stays as the version before had it. Two filings of one day about one statement are one version, in which a
        figure they contradict each other in is not believed; a filing that changes nothing is dropped.

    Examples
    --------
    >>> day = np.array(["2015-02-20", "2015-05-04"], dtype="datetime64[D]")
    >>> both = np.repeat(np.datetime64("2014-12-31"), 2)
    >>> known = restate(np.array([0, 0]), both, day, {"cash": np.array([7.0, np.nan]), "eps": np.array([2.0, 1.5])})
    >>> known.values["cash"].tolist(), known.values["eps"].tolist()
    ([7.0, 7.0], [2.0, 1.5])
    """
    order = np.lexsort((known_at, period_end, column))
    column, period_end, known_at = column[order], period_end[order], known_at[order]
    statement = _begins(column, period_end)
    version = np.flatnonzero(_begins(column, period_end, known_at))
    first = np.flatnonzero(statement[version])
    merged = {item: _whole(_agreed(figures[order], version), first) for item, figures in values.items()}
    column, period_end, known_at = column[version], period_end[version], known_at[version]
    new = statement[version]
    for figures in merged.values():
        new[1:] |= (figures[1:] != figures[:-1]) & np.isfinite(figures[1:])
    kept = np.flatnonzero(new)
    kept = kept[np.lexsort((period_end[kept], column[kept], known_at[kept]))]
    figured = {item: figures[kept] for item, figures in merged.items()}
    return Fundamentals(column[kept], period_end[kept], known_at[kept], figured)


def _begins(*keys: IntArray | DateArray) -> BoolArray:
    """Tell which rows differ in a key from the row before; the first one does."""
    out = np.ones(keys[0].size, dtype=np.bool_)
    if out.size:
        out[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return out


def _agreed(figures: FloatArray, begin: IntArray) -> FloatArray:
    """Return one figure per run of rows, NaN where the run says nothing or contradicts itself."""
    if begin.size == 0:
        return figures
    low, high = np.fmin.reduceat(figures, begin), np.fmax.reduceat(figures, begin)
    return np.where(low == high, low, np.nan)


def _whole(figures: FloatArray, first: IntArray) -> FloatArray:
    """Fill what is unknown from the row before, within runs that begin at `first`."""
    source = np.where(np.isfinite(figures), np.arange(figures.size), 0)
    # A run's own first row is never looked behind: an unknown figure in it stays one.
    source[first] = first
    return figures[np.maximum.accumulate(source)] if figures.size else figures
