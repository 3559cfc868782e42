"""Features set against peers: the mean of the sector, and ranks in the universe. Catalogue order.

They are built on float32 features of the same session. Means are sums of whole numbers, so that they do not depend on
the order of symbols (see `vfr.features.market`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.features.ranks import cross_sectional
from vfr.kernels import kernel
from vfr.typing import IntArray, Matrix32

__all__ = ["MIN_PEERS", "ranks", "sector_numbers", "sector_relative"]

MIN_PEERS: Final = 3
"""Least number of symbols of a sector with a value for a mean of the sector."""

_UNIT: Final = 2.0**40
_CUT: Final = 16.0


def sector_numbers(sectors: tuple[str, ...]) -> IntArray:
    """Return a number for each symbol's sector [N], -1 where it is unknown."""
    names = {name: k for k, name in enumerate(sorted({s for s in sectors if s}))}
    return np.array([names.get(s, -1) for s in sectors], dtype=np.int64)


def sector_relative(features: dict[str, Matrix32], sectors: IntArray, out: Matrix32) -> None:
    """Write the sector's means and the distances from them, [F x R x N]; `features` are [R x N] by name."""
    scratch = np.empty_like(features["return_1"])
    _against(features["momentum_12_1"], sectors, out[0], out[2])
    _against(features["return_21"], sectors, out[1], out[3])
    _against(features["return_5"], sectors, scratch, out[4])
    _against(features["return_1"], sectors, scratch, out[5])


@kernel
def _against(values: Matrix32, sectors: IntArray, mean: Matrix32, distance: Matrix32) -> None:
    n_sectors = sectors.max() + 1
    for r in range(values.shape[0]):
        total, count = np.zeros(n_sectors, dtype=np.int64), np.zeros(n_sectors, dtype=np.int64)
        for n in range(values.shape[1]):
            if sectors[n] >= 0 and np.isfinite(values[r, n]):
                total[sectors[n]] += np.int64(np.rint(min(float(values[r, n]), _CUT) * _UNIT))
                count[sectors[n]] += 1
        for n in range(values.shape[1]):
            own = sectors[n]
            known = own >= 0 and np.isfinite(values[r, n]) and count[own] >= MIN_PEERS
            average = total[own] / _UNIT / count[own] if known else np.nan
            mean[r, n] = average
            distance[r, n] = values[r, n] - average


def ranks(features: dict[str, Matrix32], out: Matrix32) -> None:
    """Write ranks in the universe of the session, [F x R x N]; `features` are [R x N] by name."""
    names = ("momentum_12_1", "volatility_252", "high_252", "return_5")
    momentum, volatility, high, week = cross_sectional(np.stack([features[name] for name in names]))
    out[0], out[1] = momentum, volatility
    out[2] = (momentum + high - week - volatility) / np.float32(4.0)
