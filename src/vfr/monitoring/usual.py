"""What is usual for a series: the median of its last values, kept in order so that a session costs microseconds."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

__all__ = ["Usual"]


class Usual:
    """The median of the last values of a series: half of them may be odd before it is.

    Parameters
    ----------
    window : int
        Values kept.

    Examples
    --------
    >>> usual = Usual(window=4)
    >>> for value in (100.0, 1.0, 2.0, 3.0, 4.0):
    ...     usual.add(value)
    >>> usual.count, usual.median
    (4, 2.5)
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
        n = len(self._ordered)
        return 0.5 * (self._ordered[(n - 1) // 2] + self._ordered[n // 2]) if n else float("nan")
