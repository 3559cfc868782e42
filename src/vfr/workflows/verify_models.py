"""Whether every stored version would be served as it was stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vfr.errors import VfrError
from vfr.models.prediction import ModelStore

__all__ = ["Verification", "verify"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of the store found.

    Parameters
    ----------
    checked : int
        Versions looked at.
    problems : mapping
        By model id, or by file name for the log: what keeps it from being believed or served.
    notes : mapping
        By model id: what keeps a version that nobody relies on from being served.
    """

    checked: int
    problems: Mapping[str, str]
    notes: Mapping[str, str]


def verify(store: ModelStore) -> Verification:
    """Check the chain of the log, every card and file against its sha256, and replay every stored sample.

    A version for another feature specification cannot be replayed: a problem for a champion or shadow, a note for
    any other.
    """
    from vfr.features import spec_hash

    problems: dict[str, str] = dict(store.problems())
    notes: dict[str, str] = {}
    try:
        cards, unreadable = store.cards(), store.unreadable()
    except VfrError:  # The log itself cannot be read; it stands among the problems.
        return Verification(0, problems, notes)
    spec = spec_hash()
    for card in cards:
        if card.model_id in problems:
            continue
        if card.feature_spec != spec and card.status not in ("champion", "shadow"):
            notes[card.model_id] = f"{card.model_id}: made for feature specification {card.feature_spec}"
            continue
        try:
            store.load(card.model_id)
        except VfrError as error:
            problems[card.model_id] = error.message
    return Verification(len(cards) + len(unreadable), problems, notes)
