"""The choices of a training run, fixed before any outcome is seen."""

from __future__ import annotations

from dataclasses import dataclass

from vfr.typing import Horizon

__all__ = ["DEFAULT", "STARTER", "Recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How models are refitted, weighted and calibrated.

    Parameters
    ----------
    min_train : int
        Sessions before the first refit; a third of the data where that is less.
    refit_months : int
        Calendar months between refits; 3 where there are fewer than six years of data.
    half_life : float
        Sessions after which a training row weighs half (ten years).
    stride : mapping
        Every how many sessions a training cross-section is taken: overlapping labels say little new.
    watch : int
        Newest training sessions, a fifth of them at most, that decide when a learner stops.
    conformal : int
        Newest out-of-fold sessions kept for the conformal step.
    level : float
        Nominal coverage of the interval.
    rows : float
        Share of the rows that a learner takes at most.
    judged : int
        Newest sessions that are tested out of fold; 0 is all that can be.
    prior_ic : float
        Information coefficient believed before looking; slopes and confidence are shrunk toward what it implies.
    """

    min_train: int = 756
    refit_months: int = 12
    half_life: float = 2520.0
    stride: tuple[tuple[Horizon, int], ...] = (("1d", 1), ("7d", 2), ("30d", 2))
    watch: int = 126
    conformal: int = 504
    level: float = 0.9
    rows: float = 1.0
    judged: int = 0
    prior_ic: float = 0.01

    def spacing(self, sessions: int) -> tuple[int, int]:
        """Return (training sessions before the first refit, months between refits) for data of that length."""
        months = self.refit_months if sessions >= 6 * 252 else min(self.refit_months, 3)
        return min(self.min_train, sessions // 3), months


DEFAULT = Recipe()

STARTER = Recipe(rows=0.5, judged=9 * 252)
"""Of a first start: from half of the rows and judged on the newest nine years, so that a forecast is there soon.

Fewer years are too few for the bundled data: over the newest six one feature of twenty names has a rank IC of 0.07 a
week ahead by luck, the leak alarm rings, and no member may answer the default question.
"""
