"""What is usual for a series: median and spread of its last values, kept in order."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import Final

__all__ = ["Usual"]

_NORMAL: Final = 1.349
"""Interquartile range of a normal variable of standard deviation 1."""


class Usual:
    """Median and robust spread of the last values of a series.

    Parameters
    ----------
    window : int
        Values kept.

    Examples
    --------
    >>> usual = Usual(window=4)
    >>> for value in (100.0, 1.0, 2.0, 3.0, 4.0):
    ...     usual.add(value)
    >>> usual.count, usual.median, round(usual.spread, 3)
    (4, 2.5, 1.112)

    References
    ----------
    Rousseeuw and Croux (1993), *Alternatives to the median absolute deviation*: the interquartile range resists a
    quarter of bad values.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._arrived: deque[float] = deque()
        self._ordered: list[float] = []

    def add(self, value: float) -> None:
        """Take in the newest value, and forget the oldest beyond the window."""
        if len(self._arrived) == self._window:
            del self._ordered[bisect_left(self._ordered, self._arrived.popleft())]
        self._arrived.append(value)
        insort(self._ordered, value)

    def clear(self) -> None:
        """Forget everything."""
        self._arrived.clear()
        self._ordered.clear()

    @property
    def count(self) -> int:
        """Values known."""
        return len(self._ordered)

    @property
    def median(self) -> float:
        """Middle value; NaN without any."""
        return self._quantile(0.5)

    @property
    def spread(self) -> float:
        """Interquartile range, scaled to the standard deviation of a normal variable; NaN without any value."""
        return (self._quantile(0.75) - self._quantile(0.25)) / _NORMAL

    def _quantile(self, share: float) -> float:
        if not self._ordered:
            return float("nan")
        place = share * (len(self._ordered) - 1)
        below = int(place)
        above = min(below + 1, len(self._ordered) - 1)
        return self._ordered[below] + (place - below) * (self._ordered[above] - self._ordered[below])
