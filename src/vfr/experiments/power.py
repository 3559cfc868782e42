"""How long an experiment must last: the stop rule run on many futures made of the differences measured so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.experiments.experiment import StopRule
from vfr.experiments.sequential import confidence_sequence, first_stop
from vfr.typing import FloatArray
from vfr.validation.bootstrap import block_rows

__all__ = ["Power", "power"]

_FEWEST: Final = 20
_PATHS: Final = 1_000
_CELLS: Final = 2_000_000
"""Values of all futures that are held at once."""


@dataclass(frozen=True, slots=True)
class Power:
    """Chance that the stop rule finds a difference, and how many values it needs; a value is a week or a month.

    Parameters
    ----------
    effect : float
        True mean difference that is supposed.
    wanted : float
        Power asked for.
    at : tuple of (int, float)
        Number of values, and the share of futures that stopped for the right side by then.
    required : int or None
        Fewest values with the power asked for; None if the longest future is too short.
    longest : int
        Values of the longest future tried.
    wrong : float
        Share of futures that stopped for the wrong side by the end.
    """

    effect: float
    wanted: float
    at: tuple[tuple[int, float], ...]
    required: int | None
    longest: int
    wrong: float


def power(
    measured: FloatArray,
    rule: StopRule,
    rng: np.random.Generator,
    *,
    effect: float | None = None,
    wanted: float = 0.8,
    longest: int = 2_000,
    paths: int = _PATHS,
    block: int = 4,
) -> Power | None:
    """Return the power of a stop rule on futures resampled from measured differences.

    Parameters
    ----------
    measured : float64 array, shape (n,)
        As `vfr.experiments.sequential.independent` returns them.
    rule : StopRule
    rng : numpy.random.Generator
    effect : float, optional
        Mean of the futures; by default the measured mean, which is itself uncertain.
    wanted : float
        Power, 0-1.
    longest : int
        Values of a future.
    paths : int
        Futures.
    block : int
        Values that are drawn together, so that spells of good and bad luck stay together.

    Returns
    -------
    Power or None
        None below 20 values or where they do not vary.

    Examples
    --------
    >>> found = power(np.random.default_rng(0).normal(0.5, 1.0, 100), StopRule(), np.random.default_rng(1), effect=0.5)
    >>> 30 < found.required < 90
    True
    """
    if measured.size < _FEWEST or not np.ptp(measured) > 0:
        return None
    mean = float(measured.mean())
    true = mean if effect is None else effect
    stopped, side = _stops(measured - mean + true, rule, rng, longest, paths, block)
    right = np.sort(stopped[(side == np.sign(true)) & (side != 0)])
    grid = [n for n in _grid(longest) if n >= rule.first]
    rank = int(np.ceil(wanted * paths))
    return Power(
        effect=true,
        wanted=wanted,
        at=tuple((n, float(np.searchsorted(right, n, side="right") / paths)) for n in grid),
        required=int(right[rank - 1]) if right.size >= rank else None,
        longest=longest,
        wrong=float(((side == -np.sign(true)) & (side != 0)).mean()),
    )


def _stops(
    values: FloatArray, rule: StopRule, rng: np.random.Generator, longest: int, paths: int, block: int
) -> tuple[FloatArray, FloatArray]:
    """Return when each future stops (0: never) and for which side."""
    at_once = max(_CELLS // longest, 1)
    parts = []
    for begun in range(0, paths, at_once):
        draws = min(at_once, paths - begun)
        # Whole resamples one behind the other: a future may be longer than what was measured.
        times = -(-longest // values.size)
        rows = block_rows(values.size, block, draws * times, rng).reshape(draws, -1)[:, :longest]
        parts.append(first_stop(confidence_sequence(values[rows], rule), rule))
    stopped, side = (np.concatenate(found).astype(np.float64) for found in zip(*parts, strict=True))
    return stopped, side


def _grid(longest: int) -> list[int]:
    """Return round numbers of values up to the longest future."""
    rounds = [k * 10**e for e in range(1, 6) for k in (1, 2, 5)]
    return sorted({*(n for n in rounds if n < longest), longest})
