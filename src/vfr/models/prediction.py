"""What models return and what they are known by; the protocols that stores and learners implement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from vfr.models.statuses import Place, Status
from vfr.typing import MEMBER_NAMES, FloatArray, Horizon, Matrix32

if TYPE_CHECKING:
    from vfr.models.sections import Sections

__all__ = [
    "CARD_VERSION",
    "MEMBER_NAMES",
    "ModelCard",
    "ModelStore",
    "Prediction",
    "Predictor",
    "SharingPredictor",
    "Status",
]

CARD_VERSION: Final = 2
"""Raised whenever a field changes its meaning; a card without one is the first."""


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
    """Identity and evidence of one stored version; everything in it is JSON.

    Parameters
    ----------
    model_id, member, horizon, status, created_at : str
        `status` lives in the log of versions, not in the stored card.
    data_name, data_version : str
        Name and content hash of the data set it learned from.
    feature_spec, feature_names : str, tuple of str
        Hash of the specification, and the raw features in the order that `Predictor.predict` takes them.
    labels_end : str
        Last session whose price any label, calibrator or conformal step of this version saw (ISO date).
    train_start : str
        First training session (ISO date).
    n_rows, n_dates : int
        Training rows, and training sessions they were drawn from.
    seed : int
    params : mapping
        Hyper-parameters per target, the recipe, and how many index members the data priced.
    metrics : mapping
        Figures out of fold, each beside its baseline and its 95 % interval; see `vfr.models.card_text`.
    importance : mapping
        Share of each feature in the excess model.
    gates : mapping
        The verdict (`vfr.validation.gates.Verdict.to_dict`); empty if it was never judged.
    libraries : mapping
        Version of every library that made it or serves it.
    files : mapping
        sha256 by file name.
    card_version : int
        1 for a card that does not say.
    folds : tuple of mappings
        Each walk-forward refit: name, training span, last label, test span, training rows.
    tuning : mapping
        ``trials``, the hyper-parameter settings tried, and ``source`` of those used.
    device : str
        What it was fitted on.
    python, machine : str
        Interpreter and platform that fitted it.
    parity : mapping
        Size of the stored sample that every load replays: ``names`` and ``sessions``.
    training_seconds, peak_rss_mb : float or None
        None where they were not measured.
    limitations : tuple of str
        What it must not be used for, in words.
    evidence : str or None
        Id of the evidence report of its data, horizon and learners.
    """

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
    card_version: int = CARD_VERSION
    folds: tuple[Mapping[str, str | int], ...] = ()
    tuning: Mapping[str, object] = field(default_factory=lambda: {"trials": 0, "source": "defaults"})
    device: str = "cpu"
    python: str = ""
    machine: str = ""
    parity: Mapping[str, int] = field(default_factory=dict)
    training_seconds: float | None = None
    peak_rss_mb: float | None = None
    limitations: tuple[str, ...] = ()
    evidence: str | None = None

    @property
    def place(self) -> Place:
        """What it competes for: one version at most is champion for a member, a horizon and a data set."""
        return self.member, self.horizon, self.data_name


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


@runtime_checkable
class SharingPredictor(Predictor, Protocol):
    """A version that can share the rows it reads with others that are asked about the same."""

    def predict_shared(self, sections: Sections) -> Prediction:
        """Predict as `predict` does of `sections.X`."""


class ModelStore(Protocol):
    """Where versions live: written atomically, verified on load, never unpickled."""

    def save(self, card: ModelCard, files: Mapping[str, bytes]) -> ModelCard:
        """Store a version's files and card atomically and return the card with its sha256 table and its status."""

    def cards(self) -> Sequence[ModelCard]:
        """Return every readable card, newest first; for the others see `unreadable`."""

    def card(self, model_id: str) -> ModelCard:
        """Return the card of a version.

        Raises
        ------
        ArtifactCorrupt
            If it fails its checks.
        NoModel
            If there is no such version.
        """

    def unreadable(self) -> Mapping[str, str]:
        """Return model ids whose card fails its checks, with the reason; cheap enough for every forecast."""

    def succession(self) -> Mapping[Place, tuple[str, ...]]:
        """Return, for each place with a champion, its id and then those it would be rolled back to, latest first."""

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

    def read(self, model_id: str) -> Mapping[str, bytes]:
        """Return the verified files of a version; raises as `load` does."""

    def size(self, model_id: str) -> int:
        """Return how many bytes the files of a version have, without reading them; 0 where there is none."""

    def set_status(self, model_id: str, status: Status, *, who: str, why: str, instead_of: str | None = None) -> None:
        """Change a version's status; one append-only log row for each step on the way.

        Raises
        ------
        ModelError
            If there is no way from its status to that one (see `vfr.models.statuses.steps`), or another version than
            `instead_of`, where that is named, is champion of its place.
        """

    def log(self) -> Sequence[Mapping[str, Any]]:
        """Return every row of the log of versions, oldest first."""
