from __future__ import annotations

import numpy as np
import pytest

from vfr.validation.conformal import conformal_quantile, coverage, interval_score


def test_covers_new_rows_at_the_nominal_level_whatever_the_distribution():
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(200):
        scale = rng.uniform(0.5, 2.0, 400)
        residual = scale * rng.standard_t(3, 400)
        q = conformal_quantile(residual[:200], scale[:200], 0.9)
        hits.append(np.mean(np.abs(residual[200:]) <= q * scale[200:]))
    assert np.mean(hits) == pytest.approx(0.9, abs=0.01)


def test_is_the_ceil_rank_of_the_definition():
    assert conformal_quantile(np.arange(1.0, 20.0), np.ones(19), 0.9) == 18.0
    assert conformal_quantile(np.arange(1.0, 6.0), np.ones(5), 0.9) == np.inf


def test_interval_score_prefers_the_true_quantiles():
    x = np.random.default_rng(1).normal(size=20_000)
    exact, wide, narrow = (interval_score(np.full_like(x, -h), np.full_like(x, h), x, 0.9) for h in (1.645, 2.5, 1.0))
    assert exact < min(wide, narrow)
    assert coverage(np.array([0.0]), np.array([1.0]), np.array([1.0])).all()
