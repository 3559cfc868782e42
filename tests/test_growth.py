"""The leak test's fit: a leak that was planted is found in the noise of an allocator, and its steps are none."""

from __future__ import annotations

import numpy as np
import pytest
from tests.growth import BLOCKS, growth

TOLERANCE = 64.0
"""As in the leak test: KiB per 1,000 requests."""

SAMPLES, REQUESTS = 120, 50_000
SEEDS = range(20)


def plateau(rng: np.random.Generator, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Thousands of requests, and KiB that step up once, up and down now and then, and are noisy throughout."""
    x = np.linspace(REQUESTS / SAMPLES, REQUESTS, SAMPLES) / 1e3
    y = np.full(SAMPLES, 120_000.0) + rng.normal(scale=150.0, size=SAMPLES)
    y[rng.integers(SAMPLES) :] += step
    for start in rng.integers(SAMPLES, size=6):
        y[start : start + 8] += rng.uniform(-1_000.0, 1_000.0)
    return x, y


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plateau_with_steps_is_no_leak(seed: int) -> None:
    found = growth(*plateau(np.random.default_rng(seed), 2_048.0))
    assert found.low < TOLERANCE


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hundred_bytes_a_request_are_a_leak(seed: int) -> None:
    x, y = plateau(np.random.default_rng(seed), 0.0)
    found = growth(x, y + x * 1e3 * 100 / 1024)
    assert found.low > TOLERANCE
    assert abs(found.slope - 100 / 1.024) < 20.0


def test_a_straight_line_has_its_slope() -> None:
    x = np.arange(4.0 * BLOCKS)
    np.testing.assert_allclose(growth(x, 5.0 + 3.0 * x), (3.0, 3.0, 3.0))


def test_few_measurements_are_refused() -> None:
    with pytest.raises(AssertionError, match="too few"):
        growth(np.arange(10.0), np.arange(10.0))
