"""Which model version of each member may answer: by horizon, data set, feature specification, status and date.

Behind every version stand those that answer if its files turn out to be damaged: behind a champion the champions before
it, by the log of promotions; behind a refit of the past the refits before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr.typing import Horizon
from vfr.workflows.forecaster import MlUnavailable

if TYPE_CHECKING:
    from vfr.models.prediction import ModelCard
    from vfr.models.statuses import Place

__all__ = ["SPARES", "Choice", "Wanted", "choose", "none_reason"]

SPARES: Final = 3
"""Versions kept behind one: each that is damaged costs the time of finding out."""


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
    """A member's version, or why it has none (`status` is the short form of `reason`).

    `spares` answer, in order, if the version's files turn out to be damaged; `passed_over` says why the champion in
    office is not the version, where it is not.
    """

    member: str
    card: ModelCard | None
    status: str
    reason: str | None
    spares: tuple[ModelCard, ...] = ()
    passed_over: str | None = None


def choose(
    cards: Sequence[ModelCard],
    members: Sequence[str],
    learners: Collection[str],
    wanted: Wanted,
    *,
    succession: Mapping[Place, tuple[str, ...]] | None = None,
    unreadable: Mapping[str, str] | None = None,
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
    succession : mapping, optional
        By place, the champion's id and those of the champions before it, latest first.
    unreadable : mapping, optional
        Why the card of a version cannot be read, by id.
    """
    lines, broken = succession or {}, unreadable or {}
    near = [c for c in cards if c.horizon == wanted.horizon and c.data_name == wanted.data_name]
    return tuple(_choose(near, member, learners, wanted, lines, broken) for member in members)


def _choose(
    cards: Sequence[ModelCard],
    member: str,
    learners: Collection[str],
    wanted: Wanted,
    lines: Mapping[Place, tuple[str, ...]],
    broken: Mapping[str, str],
) -> Choice:
    if member not in learners:
        return Choice(member, None, "no_learner", "no learner of this name yet")
    mine = [c for c in cards if c.member == member]
    fitting = [c for c in mine if c.feature_spec == wanted.feature_spec]
    line = lines.get((member, wanted.horizon, wanted.data_name), ())
    if wanted.past:
        standing = [c for c in fitting if c.status in ("champion", "historical")]
    else:
        standing = [c for c in fitting if c.status == "champion" or c.model_id in line]
        standing.sort(key=lambda c: line.index(c.model_id) if c.model_id in line else -1)
    # A request about the past takes what had ended before that day; the latest session is what champions were made at.
    end = wanted.session - np.timedelta64(int(wanted.past), "D")
    mature = [c for c in standing if np.datetime64(c.labels_end, "D") <= end]
    if wanted.past:
        mature.sort(key=lambda c: c.labels_end, reverse=True)
    if mature:
        reason = None
        if line and not wanted.past and mature[0].model_id != line[0]:
            reason = broken.get(line[0], f"{line[0]}: does not fit this VFR or this data")
        return Choice(member, mature[0], "ok", None, tuple(mature[1 : 1 + SPARES]), reason)
    return _none(member, mine, standing, wanted, broken.get(line[0]) if line else None)


def _none(
    member: str, mine: Sequence[ModelCard], standing: Sequence[ModelCard], wanted: Wanted, damaged: str | None
) -> Choice:
    """Say why a member has no version."""
    if damaged is not None and not wanted.past:
        return Choice(member, None, "corrupt", damaged)
    if mine and not any(c.feature_spec == wanted.feature_spec for c in mine):
        return Choice(member, None, "mismatch", "trained for another feature specification; train again")
    if standing or wanted.past:
        return Choice(member, None, "no_model_as_of", f"no version had finished learning by {wanted.session}")
    return Choice(member, None, "no_model", "no version has passed the gates" if mine else "was never trained")


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
    about: dict[str, list[str]] = {}
    for choice in choices:
        about.setdefault(choice.reason or "", []).append(choice.member)
    reasons = "; ".join(f"{', '.join(members)}: {reason}" for reason, members in about.items())
    statuses = {c.status for c in choices}
    if statuses == {"no_learner"}:
        return MlUnavailable("UNKNOWN_MEMBER", f"none of the members asked for has a learner here ({reasons})")
    broken = [p for p in problems if f"-{wanted.horizon}-" in p]
    if "corrupt" in statuses or (broken and not wanted.past):
        return MlUnavailable("ARTIFACT_CORRUPT", f"stored versions fail their checks ({reasons})")
    if "no_model_as_of" in statuses:
        return MlUnavailable("NO_MODEL_AS_OF", f"no version had finished learning by {wanted.session}")
    return MlUnavailable("NO_MODEL", f"no version fits horizon {wanted.horizon} ({reasons})")
