"""What models return and what they are known by; the protocols that stores and learners implement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from vfr.typing import MEMBER_NAMES, FloatArray, Horizon, Matrix32

__all__ = ["MEMBER_NAMES", "ModelCard", "ModelStore", "Prediction", "Predictor", "Status"]

Status: TypeAlias = Literal["staged", "shadow", "champion", "retired", "historical"]
"""`historical`: a walk-forward refit kept to answer ``as_of`` requests in the past; it is never promoted."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """One model's (or ensemble's) prediction for M rows.

    Parameters
    ----------
    p_up : float64 array, shape (M,)
        Calibrated probability that the return over the horizon is above 0 (direction target).
    expected_excess : float64 array, shape (M,)
        Expected return over the universe median, a fraction (excess target).
    low, high : float64 arrays, shape (M,)
        Conformal interval of the excess return at `level`.
    confidence : float64 array, shape (M,)
        Calibrated probability that the sign of the predicted excess is right.
    level : float
        Nominal coverage of the interval.

    Notes
    -----
    A row that cannot be predicted (every feature unknown) is NaN throughout.
    """

    p_up: FloatArray
    expected_excess: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: FloatArray
    level: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Identity and evidence of one stored version; everything in it is JSON."""

    model_id: str
    member: str
    horizon: Horizon
    status: Status
    created_at: str
    data_name: str
    data_version: str
    feature_spec: str
    feature_names: tuple[str, ...]
    labels_end: str
    """Last session whose price any label, calibrator or conformal step of this version saw (ISO date)."""
    train_start: str
    n_rows: int
    n_dates: int
    seed: int
    params: Mapping[str, object]
    metrics: Mapping[str, object]
    importance: Mapping[str, float]
    gates: Mapping[str, object]
    libraries: Mapping[str, str]
    files: Mapping[str, str]
    """sha256 by file name."""


class Predictor(Protocol):
    """A loaded model version."""

    @property
    def card(self) -> ModelCard:
        """Identity and evidence."""

    def predict(self, X: Matrix32) -> Prediction:
        """Predict the last of L sessions of raw feature rows, shape (L, M, F), columns in `card.feature_names` order.

        Each session's rows must be one whole cross-section (every symbol of the universe) where the model ranks its
        inputs within the session. L = 1 is enough for all but a sequence model (`Learner.lookback`), which takes
        missing sessions as unknown; more are not read.
        """


class ModelStore(Protocol):
    """Where versions live: written atomically, verified on load, never unpickled."""

    def save(self, card: ModelCard, files: Mapping[str, bytes]) -> ModelCard:
        """Store a version's files and card atomically and return the card with its sha256 table."""

    def cards(self) -> Sequence[ModelCard]:
        """Return every readable card, newest first; unreadable ones are skipped, see `problems`."""

    def stamp(self) -> str:
        """Return a key that changes whenever a version is stored or changes status; cheap enough for every request."""

    def problems(self) -> Mapping[str, str]:
        """Return model ids whose card or files fail their checks, with the reason."""

    def load(self, model_id: str) -> Predictor:
        """Load and verify a version.

        Raises
        ------
        ArtifactCorrupt
            If a file is missing, truncated or differs from its sha256, or the parity sample differs.
        NoModel
            If there is no such version.
        """

    def set_status(self, model_id: str, status: Status, *, who: str, why: str) -> None:
        """Change a version's status; one append-only log row each time."""
