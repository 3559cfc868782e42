"""Split adjustment undone: against a plain loop, and there and back."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.adapters.providers.live.splits import later_splits

FIRST = date(2015, 1, 5)
DAYS = st.integers(0, 400).map(lambda n: FIRST + timedelta(days=n))
RATIOS = st.sampled_from([0.05, 0.1, 0.5, 1.5, 2.0, 3.0, 4.0, 7.0, 10.0, 20.0])


def adjusted(price: float, day: date, splits: list[tuple[date, float]]) -> float:
    """A price on today's basis, one split after the other."""
    for on, ratio in sorted(splits):
        if day < on:
            price /= ratio
    return price


@given(st.lists(DAYS, max_size=30), st.lists(st.tuples(DAYS, RATIOS), max_size=6), st.floats(0.01, 5000))
def test_adjusting_and_undoing_it_gives_back_the_price(
    days: list[date], splits: list[tuple[date, float]], price: float
) -> None:
    shares = later_splits(
        np.array(days, dtype="datetime64[D]"),
        np.array([on for on, _ in splits], dtype="datetime64[D]"),
        np.array([ratio for _, ratio in splits], dtype=np.float64),
    )
    today = np.array([adjusted(price, day, splits) for day in days])
    assert (today * shares).tolist() == pytest.approx([price] * len(days), rel=1e-12)
