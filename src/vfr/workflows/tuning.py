"""What tuning found, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vfr.models.learner import Params
from vfr.typing import Horizon, Target

__all__ = ["TargetSearch", "Tuned", "TuningStore"]


@dataclass(frozen=True, slots=True)
class TargetSearch:
    """The search of one target: mean score over the inner test sessions, of the defaults and of the best trial.

    `t` is the Newey-West t of the difference, session by session. `adopted` says whether the best trial is used.
    """

    params: Params
    adopted: bool
    default_score: float
    best_score: float
    t: float
    trials: int
    pruned: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """Hyper-parameters of one member at one horizon, chosen on rows whose labels end by `until` (ISO date).

    A fold whose training labels end earlier does not use them: for it they would be chosen with its own future.
    """

    member: str
    horizon: Horizon
    data_name: str
    data_version: str
    feature_spec: str
    until: str
    seed: int
    targets: Mapping[Target, TargetSearch]

    @property
    def trials(self) -> int:
        """Trials of both targets, pruned ones included."""
        return sum(search.trials for search in self.targets.values())

    def params(self, target: Target) -> Params | None:
        """Return what replaces the learner's defaults; None keeps them."""
        search = self.targets.get(target)
        return search.params if search is not None and search.adopted else None


class TuningStore(Protocol):
    """Keeps searches, so that a killed one goes on, and what they found."""

    def storage(self, key: str) -> Any:
        """Return optuna storage of a search; the same key gives the same trials."""

    def save(self, tuned: Tuned) -> None:
        """Keep what was found, in place of what was found before for that member, horizon and data set."""

    def found(self, data_name: str, horizon: Horizon, member: str) -> Tuned | None:
        """Return what was found last, None if nothing was."""
