"""Which model version of each member may answer: by horizon, data set, feature specification, status and date."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vfr.typing import Horizon
from vfr.workflows.forecaster import MlUnavailable

if TYPE_CHECKING:
    from vfr.models.prediction import ModelCard

__all__ = ["Choice", "Wanted", "choose", "none_reason"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a version must fit.

    Parameters
    ----------
    horizon : Horizon
    data_name, feature_spec : str
    session : numpy.datetime64
        The session forecast from: everything the version learned from had happened by its close.
    past : bool
        The session is not the latest: then a walk-forward refit of that time answers too.
    """

    horizon: Horizon
    data_name: str
    feature_spec: str
    session: np.datetime64
    past: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A member's version, or why it has none (`status` is the short form of `reason`)."""

    member: str
    card: ModelCard | None
    status: str
    reason: str | None


def choose(
    cards: Sequence[ModelCard], members: Sequence[str], learners: Collection[str], wanted: Wanted
) -> tuple[Choice, ...]:
    """Choose for each member the version whose learning ended last among those that fit.

    Parameters
    ----------
    cards : sequence of ModelCard
        Newest first, which decides between equals.
    members : sequence of str
    learners : collection of str
        Members that can be trained here.
    wanted : Wanted
    """
    return tuple(_choose(cards, member, learners, wanted) for member in members)


def _choose(cards: Sequence[ModelCard], member: str, learners: Collection[str], wanted: Wanted) -> Choice:
    if member not in learners:
        return Choice(member, None, "no_learner", "no learner of this name yet")
    mine = [c for c in cards if (c.member, c.horizon, c.data_name) == (member, wanted.horizon, wanted.data_name)]
    fitting = [c for c in mine if c.feature_spec == wanted.feature_spec]
    if mine and not fitting:
        return Choice(member, None, "mismatch", "trained for another feature specification; train again")
    allowed = ("champion", "historical") if wanted.past else ("champion",)
    standing = [c for c in fitting if c.status in allowed]
    # A request about the past takes what had ended before that day; the latest session is what champions were made at.
    end = wanted.session - np.timedelta64(int(wanted.past), "D")
    mature = [c for c in standing if np.datetime64(c.labels_end, "D") <= end]
    if mature:
        return Choice(member, max(mature, key=lambda c: c.labels_end), "ok", None)
    if standing or wanted.past:
        return Choice(member, None, "no_model_as_of", f"no version had finished learning by {wanted.session}")
    return Choice(member, None, "no_model", "no version has passed the gates")


def none_reason(choices: Sequence[Choice], wanted: Wanted, problems: Collection[str]) -> MlUnavailable:
    """Say why no member has a version.

    Parameters
    ----------
    choices : sequence of Choice
        None of them with a card.
    wanted : Wanted
    problems : collection of str
        Ids of stored versions that fail their checks.
    """
    reasons = "; ".join(f"{c.member}: {c.reason}" for c in choices)
    statuses = {c.status for c in choices}
    if statuses == {"no_learner"}:
        return MlUnavailable("UNKNOWN_MEMBER", f"none of the members asked for has a learner here ({reasons})")
    broken = [p for p in problems if f"-{wanted.horizon}-" in p]
    if broken and not wanted.past:
        return MlUnavailable("ARTIFACT_CORRUPT", f"{len(broken)} stored versions fail their checks ({reasons})")
    if "no_model_as_of" in statuses:
        return MlUnavailable("NO_MODEL_AS_OF", f"no version had finished learning by {wanted.session}")
    return MlUnavailable("NO_MODEL", f"no version fits horizon {wanted.horizon} ({reasons})")
