"""Findings of a verdict, and the words for their figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal, TypeAlias

from vfr.dashboard.evidence_reading import Record, number

__all__ = [
    "LEVEL",
    "Answer",
    "Finding",
    "answered",
    "bar",
    "count",
    "listed",
    "plain",
    "points",
    "sentence",
    "share",
    "side",
]

Answer: TypeAlias = Literal["shown", "not shown", "passed", "failed", "not known"]

LEVEL: Final = 0.95
"""Confidence at which something is called shown."""

_MANY: Final = 6
"""Things of one kind a sentence lists before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question; `skill` tells those about skill from those about soundness."""

    question: str
    answer: Answer
    text: str
    skill: bool = False


def bar(tests: int) -> float:
    """Return what |t| must exceed in one of some two-sided tests at once (Bonferroni)."""
    return NormalDist().inv_cdf(1 - (1 - LEVEL) / 2 / tests)


def answered(claim: bool, known: float) -> Answer:
    """Return whether a claim about skill holds, given a figure that is NaN where it cannot be known."""
    if math.isnan(known):
        return "not known"
    return "shown" if claim else "not shown"


def side(t: float, tests: int = 1) -> str:
    """Return on which side of zero a rank IC lies, or that it cannot be told."""
    if math.isnan(t):
        return "not known"
    if t > bar(tests):
        return "above zero"
    return "below zero: names are ordered the wrong way round" if t < -bar(tests) else "not distinguishable from zero"


def plain(value: float) -> str:
    """Return the words of a figure: four decimals, or none where it is a count."""
    if not math.isfinite(value):
        return "not known"
    return f"{int(value):,}" if value == int(value) and abs(value) >= 10 else _rounded(value, 4)


def _rounded(value: float, decimals: int) -> str:
    """Return a rounded figure; what rounds to zero has no sign."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def share(value: float, decimals: int = 1) -> str:
    """Return the words of a share in per cent."""
    return "not known" if not math.isfinite(value) else f"{_rounded(100 * value, decimals)} %"


def points(row: Record, what: str) -> str:
    """Return the words of a difference of shares with its interval, in points of a hundred."""
    estimate, low, high = (_rounded(100 * number(row[k]), 1) for k in (what, "low", "high"))
    return f"{estimate} points [{low} to {high}]"


def count(n: int, what: str) -> str:
    """Return a number of things."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def listed(words: Iterable[str]) -> str:
    """Return some words as a list, the rest of a long one counted."""
    found = list(words)
    more = len(found) - _MANY
    return ", ".join(found[:_MANY]) + (f" and {more} more" if more > 0 else "")


def sentence(words: str) -> str:
    """Return words with a capital first letter, the others as they are."""
    return words[:1].upper() + words[1:]
