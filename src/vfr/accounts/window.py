"""A sliding window: how much of a budget was used in the time just gone, kept as the counts of its sixtieths.

A charge counts until the sixtieth it fell into has left the window as a whole. So no window, wherever it starts, ever
holds more than the budget, and what was charged comes back at most one sixtieth of the window late.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Protocol

from vfr.accounts.limits import Budget, Verdict

__all__ = ["COUNTED", "HEAD", "PARTS", "Window"]

PARTS: Final = 60
COUNTED: Final = PARTS + 1
"""Counts kept: the part that runs, and those a window that ends in it may touch."""

_NEWEST: Final = 0
_OLDEST: Final = 1
_USED: Final = 2
HEAD: Final = 3
"""Figures beside the counts, so that a charge need not add them up: the newest part, the oldest in which anything was
charged (where nothing was: any), and the sum of all counts."""


class Figures(Protocol):
    """Whole numbers that are changed in place: a list, or memory that others share."""

    def __getitem__(self, place: int, /) -> int: ...

    def __setitem__(self, place: int, figure: int, /) -> None: ...

    def __iter__(self) -> Iterator[int]: ...


@dataclass(slots=True)
class Window:
    """Use of one budget; what it is kept in may be shared with others.

    Parameters
    ----------
    head : Figures, length 3
        See `HEAD`. Parts are numbered from 1970.
    counts : Figures, length 61
        What was charged in each part; the place of a part is its number modulo 61.

    Notes
    -----
    The sum is taken anew with every part: what another process left half written is right again by then.

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

    head: Figures = field(default_factory=lambda: [0] * HEAD)
    counts: Figures = field(default_factory=lambda: [0] * COUNTED)

    @property
    def newest(self) -> int:
        """Number of the part that runs."""
        return self.head[_NEWEST]

    def charge(self, budget: Budget, n: int, now_ms: int) -> Verdict:
        """Charge n if that many are left; n = 0 only looks."""
        head = self.head
        part = now_ms * PARTS // (budget.window_s * 1_000)
        if part != head[_NEWEST]:
            self._move_to(part)
        used = head[_USED]
        if n and used + n > budget.amount:
            wait = self._until(budget, self._gone(used + n - budget.amount), now_ms)
            left = max(budget.amount - used, 0)
            return Verdict(False, budget.amount, left, self._until(budget, self._gone(1), now_ms), wait)
        if n:
            newest = head[_NEWEST]
            if not used:
                head[_OLDEST] = newest
            self.counts[newest % COUNTED] += n
            head[_USED] = used = used + n
        reset = self._until(budget, head[_OLDEST], now_ms) if used else 0
        return Verdict(True, budget.amount, max(budget.amount - used, 0), reset, 0)

    def _move_to(self, part: int) -> None:
        head, counts = self.head, self.counts
        ahead = part - head[_NEWEST]
        if abs(ahead) >= COUNTED:  # Long ago, or written by a clock that was wrong by more than a window.
            gone = range(COUNTED)
        elif ahead > 0:
            gone = range(head[_NEWEST] + 1, part + 1)
        else:
            return
        for passed in gone:
            counts[passed % COUNTED] = 0
        head[_USED] = sum(counts)
        # Not before: who is killed meanwhile would leave what is long past among what counts.
        head[_NEWEST] = part
        head[_OLDEST] = self._gone(1)

    def _gone(self, n: int) -> int:
        """Return the part after which n of what is counted have left the window; the newest where n is more."""
        newest = self.head[_NEWEST]
        parts = range(newest - PARTS, newest + 1)
        so_far = list(accumulate(self.counts[part % COUNTED] for part in parts))
        return parts[min(bisect_left(so_far, n), PARTS)]

    @staticmethod
    def _until(budget: Budget, part: int, now_ms: int) -> int:
        """Return the whole seconds until what was charged in a part has left the window."""
        gone_ms = -(-(part + COUNTED) * budget.window_s * 1_000 // PARTS)
        return max(1, -(-(gone_ms - now_ms) // 1_000))
