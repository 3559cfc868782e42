"""Rows that tell a right walk down trees from a nearly right one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vfr.models.learner import Rows


@pytest.fixture(scope="session")
def faint() -> Rows:
    """8,000 rows of 12 columns in 80 sessions: two columns matter, a third by being unknown, the rest is noise."""
    rng = np.random.default_rng(4)
    X = rng.uniform(-0.5, 0.5, (8_000, 12)).astype(np.float32)
    X[rng.random(X.shape) < 0.05] = np.nan
    y = 0.4 * np.nan_to_num(X[:, 0]) * (X[:, 1] > 0) + 0.2 * np.isnan(X[:, 2]) + rng.normal(0, 0.3, 8_000)
    return Rows(X, y, rng.uniform(0.3, 1.0, 8_000), np.arange(8_000) // 100)


@pytest.fixture(scope="session")
def at_thresholds() -> Callable[[np.ndarray, np.ndarray, int], np.ndarray]:
    """Return 10,000 rows, some unknown, most with a value on a threshold or the float32 next to it on either side."""

    def rows(column: np.ndarray, threshold: np.ndarray, columns: int) -> np.ndarray:
        rng = np.random.default_rng(9)
        X = rng.uniform(-0.5, 0.5, (10_000, columns)).astype(np.float32)
        near = threshold.astype(np.float32)
        for step in (-np.inf, np.inf, None):
            moved = near if step is None else np.nextafter(near, np.float32(step))
            for _ in range(4):
                pick = rng.integers(0, column.size, 10_000)
                chosen = rng.random(10_000) < 0.5
                X[chosen, column[pick[chosen]]] = moved[pick[chosen]]
        X[rng.random(X.shape) < 0.05] = np.nan
        return X

    return rows
