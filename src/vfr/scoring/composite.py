"""The classic score: sub-factors to factors to composite, missing parts left out, every point accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from vfr.errors import DatasetCorrupt
from vfr.factors.board import Board
from vfr.factors.registry import SUB_FACTORS
from vfr.factors.scores import FACTOR_NAMES, SubFactor
from vfr.scoring.table import DEFAULT, ScoreTable
from vfr.typing import FloatArray, IntArray

__all__ = ["Scores", "combine", "score"]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The classic score of S symbols (any trailing shape), with where each point came from.

    Parameters
    ----------
    factors : float64 array, shape (5, S)
        Factor scores 0-100 in the order of `FACTOR_NAMES`; NaN where no sub-factor is known.
    factor_weights : float64 array, shape (5, S)
        Effective weights: tilted, missing factors left out, summing to 1 (0 throughout where nothing is known).
    factor_coverage : float64 array, shape (5, S)
        0-1: share of the factor's sub-factor weight that is known.
    weights, contributions : float64 arrays, shape (K, S)
        Effective weight of each sub-factor (summing to 1) and its points (summing to `composite`); 0 where unknown.
    composite : float64 array, shape S
        0-100; NaN where nothing is known.
    coverage : float64 array, shape S
        0-1: sum over factors of tilted weight times factor coverage.
    """

    factors: FloatArray
    factor_weights: FloatArray
    factor_coverage: FloatArray
    weights: FloatArray
    contributions: FloatArray
    composite: FloatArray
    coverage: FloatArray

    def take(self, places: IntArray) -> Scores:
        """Return the given symbols, in the given order (last axis)."""
        return Scores(**{field.name: getattr(self, field.name)[..., places] for field in fields(self)})


def score(
    board: Board,
    table: ScoreTable = DEFAULT,
    columns: IntArray | None = None,
    sub_factors: Mapping[str, SubFactor] = SUB_FACTORS,
) -> Scores:
    """Score the symbols of a board.

    Parameters
    ----------
    board : Board
    table : ScoreTable
    columns : int64 array, shape (S,), optional
        Symbols wanted, as columns of the board; all of them by default.
    sub_factors : mapping
        Registry the board was made with.

    Raises
    ------
    DatasetCorrupt
        If the board holds a sub-factor that is not registered.
    """
    pick = slice(None) if columns is None else columns
    return combine(
        board.scores.score[:, 0, pick], board.scores.market_cap[0, pick], board.scores.names, table, sub_factors
    )


def combine(
    scores: FloatArray,
    market_cap: FloatArray,
    names: Sequence[str],
    table: ScoreTable = DEFAULT,
    sub_factors: Mapping[str, SubFactor] = SUB_FACTORS,
) -> Scores:
    """Combine sub-factor scores into factor scores and the composite.

    Parameters
    ----------
    scores : float64 array, shape (K, *S)
        0-100; NaN where unknown.
    market_cap : float64 array, shape S
        USD; NaN where unknown.
    names : sequence of str, length K
        Sub-factor of each row.
    table : ScoreTable
    sub_factors : mapping
        Where the weight of each name is looked up.

    Notes
    -----
    A missing sub-factor is left out and the weights of its factor renormalised; a factor without any is left out and
    the factor weights renormalised. Every sub-factor's effective weight is positive, so the composite rises with each.

    Raises
    ------
    DatasetCorrupt
        If a name is not registered.
    """
    factor_of, nominal = _registered(names, sub_factors)
    known = np.isfinite(scores)
    filled = np.where(known, scores, 0.0)
    present = nominal.reshape(-1, *[1] * market_cap.ndim) * known
    factors = np.full((5, *market_cap.shape), np.nan)
    coverage = np.zeros_like(factors)
    within = np.zeros_like(present)
    for f in range(len(FACTOR_NAMES)):
        rows = factor_of == f
        if not rows.any():
            continue
        held = present[rows].sum(axis=0)
        coverage[f] = held / nominal[rows].sum()
        within[rows] = present[rows] / np.where(held > 0, held, 1.0)
        factors[f] = np.where(held > 0, (within[rows] * filled[rows]).sum(axis=0), np.nan)
    tilted = table.tilted(market_cap)
    held = tilted * (coverage > 0)
    total = held.sum(axis=0)
    factor_weights = held / np.where(total > 0, total, 1.0)
    weights = factor_weights[factor_of] * within
    contributions = weights * filled
    return Scores(
        factors=factors,
        factor_weights=factor_weights,
        factor_coverage=coverage,
        weights=weights,
        contributions=contributions,
        composite=np.where(total > 0, np.clip(contributions.sum(axis=0), 0.0, 100.0), np.nan),
        coverage=np.clip((tilted * coverage).sum(axis=0), 0.0, 1.0),
    )


def _registered(names: Sequence[str], sub_factors: Mapping[str, SubFactor]) -> tuple[IntArray, FloatArray]:
    """Factor number [K] and weight within its factor [K] of each sub-factor."""
    strangers = [name for name in names if name not in sub_factors]
    if strangers:
        raise DatasetCorrupt(f"the stored scores hold {strangers[0]}, which this version does not know: import again")
    factor_of = np.array([FACTOR_NAMES.index(sub_factors[name].factor) for name in names], dtype=np.int64)
    return factor_of, np.array([sub_factors[name].weight for name in names], dtype=np.float64)
