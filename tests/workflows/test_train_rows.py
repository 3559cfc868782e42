"""Rows that learners are fitted to: the cells and columns asked for, and what is not there is unknown."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.data import synthetic
from vfr.features import compute
from vfr.workflows import train_data
from vfr.workflows.train_data import prepare


@pytest.fixture(scope="module")
def inputs():
    market = synthetic.snapshot(np.random.default_rng(3), n_sessions=300, n_symbols=8)
    return prepare(compute(market), market.panel.trading())


@pytest.mark.parametrize("lookback", [1, 4])
def test_rows_hold_what_the_cells_hold(inputs, lookback, monkeypatch):
    monkeypatch.setattr(train_data, "_AT_ONCE", 7)  # several parts, the last one short
    rng = np.random.default_rng(0)
    r, n = rng.integers(0, 300, 40), rng.integers(0, 8, 40)
    r[:3] = 0, 1, 2
    columns = [*inputs.design.market[1:], *inputs.design.ranked[5:2:-1]]
    found = inputs.rows(r, n, columns, lookback)
    ranked, market = slice(3, 6), slice(1, None)
    want = np.full((40, lookback, 3 + len(inputs.design.market) - 1), np.nan, dtype=np.float32)
    for i in range(40):
        for back in range(min(lookback, r[i] + 1)):
            t = r[i] - back
            want[i, -1 - back] = [*inputs.ranks[t, n[i], ranked], *inputs.state[t, market]]
    assert np.isfinite(want).any()
    np.testing.assert_array_equal(found, want[:, 0] if lookback == 1 else want)
    assert found.flags.c_contiguous


def test_no_cells_give_no_rows(inputs):
    none = np.empty(0, dtype=np.int64)
    assert inputs.rows(none, none, inputs.design.ranked[:2]).shape == (0, 2)
