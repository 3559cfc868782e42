"""Why folds are purged: on returns that nothing predicts, shuffled folds say that a nearest neighbour does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from vfr.data import synthetic
from vfr.features import compute
from vfr.features.labels import make
from vfr.features.matrix import Labels
from vfr.typing import FloatArray, IntArray
from vfr.validation.combinatorial import combinatorial_purged
from vfr.validation.correlation import rank_ic

FOLDS = 5
SLOW = ("momentum_12_1", "volatility_252")
"""Features that hardly move from one session to the next: a near row of them is a near date."""


@pytest.fixture(scope="module")
def panel(walks) -> tuple[FloatArray, Labels]:
    """Two slow features [T x N x 2] of driftless walks, and month-ahead labels of which neighbours share 20 in 21."""
    market = synthetic.snapshot(np.random.default_rng(7), n_sessions=1200, n_symbols=24)
    made = replace(market, panel=walks(market.panel, np.random.default_rng(3)))
    matrix = compute(made)
    slow = np.stack([matrix.values[matrix.names.index(name)] for name in SLOW], axis=-1).astype(np.float64)
    return slow / np.nanstd(slow, axis=(0, 1)), make(made.panel, "30d")


def _neighbour_ic(
    panel: tuple[FloatArray, Labels], split: Callable[[IntArray, int], Iterable[tuple[IntArray, IntArray]]]
) -> FloatArray:
    """Return the rank IC per session of five nearest neighbours, out of the folds made of each cell's session."""
    from sklearn.neighbors import KNeighborsRegressor

    slow, labels = panel
    known = np.isfinite(labels.excess) & np.isfinite(slow).all(axis=2)
    X, y, session = slow[known], labels.excess[known], np.nonzero(known)[0]
    guess = np.full(y.size, np.nan)
    for train, test in split(session, labels.span):
        guess[test] = KNeighborsRegressor(5).fit(X[train], y[train]).predict(X[test])
    score = np.full(known.shape, np.nan)
    score[known] = guess
    return rank_ic(score, labels.excess)


def _shuffled(session: IntArray, span: int) -> Iterable[tuple[IntArray, IntArray]]:
    from sklearn.model_selection import KFold

    del span
    return KFold(FOLDS, shuffle=True, random_state=0).split(session)


def _purged(session: IntArray, span: int) -> Iterable[tuple[IntArray, IntArray]]:
    for fold in combinatorial_purged(np.unique(session), span, groups=FOLDS, tested=1).folds:
        yield np.flatnonzero(np.isin(session, fold.train)), np.flatnonzero(np.isin(session, fold.tests[0]))


def test_shuffled_folds_find_what_is_not_there(panel, over_dates):
    assert over_dates(_neighbour_ic(panel, _shuffled), 21).low > 0.08


def test_purged_folds_find_nothing(panel, over_dates):
    found = over_dates(_neighbour_ic(panel, _purged), 21)
    assert found.low < 0 < found.high
    assert abs(found.estimate) < 0.05
