"""The scoreboard of machine learning: what every member said of one session, kept so that any question is a lookup.

For each horizon it holds every member's prediction of the whole universe, the members that have none and why, and what
any set of members has earned together. A question (horizon, members, method, switches) is answered by combining what is
kept, with numpy alone: see `vfr.workflows.recombine`. The forecast that is computed when it is asked for goes the same
way, so both give the same bits.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from vfr.typing import Horizon

if TYPE_CHECKING:
    import numpy as np

    from vfr.ensemble.asking import MemberResult
    from vfr.ensemble.combine import Base

__all__ = ["Answer", "BoardKey", "HorizonAnswers", "MlBoard", "MlBoardStore", "Universe"]


@dataclass(frozen=True, slots=True)
class Universe:
    """The session forecast from.

    Parameters
    ----------
    data_name, data_version : str
    as_of : numpy.datetime64
        The session.
    symbols : tuple of str, length N
    past : bool
        The data holds later sessions.
    """

    data_name: str
    data_version: str
    as_of: np.datetime64
    symbols: tuple[str, ...]
    past: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What one member said, or why nobody could be asked.

    Parameters
    ----------
    member : str
    versions : tuple of str
        Model ids that may answer, first choice first; empty where no version fits.
    status, reason : str, str or None
        Why no version fits, in short and as a sentence; ``ok`` and None where one does.
    passed_over : str or None
        Why a better version is not among them.
    result : MemberResult or None
        None where no version fits.
    importance : mapping of str to float
        Importance of each feature in the version that answered; empty where none did.
    """

    member: str
    versions: tuple[str, ...]
    status: str
    reason: str | None
    passed_over: str | None
    result: MemberResult | None
    importance: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class HorizonAnswers:
    """What the members said of one horizon.

    Parameters
    ----------
    horizon : Horizon
    answers : mapping of str to Answer
        By member; a member that is not in it has no learner.
    bases : mapping of tuple of str to Base
        What members have earned, by the sorted names of those that are asked together and have a version.
    base_rate : float
        Share of rises among the outcomes of this horizon known by the session; NaN if there were none.
    problems : tuple of str
        Model ids of stored versions that fail their checks; looked up only where a member has no version.
    computed_at : int
        Epoch milliseconds.
    sound : bool
        What members have earned could be read.
    """

    horizon: Horizon
    answers: Mapping[str, Answer]
    bases: Mapping[tuple[str, ...], Base]
    base_rate: float
    problems: tuple[str, ...]
    computed_at: int
    sound: bool = True


@dataclass(frozen=True, slots=True)
class BoardKey:
    """Everything a board was computed from; another key is another board.

    Parameters
    ----------
    data : str
        Stamp of the data set: its name and build.
    feature_spec : str
        Hash of the feature specification.
    models : str
        Stamp of the model store.
    earned : str
        Stamp of what training fitted for the ensembles.
    outcomes : str
        Data version that the journal was last settled with.
    """

    data: str
    feature_spec: str
    models: str
    earned: str
    outcomes: str


@dataclass(frozen=True, slots=True, eq=False)
class MlBoard:
    """One published state of machine learning: immutable, replaced as a whole."""

    key: BoardKey
    universe: Universe
    horizons: Mapping[Horizon, HorizonAnswers]

    def to_dict(self) -> dict[str, Any]:
        """Return who answers from it, as plain JSON types: by horizon and member, version, status, reason, latency."""
        return {
            "dataName": self.universe.data_name,
            "dataVersion": self.universe.data_version,
            "asOf": str(self.universe.as_of),
            "symbols": len(self.universe.symbols),
            "horizons": {
                horizon: {
                    "computedAt": found.computed_at,
                    "members": {member: _summary(answer) for member, answer in found.answers.items()},
                }
                for horizon, found in self.horizons.items()
            },
        }


class MlBoardStore(Protocol):
    """Where boards are published, one line of them for each data set."""

    def publish(self, board: MlBoard) -> None:
        """Put a board in the place of the one before; readers see the one or the other, whatever is killed when."""

    def latest(self, data_name: str) -> MlBoard | None:
        """Return the board of a data set; None where there is none that is whole and of this format."""

    def stamp(self, data_name: str) -> Hashable:
        """Return a key that changes whenever `latest` may; None without a board. Cheap enough for every request."""


def _summary(answer: Answer) -> dict[str, Any]:
    said = answer.result
    if said is None:
        return {"version": None, "status": answer.status, "reason": answer.reason, "latencyMs": None}
    reason = said.reason or said.warning
    return {"version": said.version, "status": said.status, "reason": reason, "latencyMs": round(said.latency_ms, 3)}
