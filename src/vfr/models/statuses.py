"""The life of a version, and what the log of versions says of all of them.

::

    staged ──> shadow ──> champion ──> retired
       │          ^            ^          │
       │          │            └──────────┤  rollback
       v          └───────────────────────┘  the same version trained again
    historical                               a refit that answers requests about the past; it stays what it is
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from vfr.errors import ModelError

__all__ = ["MOVES", "STATUSES", "Place", "Registered", "Registry", "Status", "replay", "steps"]

Status: TypeAlias = Literal["staged", "shadow", "champion", "retired", "historical"]
"""`historical`: a walk-forward refit kept to answer ``as_of`` requests in the past; it is never promoted."""

STATUSES: Final[tuple[Status, ...]] = get_args(Status)

Place: TypeAlias = tuple[str, str, str]
"""Member, horizon and name of the data set: one version at most is champion of each."""

MOVES: Final[Mapping[Status, Mapping[Status, tuple[Status, ...]]]] = {
    "staged": {"shadow": ("shadow",), "champion": ("shadow", "champion"), "historical": ("historical",)},
    "shadow": {"champion": ("champion",)},
    "champion": {"retired": ("retired",)},
    "retired": {"champion": ("champion",), "shadow": ("shadow",)},
    "historical": {},
}
"""Every allowed change of status, and the steps it takes; from retired to champion is a rollback."""

_REFUSED: Final[Mapping[Status, str]] = {
    "staged": "is staged: it becomes shadow or champion, or answers the past",
    "shadow": "is shadow: it becomes champion next",
    "champion": "is champion: it is retired when another one takes its place, or rolled back",
    "retired": "is retired: it comes back by a rollback, or as shadow when it is trained again",
    "historical": "is a walk-forward refit and answers requests about the past only",
}


def steps(before: Status, after: Status) -> tuple[Status, ...]:
    """Return the statuses a version takes on its way from one to another; none if it is there already.

    Raises
    ------
    ModelError
        If there is no way; the sentence says what there is instead.

    Examples
    --------
    >>> steps("staged", "champion")
    ('shadow', 'champion')
    """
    if before == after:
        return ()
    if after not in MOVES[before]:
        raise ModelError(f"it cannot become {after}: it {_REFUSED[before]}")
    return MOVES[before][after]


@dataclass(slots=True)
class Registered:
    """What the log says of one version; `place` is None where an older log does not say."""

    status: Status
    card_sha256: str
    place: Place | None


@dataclass(slots=True)
class Registry:
    """What the log says of all versions.

    `lines` holds, by place, the versions that were champion there, in the order in which a rollback goes back through
    them, latest last. The last one is in office unless its status says otherwise.
    """

    versions: dict[str, Registered] = field(default_factory=dict)
    lines: dict[Place, list[str]] = field(default_factory=dict)

    def succession(self) -> dict[Place, tuple[str, ...]]:
        """Return the lines with a champion in office, latest first."""
        return {
            place: tuple(reversed(line))
            for place, line in self.lines.items()
            if line and self.versions[line[-1]].status == "champion"
        }

    def champion_of(self, place: Place | None) -> str | None:
        """Return the id of the champion of a place."""
        line = self.lines.get(place, []) if place is not None else []
        return line[-1] if line and self.versions[line[-1]].status == "champion" else None

    def take_office(self, model_id: str, version: Registered) -> None:
        """Make a version champion of its place: on top of the line, or, from retirement, back to where it stood."""
        if version.place is None:
            return
        before = self.champion_of(version.place)
        if before is not None and before != model_id:
            self.versions[before].status = "retired"
        line = self.lines.setdefault(version.place, [])
        if model_id in line and version.status == "retired":
            del line[line.index(model_id) + 1 :]
        else:
            line[:] = [*(other for other in line if other != model_id), model_id]


def replay(rows: Iterable[Mapping[str, Any]], place_of: Callable[[str, str], Place | None]) -> Registry:
    """Read the log of versions from its first row to its last.

    Parameters
    ----------
    rows : iterable of mappings
        Each with ``event`` (``saved`` or ``status``), ``model_id`` and ``status``. Rows about versions that were never
        saved, or that name no status there is, say nothing.
    place_of : callable
        Asked, with the id and the card's sha256, for the place of a version whose row does not name it.
    """
    found = Registry()
    for row in rows:
        model_id, status = row.get("model_id"), row.get("status")
        if not isinstance(model_id, str) or status not in STATUSES:
            continue
        if row.get("event") == "saved":
            digest = str(row.get("card_sha256"))
            # Saved again: damaged files were replaced by the same version, which stays what it was.
            known = found.versions.get(model_id)
            place = _place_in(row) or place_of(model_id, digest)
            found.versions[model_id] = Registered(known.status if known else status, digest, place)
        elif model_id in found.versions:
            version = found.versions[model_id]
            if status == "retired" and row.get("by") not in (None, found.champion_of(version.place)):
                continue  # The row that put another in its place is not believed, so it was not replaced.
            if status == "champion":
                found.take_office(model_id, version)
            version.status = status
    return found


def _place_in(row: Mapping[str, Any]) -> Place | None:
    place = (row.get("member"), row.get("horizon"), row.get("data_name"))
    return place if all(isinstance(part, str) for part in place) else None  # type: ignore[return-value]
