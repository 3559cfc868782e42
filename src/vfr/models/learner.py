"""What every learner offers: fit rows to a target, dump the result as text, load it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from vfr.typing import FloatArray, Matrix32, Target

__all__ = ["Learner", "Scorer"]


class Scorer(Protocol):
    """A fitted model of one target; higher scores mean more likely up, or a higher excess return."""

    def score(self, X: Matrix32) -> FloatArray:
        """Return one raw score per design row, shape (M,): a logit for direction, a rank for excess."""

    def dump(self) -> bytes:
        """Return the model as text; loading it gives the same scores."""

    def importance(self, names: Sequence[str]) -> Mapping[str, float]:
        """Return the share of each design column in the model; shares sum to 1 unless the model is empty."""


class Learner(Protocol):
    """Fits scorers; the same rows and seed give the same bytes. Several fits may run in threads side by side."""

    @property
    def name(self) -> str:
        """Member name of the contract."""

    @property
    def suffix(self) -> str:
        """Ending of the artifact's file names, without the dot."""

    def max_rows(self, n_names: int) -> int:
        """Return the training rows beyond which a sample is as good and much cheaper, for a universe of that size."""

    def params(self, n_rows: int, target: Target) -> Mapping[str, object]:
        """Return the hyper-parameters used for that many rows, fixed before any outcome is seen."""

    def fit(self, X: Matrix32, y: FloatArray, weight: FloatArray, *, target: Target, seed: int) -> Scorer:
        """Fit design rows, shape (n, K), NaN unknown, to labels (n,): 0 or 1 for direction, ranks for excess."""

    def load(self, blob: bytes) -> Scorer:
        """Read what `dump` wrote.

        Raises
        ------
        ArtifactCorrupt
            If the bytes are no such model.
        """
