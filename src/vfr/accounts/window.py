"""A sliding window: how much of a budget was used in the time just gone, kept as the counts of its sixtieths.

A charge counts until the sixtieth it fell into has left the window as a whole. So no window, wherever it starts, ever
holds more than the budget, and what was charged comes back at most one sixtieth of the window late.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from vfr.accounts.limits import Budget, Verdict

__all__ = ["COUNTED", "PARTS", "Window"]

PARTS: Final = 60
COUNTED: Final = PARTS + 1
"""Counts kept: the part that runs, and those a window that ends in it may touch."""


@dataclass(slots=True)
class Window:
    """Use of one budget.

    Parameters
    ----------
    newest : int
        Number of the sixtieth that runs, counted from 1970.
    counts : list of int, length 61
        What was charged in each; the place of a part is its number modulo 61.

    Examples
    --------
    >>> budget, window = Budget("requests", 2, 60), Window()
    >>> [window.charge(budget, 1, now_ms=1_000).allowed for _ in range(3)]
    [True, True, False]
    >>> window.charge(budget, 1, now_ms=1_000).retry_after_s  # the second it was charged in must end first
    61
    >>> window.charge(budget, 1, now_ms=62_000).allowed
    True
    """

    newest: int = 0
    counts: list[int] = field(default_factory=lambda: [0] * COUNTED)

    def charge(self, budget: Budget, n: int, now_ms: int) -> Verdict:
        """Charge n if that many are left; n = 0 only looks."""
        self._move_to(now_ms * PARTS // (budget.window_s * 1_000))
        used = sum(self.counts)
        if used + n > budget.amount and n:
            wait = self._wait(budget, used + n - budget.amount, now_ms)
            return Verdict(False, budget.amount, max(budget.amount - used, 0), self._wait(budget, 1, now_ms), wait)
        self.counts[self.newest % COUNTED] += n
        left = max(budget.amount - used - n, 0)
        return Verdict(True, budget.amount, left, self._wait(budget, 1, now_ms) if used + n else 0, 0)

    def _move_to(self, part: int) -> None:
        ahead = part - self.newest
        if abs(ahead) >= COUNTED:  # Long ago, or written by a clock that was wrong by more than a window.
            self.counts = [0] * COUNTED
            self.newest = part
        elif ahead > 0:
            for passed in range(self.newest + 1, part + 1):
                self.counts[passed % COUNTED] = 0
            self.newest = part

    def _wait(self, budget: Budget, n: int, now_ms: int) -> int:
        """Return the whole seconds until n of what is counted have left the window; all of it where n is more."""
        oldest = (self.newest + 1) % COUNTED
        so_far = list(accumulate(self.counts[oldest:] + self.counts[:oldest]))
        part = self.newest - PARTS + min(bisect_left(so_far, n), PARTS)
        gone_ms = -(-(part + COUNTED) * budget.window_s * 1_000 // PARTS)
        return max(1, -(-(gone_ms - now_ms) // 1_000))
