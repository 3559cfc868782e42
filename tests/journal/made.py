"""Forecasts made for tests: invented figures, the same on every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vfr.journal.records import ForecastRecord

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


def forecast(
    as_of: str = "2016-03-01", symbols: Sequence[str] = SYMBOLS, seed: int = 0, **changes: Any
) -> ForecastRecord:
    """A forecast by two members over one session; `changes` replace what it says."""
    rng = np.random.default_rng(seed)
    n = len(symbols)
    expected = rng.normal(0.0, 0.01, n)
    made = ForecastRecord(
        data_name="live",
        data_version="v1",
        horizon="1d",
        as_of=np.datetime64(as_of, "D"),
        members=("lightgbm", "linear"),
        model_ids=("lightgbm-1d-a", "linear-1d-b"),
        weights=np.array([0.5, 0.5]),
        method="equal",
        standard=True,
        feature_spec="spec",
        inputs="inputs",
        base_rate=0.53,
        level=0.9,
        timely=True,
        created_at=1_456_866_000.0,
        symbols=tuple(symbols),
        p_up=rng.uniform(0.4, 0.6, n),
        expected=expected,
        low=expected - 0.02,
        high=expected + 0.02,
        confidence=rng.uniform(0.49, 0.55, n),
        ml_score=rng.uniform(0.0, 100.0, n),
        classic=rng.uniform(20.0, 80.0, n),
        blended=rng.uniform(20.0, 80.0, n),
        classic_tier=("HOLD",) * n,
        blended_tier=("BUY",) + ("HOLD",) * (n - 1),
        member_p_up=rng.uniform(0.4, 0.6, (2, n)),
        member_expected=rng.normal(0.0, 0.01, (2, n)),
    )
    return replace(made, **changes)
