"""The technical factor: trend, momentum, volume and volatility of each symbol's own bars.

Prices are total-return closes (highs and lows are scaled with them), so that neither a split nor a dividend is a
signal; every measurement is a ratio, so that a price level never is. Three kinds of map lead to 0-100, 50 neutral:

- *Scaled*: ``100 * Phi(z)``, z being the measurement over the standard deviation it has for a driftless random walk
  with the symbol's own volatility (63 sessions). A score of 84 is one such deviation up.
- *Ranked*: percentile among the universe of that session: symbols with a bar that day, index members where the
  membership is known (others are placed against them).
- *Oscillators* and shares of volume are bounded by construction and mapped linearly.

Trends of a month and more continue (Jegadeesh and Titman 1993; Moskowitz, Ooi and Pedersen 2012); moves of days to a
month partly revert (Jegadeesh 1990; Lehmann 1990). So 12-1 and 6 months, the 3-month rate of change and the distance
from averages score high after a rise; the 1-month return, RSI and the stochastic score high after a fall.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.factors.scores import Measured
from vfr.factors.technical_history import Histories
from vfr.factors.technical_measures import Inputs, momentum, trend, volatility, volume
from vfr.factors.technical_registry import SUB_FACTORS
from vfr.typing import IntArray, Keep

__all__ = ["SUB_FACTORS", "histories", "measure"]


def measure(snapshot: Snapshot, rows: IntArray, along: Histories | None = None) -> Mapping[str, Measured]:
    """Measure every technical sub-factor.

    Parameters
    ----------
    snapshot : Snapshot
        Only its panel and membership are used. Closes alone give trend, momentum (without the stochastic) and
        volatility; what needs highs, lows or volume says NO_INPUT.
    rows : int64 array, shape (R,)
        Rows of the panel; a row uses no later session.
    along : Histories, optional
        `histories` of this snapshot, or of one that it is a past of: changes no bit, and saves most of the time.

    Returns
    -------
    mapping of str to Measured
        [R x N] by sub-factor name, in the order of `SUB_FACTORS`.
    """
    inputs = Inputs.of(snapshot, rows, along or Histories.of(snapshot.panel))
    return {**trend(inputs), **momentum(inputs), **volume(inputs), **volatility(inputs)}


def histories(snapshot: Snapshot, keep: Keep) -> Histories:
    """Return what the sub-factors of any session are read from, [T x N] of every output of every kernel."""
    found = Histories.of(snapshot.panel, keep=keep)
    measure(snapshot, np.array([snapshot.sessions.size - 1]), found)
    for one in (found.closes, found.bars, found.trades, found.priced_trades):
        one.forget_bars()
    return found
