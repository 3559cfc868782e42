"""How fast something grows with the requests that are answered, whatever noise and steps there are in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import theilslopes

BLOCKS = 24


class Growth(NamedTuple):
    """A slope and the bounds of its 95 % interval, in units of y per unit of x."""

    slope: float
    low: float
    high: float


def growth(x: np.ndarray, y: np.ndarray) -> Growth:
    """Theil and Sen's slope over the medians of blocks.

    The interval takes points for independent. Medians of blocks are nearly so, and it covers somewhat less than it
    says. A short peak moves none of them; a step that stays moves up to half of the slopes between them, so that
    growth must be more than a step makes of it.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (n,)
        In the order in which they were measured; at least two for each block.
    """
    assert x.size >= 2 * BLOCKS, "too few measurements"
    middles = [np.array([np.median(part) for part in np.array_split(one, BLOCKS)]) for one in (x, y)]
    slope, _, low, high = theilslopes(middles[1], middles[0], alpha=0.95)
    return Growth(float(slope), float(low), float(high))
