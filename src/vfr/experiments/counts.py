"""Counts of subjects: were they dealt as planned, how many opt in, and McNemar's test of paired hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

from vfr.experiments.experiment import Arm, Experiment

__all__ = ["SampleRatio", "Share", "mcnemar", "sample_ratio", "share"]

MISMATCH: Final = 0.001
"""P-value below which subjects were not dealt as planned: the usual threshold, as such a test is read every day."""

ENOUGH: Final = 5.0
"""Subjects expected in the smallest arm from which on the statistic has the distribution it is held to (Cochran 1954):
before, one subject in an arm of a hundredth would be a mismatch."""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Subjects seen and expected by arm, Pearson's statistic and its p-value.

    Attributes
    ----------
    mismatch : bool
        Whether something loses or doubles subjects of an arm: then nothing else of the experiment can be read.
    """

    seen: Mapping[Arm, int]
    expected: Mapping[Arm, float]
    statistic: float
    p: float

    @property
    def mismatch(self) -> bool:
        """Whether the shares differ by more than luck explains."""
        return self.p < MISMATCH


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a count with Wilson's 95 % interval; NaN where nothing was counted."""

    count: int
    of: int
    share: float
    low: float
    high: float


def sample_ratio(experiment: Experiment, seen: Mapping[Arm, int]) -> SampleRatio:
    """Test whether the subjects seen in each arm, the holdout among them, are in the planned proportions.

    Parameters
    ----------
    experiment : Experiment
    seen : mapping of arm to int
        Different subjects; an arm that is not named was seen by nobody.

    Returns
    -------
    SampleRatio
        The p-value is NaN while an arm expects fewer than five, and 0 where somebody was in an arm that has no share.

    References
    ----------
    Fabijan et al. (2019), *Diagnosing sample ratio mismatch in online controlled experiments*, KDD.

    Cochran (1954), *Some methods for strengthening the common chi-square tests*, Biometrics 10.

    Examples
    --------
    >>> half = {"classic": 0.5, "ml": 0.5}
    >>> e = Experiment("3f", "blend", "salt", half, 0.0, "7d", 0.15, "2019-06-28", 0.0, "me", "try it")
    >>> sample_ratio(e, {"classic": 498, "ml": 502}).mismatch, sample_ratio(e, {"classic": 400, "ml": 600}).mismatch
    (False, True)
    """
    from scipy.special import chdtrc

    arms: tuple[Arm, ...] = ("classic", "ml", "shadow", "holdout")
    total = sum(seen.values())
    expected = {arm: total * experiment.share(arm) for arm in arms if experiment.share(arm) > 0}
    counted: dict[Arm, int] = {arm: seen.get(arm, 0) for arm in expected} | {arm: n for arm, n in seen.items() if n}
    if not total:
        return SampleRatio(counted, expected, float("nan"), float("nan"))
    if any(arm not in expected for arm in counted):
        return SampleRatio(counted, expected, float("inf"), 0.0)
    statistic = sum((counted[arm] - planned) ** 2 / planned for arm, planned in expected.items())
    if len(expected) == 1:
        return SampleRatio(counted, expected, statistic, 1.0)
    p = float(chdtrc(len(expected) - 1, statistic)) if min(expected.values()) >= ENOUGH else float("nan")
    return SampleRatio(counted, expected, statistic, p)


def share(count: int, of: int) -> Share:
    """Return a share with Wilson's score interval (1927).

    Examples
    --------
    >>> found = share(30, 100)
    >>> found.share, round(found.low, 3), round(found.high, 3)
    (0.3, 0.219, 0.396)
    """
    if not of:
        return Share(count, of, float("nan"), float("nan"), float("nan"))
    z = 1.959963984540054
    p, scale = count / of, 1.0 + z * z / of
    middle = (p + z * z / (2 * of)) / scale
    half = z * sqrt(p * (1.0 - p) / of + z * z / (4.0 * of * of)) / scale
    return Share(count, of, p, max(middle - half, 0.0), min(middle + half, 1.0))


def mcnemar(first_only: int, second_only: int) -> float:
    """Return the exact two-sided p-value of McNemar's test: the binomial test of the pairs that disagree.

    Parameters
    ----------
    first_only, second_only : int
        Pairs in which only the one, or only the other, was right.

    References
    ----------
    McNemar (1947), *Note on the sampling error of the difference between correlated proportions*, Psychometrika 12.

    Examples
    --------
    >>> round(mcnemar(4, 16), 4), mcnemar(0, 0)
    (0.0118, 1.0)
    """
    from scipy.special import bdtr

    pairs = first_only + second_only
    return min(1.0, 2.0 * float(bdtr(min(first_only, second_only), pairs, 0.5))) if pairs else 1.0
