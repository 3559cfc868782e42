from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from vfr.validation.baserate import ex_ante_base_rate


@examples(40)
@given(seed=st.integers(0, 1000), n=st.integers(1, 40), span=st.integers(1, 10))
def test_equals_the_plain_mean_of_matured_labels(seed, n, span):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((n, 3)) < 0.2, np.nan, (rng.random((n, 3)) < 0.6).astype(float))
    mask = rng.random((n, 3)) < 0.8
    got = ex_ante_base_rate(labels, span, mask)
    for t in range(n):
        cells = [labels[s, c] for s in range(n) for c in range(3) if s + span <= t and mask[s, c]]
        cells = [v for v in cells if np.isfinite(v)]
        assert np.isnan(got[t]) if not cells else np.isclose(got[t], np.mean(cells))


def test_labels_that_have_not_matured_change_nothing():
    labels = np.random.default_rng(0).integers(0, 2, (50, 4)).astype(float)
    later = labels.copy()
    later[41:] = 1 - later[41:]
    assert np.array_equal(ex_ante_base_rate(labels, 10)[:51], ex_ante_base_rate(later, 10)[:51], equal_nan=True)
