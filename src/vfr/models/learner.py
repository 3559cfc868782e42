"""What every learner offers: fit rows to a target, dump the result as bytes, load it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np

from vfr.typing import FloatArray, IntArray, Matrix32, Target

__all__ = ["MOST_SEED", "Learner", "Params", "Rows", "Scorer"]

MOST_SEED: Final = 2**31 - 1
"""Largest seed that every learner takes as it is: of a larger one some keep the low bits only, others none."""

Params: TypeAlias = Mapping[str, float | int | str | bool]
"""Hyper-parameters by name; what is not named keeps the learner's own default."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Design rows with their outcomes.

    Parameters
    ----------
    X : float32 array, shape (n, K), or (n, L, K) where the learner looks back over L > 1 sessions, oldest first
        NaN where unknown.
    y : float64 array, shape (n,)
        0 or 1 for direction; the rank of the excess return within its session, -0.5 to 0.5, for excess.
    weight : float64 array, shape (n,)
        Recency and class weights; not negative.
    session : int64 array, shape (n,)
        Number of each row's session, ascending: rows of a session are a cross-section.
    """

    X: Matrix32
    y: FloatArray
    weight: FloatArray
    session: IntArray

    def joined(self, later: Rows) -> Rows:
        """Return these rows followed by later ones."""
        return Rows(
            np.concatenate([self.X, later.X]),
            np.concatenate([self.y, later.y]),
            np.concatenate([self.weight, later.weight]),
            np.concatenate([self.session, later.session]),
        )


class Scorer(Protocol):
    """A fitted model of one target; higher scores mean more likely up, or a higher excess return."""

    def score(self, X: Matrix32) -> FloatArray:
        """Return one raw score per design row, shape (M,): a logit for direction, a rank for excess."""

    def dump(self) -> bytes:
        """Return the model as bytes that hold data only; loading them gives the same scores."""

    def importance(self, names: Sequence[str]) -> Mapping[str, float]:
        """Return the share of each design column in the model; shares sum to 1 unless the model is empty."""


class Learner(Protocol):
    """Fits scorers; the same rows and seed give the same bytes. Several fits may run side by side."""

    @property
    def name(self) -> str:
        """Member name of the contract."""

    @property
    def suffix(self) -> str:
        """Ending of the artifact's file names, without the dot."""

    @property
    def lookback(self) -> int:
        """Sessions a row looks back over, its own included: 1 for all but sequence learners."""

    @property
    def watches(self) -> bool:
        """Whether `fit` wants later rows, purged from the training rows, to decide when to stop."""

    def unavailable(self) -> str | None:
        """Return why this installation cannot fit it, naming the remedy; None if it can."""

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the design columns it reads, of those on offer and in their order."""

    def max_rows(self, n_names: int) -> int:
        """Return the training rows beyond which a sample is as good and much cheaper, for a universe of that size."""

    def params(self, n_rows: int, target: Target) -> Params:
        """Return the hyper-parameters used for that many rows, fixed before any outcome is seen."""

    def fit(
        self, rows: Rows, *, target: Target, seed: int, watch: Rows | None = None, tuned: Params | None = None
    ) -> Scorer:
        """Fit rows to a target.

        Parameters
        ----------
        rows : Rows
        target : {"direction", "excess"}
        seed : int
        watch : Rows, optional
            Later rows whose label intervals meet none of the training rows': they decide when to stop.
        tuned : mapping, optional
            Hyper-parameters that replace those of `params`.
        """

    def load(self, blob: bytes) -> Scorer:
        """Read what `dump` wrote.

        Raises
        ------
        ArtifactCorrupt
            If the bytes are no such model.
        """
