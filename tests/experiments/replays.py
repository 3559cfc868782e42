"""Experiments replayed with no true difference: the labels of the two scores swapped at random."""

from __future__ import annotations

import numpy as np

from vfr.experiments.experiment import StopRule
from vfr.experiments.sequential import confidence_sequence, first_stop, independent
from vfr.typing import FloatArray
from vfr.validation.bootstrap import block_rows

REPLAYS = 1_000


def swapped(by_date: FloatArray, span: int, rng: np.random.Generator, together: int = 1) -> FloatArray:
    """Return the values of replays in which the scores change names at random on each date, or so many dates together.

    Swapping the names of two scores on a date turns the sign of their difference and leaves all else as it was.
    """
    made = []
    for _ in range(REPLAYS):
        signs = np.repeat(rng.choice([-1.0, 1.0], size=-(-by_date.size // together)), together)[: by_date.size]
        made.append(independent(by_date * signs, span)[0])
    return np.stack(made)


def redrawn(values: FloatArray, rng: np.random.Generator, block: int = 13) -> FloatArray:
    """Return replays drawn in blocks of a quarter from values whose mean was taken away."""
    return (values - values.mean())[block_rows(values.size, block, REPLAYS, rng)]


def claimed(values: FloatArray, rule: StopRule) -> float:
    """Return the share of replays in which the rule ever claims a difference."""
    return float((first_stop(confidence_sequence(values, rule), rule)[1] != 0).mean())
