"""What came of each (session, symbol): the targets models learn, each with the interval it spans."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from vfr.data.panel import Panel
from vfr.features.matrix import Labels
from vfr.typing import HORIZONS, BoolArray, FloatArray, Horizon

__all__ = ["Basis", "make"]

Basis: TypeAlias = Literal["open", "close", "same_close"]


def make(panel: Panel, horizon: Horizon, *, basis: Basis | None = None, universe: BoolArray | None = None) -> Labels:
    """Label every session and symbol of a panel.

    Parameters
    ----------
    panel : Panel
    horizon : Horizon
        h = 1, 5 or 21 sessions.
    basis : {"open", "close", "same_close"}, optional
        "open" buys at the adjusted open of t+1 and sells at that of t+1+h: what a reader of the score of evening t can
        earn. "close" does so at closes; the default where the panel has no opens. "same_close" is the return from the
        close of t to that of t+h, which nobody can trade on; it is printed beside.
    universe : bool array, shape (T, N), optional
        Symbols over whose median the excess is taken (index members); all symbols with a label by default.

    Returns
    -------
    Labels
        NaN where a price at either end is unknown (no price is carried forward: a delisted name has no label), and
        in the last ``span`` sessions. Where no symbol of the universe has a label there is no excess.

    Notes
    -----
    A zero return counts as not up: `direction` is 0.
    """
    h = HORIZONS[horizon]
    chosen: Basis = basis or ("open" if bool(np.isfinite(panel.open).any()) else "close")
    entry = 0 if chosen == "same_close" else 1
    price = panel.open * (panel.adj_close / panel.close) if chosen == "open" else panel.adj_close
    returns = np.full(panel.shape, np.nan)
    last = panel.shape[0] - entry - h
    if last > 0:
        returns[:last] = price[entry + h :] / price[entry : entry + last] - 1.0
    known = np.isfinite(returns)
    direction = np.where(known, (returns > 0.0).astype(np.float64), np.nan)
    median = _median(np.where(known if universe is None else known & universe, returns, np.nan))
    return Labels(horizon, chosen, returns, direction, returns - median[:, None], span=entry + h)


def _median(values: FloatArray) -> FloatArray:
    """Return the median of each row's known values, NaN where there is none."""
    ordered = np.sort(values, axis=1)  # NaN sorts last
    count = np.isfinite(values).sum(axis=1)
    rows = np.arange(count.size)
    middle = ordered[rows, np.maximum(count - 1, 0) // 2] + ordered[rows, np.minimum(count // 2, values.shape[1] - 1)]
    return np.where(count > 0, middle / 2.0, np.nan)
