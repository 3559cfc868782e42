"""Stacking: a non-negative meta-learner over members' out-of-fold predictions."""

from __future__ import annotations

from dataclasses import dataclass

from vfr.typing import FloatArray

__all__ = ["Stacker"]


@dataclass(frozen=True, slots=True, eq=False)
class Stacker:
    """Coefficients of M members for both targets (Wolpert 1992; non-negative as in Breiman 1996).

    Parameters
    ----------
    members : tuple of str, length M
    intercept : float
        Of the log-odds of P(up).
    direction : float64 array, shape (M,)
        Coefficients, at least 0, of the members' log-odds.
    excess : float64 array, shape (M,)
        Coefficients, at least 0, of the members' expected excess returns.
    beats_equal : bool
        Whether it beat equal weights on purged rows of its own; if not, equal weights answer in its place.
    verdict : str
        That comparison in a sentence, with its figures.
    """

    members: tuple[str, ...]
    intercept: float
    direction: FloatArray
    excess: FloatArray
    beats_equal: bool
    verdict: str
