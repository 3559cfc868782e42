"""Every feature of prices, volume, market and peers equals an independent computation in pandas."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vfr.features import compute
from vfr.features.registry import FAMILIES, FEATURES

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.typing import FloatArray, Matrix32

RECURSIVE = {"rsi_14": 300, "macd_histogram": 300, "natr_14": 300, "adx_14": 400, "directional_14": 300}
"""Sessions after which another seed of a recursion is forgotten."""

FROM_ELSEWHERE = {"vix", "vix_rank_252", "yield_slope"}
ORACLE = [name for name, entry in FEATURES.items() if entry.family != "fundamentals" and name not in FROM_ELSEWHERE]


@pytest.fixture(scope="module")
def oracle(seeded_snapshot: Snapshot) -> dict[str, FloatArray]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    try:
        from benchmarks import pandas_features
    finally:
        sys.path.pop(0)
    return {name: frame.to_numpy() for name, frame in pandas_features.compute(seeded_snapshot).items()}


@pytest.fixture(scope="module")
def ours(seeded_snapshot: Snapshot) -> dict[str, Matrix32]:
    matrix = compute(seeded_snapshot)
    return dict(zip(matrix.names, matrix.values, strict=True))


def test_the_oracle_knows_every_feature_of_prices(oracle: dict[str, FloatArray]) -> None:
    assert oracle.keys() == set(ORACLE)
    assert sum(len(FAMILIES[f]) for f in ("returns", "volatility", "market_relative", "bars", "trading")) >= 60


@pytest.mark.parametrize("name", ORACLE)
def test_feature_equals_pandas(name: str, oracle: dict[str, FloatArray], ours: dict[str, Matrix32]) -> None:
    expected, found = oracle[name], ours[name].astype(np.float64)
    begin = RECURSIVE.get(name, 0)
    # Symbol 3 lists at a quarter of the sessions: its recursions are young for as long again.
    late = 175 + begin if begin else 0
    expected, found = expected.copy(), found.copy()
    for block in (expected, found):
        block[:begin] = np.nan
        block[:late, 3] = np.nan
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected), err_msg="known cells")
    assert np.isfinite(found).sum() > 1000
    scale = np.nanmedian(np.abs(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=max(1e-5 * scale, 1e-7))
