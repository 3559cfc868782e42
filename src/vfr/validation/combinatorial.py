"""Combinatorial purged cross-validation: many backtest paths over one history, none trained on what it is tested on.

Training rows lie before *and after* the rows they are tested on, so it measures how much a result depends on the path
taken; how well a model would have forecast is the business of `vfr.validation.splits`. The label of row t uses prices
of rows t to t + span and occupies that whole interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from vfr.typing import IntArray

__all__ = ["CombinatorialFold", "CombinatorialSplit", "combinatorial_purged", "purged"]


@dataclass(frozen=True, slots=True, eq=False)
class CombinatorialFold:
    """One fit.

    Parameters
    ----------
    groups : tuple of int
        Groups tested, ascending.
    train : int array
        Rows whose label interval meets that of no tested row, nor an embargo after it.
    tests : tuple of int arrays
        Rows of each tested group, in the order of `groups`.
    """

    groups: tuple[int, ...]
    train: IntArray
    tests: tuple[IntArray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CombinatorialSplit:
    """All fits and how their test groups join to backtest paths.

    Parameters
    ----------
    folds : tuple of CombinatorialFold
        In lexicographic order of their groups.
    paths : int array, shape (P, N)
        `paths[p, g]` is the fold that predicts group g on path p; P = C(N, k) k / N. Each path covers every row once,
        and each test group of each fold lies on exactly one path.
    """

    folds: tuple[CombinatorialFold, ...]
    paths: IntArray


def purged(rows: IntArray, span: int, test: IntArray, embargo: int) -> IntArray:
    """Return the rows whose label interval ends before the test rows, or starts after their labels and an embargo.

    Parameters
    ----------
    rows : int array
        Candidates for training.
    span : int
        Sessions a label occupies after its row.
    test : int array
        Rows tested together; what lies between the first and the last counts as tested.
    embargo : int
        Sessions left out after the last label of the test rows.

    Examples
    --------
    >>> purged(np.arange(12), span=2, test=np.array([4, 5]), embargo=2).tolist()
    [0, 1, 10, 11]
    """
    if test.size == 0:
        return rows
    return np.asarray(rows[(rows + span < test.min()) | (rows > test.max() + span + embargo)], dtype=np.int64)


def combinatorial_purged(
    rows: IntArray, span: int, *, groups: int = 6, tested: int = 2, embargo: int | None = None
) -> CombinatorialSplit:
    """Split session rows into groups and test every combination of them.

    Parameters
    ----------
    rows : int array, shape (R,)
        Strictly increasing session numbers; gaps are allowed.
    span : int
        Sessions a label occupies after its row.
    groups : int
        N, contiguous groups whose sizes differ by at most one.
    tested : int
        k, groups tested by each fit.
    embargo : int, optional
        Sessions left out after the last label of each tested group, at least `span`, which is the default: features
        look back, so the rows just after a test carry its prices.

    Returns
    -------
    CombinatorialSplit
        C(N, k) folds. A fold's training rows may be few, or none, where groups are short beside span and embargo.

    Raises
    ------
    ValueError
        `tested` is not between 1 and `groups` - 1, there are fewer rows than groups, or the embargo is below `span`.

    References
    ----------
    López de Prado (2018), *Advances in Financial Machine Learning*, chapter 12.

    Examples
    --------
    >>> split = combinatorial_purged(np.arange(60), span=2, groups=4, tested=2)
    >>> len(split.folds), split.paths.tolist()
    (6, [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]])
    >>> [int(split.folds[1].train[i]) for i in (0, -1)]  # groups 0 and 2 are tested: rows 0-14 and 30-44
    [19, 59]
    """
    gap = span if embargo is None else embargo
    if not 1 <= tested < groups:
        raise ValueError(f"tested: need 1 to groups - 1 = {groups - 1}, got {tested}")
    if rows.size < groups:
        raise ValueError(f"rows: need at least one row per group ({groups}), got {rows.size}")
    if gap < span:
        raise ValueError(f"embargo: need at least the label's span of {span} sessions, got {gap}")
    parts = [part.astype(np.int64) for part in np.array_split(rows, groups)]
    chosen = list(combinations(range(groups), tested))
    folds = tuple(_fold(parts, each, span, gap) for each in chosen)
    paths = np.array([[i for i, each in enumerate(chosen) if g in each] for g in range(groups)], dtype=np.int64).T
    return CombinatorialSplit(folds, paths)


def _fold(parts: list[IntArray], chosen: tuple[int, ...], span: int, embargo: int) -> CombinatorialFold:
    train = np.concatenate([part for g, part in enumerate(parts) if g not in chosen])
    for g in chosen:
        train = purged(train, span, parts[g], embargo)
    return CombinatorialFold(chosen, train, tuple(parts[g] for g in chosen))
