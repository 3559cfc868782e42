"""How versions rise and fall: settled by a training run, promoted and rolled back by an operator, for a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from vfr.errors import ModelError, VfrError
from vfr.models.prediction import ModelCard, ModelStore
from vfr.models.statuses import Status
from vfr.typing import HORIZONS
from vfr.validation.gates import Verdict
from vfr.workflows.train_record import FILE, FewDates, Paired, Record, paired

__all__ = ["Change", "Comparison", "StopAt", "compare", "promote", "rollback", "settle"]

StopAt: TypeAlias = Literal["shadow", "champion", "historical"]

_PASSED: Final = "every gate passed"
_AS_OF: Final = "trained as of a past session"
_AGAIN: Final = "trained again, every gate passed; it was retired before, so it waits for `vfr models promote`"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A challenger beside the champion of its place, out of fold on the same rows; `reason` says why not."""

    champion: str | None
    challenger: str
    paired: Paired | None
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison for JSON."""
        return {
            "champion": self.champion,
            "challenger": self.challenger,
            "comparable": self.paired is not None,
            "reason": self.reason,
            "paired": None if self.paired is None else asdict(self.paired),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A change of champion: its card now, how it compares, and versions passed over because they are damaged."""

    card: ModelCard
    comparison: Comparison
    passed_over: Mapping[str, str]


def settle(store: ModelStore, card: ModelCard, verdict: Verdict, *, who: str, stop_at: StopAt = "champion") -> Status:
    """Carry a version that a training run has stored as far as its verdict lets it, with a log row for each step.

    Parameters
    ----------
    store : ModelStore
    card : ModelCard
        As `ModelStore.save` returned it.
    verdict : Verdict
        One that refuses leaves the version where it is.
    who : str
    stop_at : {"champion", "shadow", "historical"}
        Where a version that passes ends; ``historical`` for a run as of a past session.

    Returns
    -------
    Status
        What it is now. A version that was retired and is trained again comes back as shadow and stays there: whoever
        rolled it back had a reason.
    """
    if not verdict.passed:
        return card.status
    if card.status == "staged":
        return _set(store, card, stop_at, who, _AS_OF if stop_at == "historical" else _PASSED)
    if card.status == "shadow" and stop_at == "champion" and not _came_back(store, card.model_id):
        return _set(store, card, "champion", who, _PASSED)
    if card.status == "retired" and stop_at != "historical":
        return _set(store, card, "shadow", who, _AGAIN)
    return card.status


def _set(store: ModelStore, card: ModelCard, status: Status, who: str, why: str) -> Status:
    store.set_status(card.model_id, status, who=who, why=why)
    return status


def _came_back(store: ModelStore, model_id: str) -> bool:
    """Return whether a shadow version was retired before; that its files were mended since changes nothing."""
    own = [row for row in store.log() if row.get("model_id") == model_id and row.get("event") == "status"]
    return bool(own) and own[-1].get("from") == "retired"


def promote(store: ModelStore, model_id: str, *, data_name: str | None, who: str, why: str) -> Change:
    """Make a staged or shadow version champion of its place.

    Parameters
    ----------
    store : ModelStore
    model_id : str
    data_name : str or None
        The data set in use.
    who, why : str
        Kept in the log.

    Raises
    ------
    NoModel
        If there is no such version.
    ModelError
        If it is neither staged nor shadow, its gates refused it or never judged it, or it was trained on another data
        set.
    ArtifactCorrupt
        If its files fail their checks, or it was made for another feature specification.
    """
    card = store.card(model_id)
    if card.status not in ("staged", "shadow"):
        raise ModelError(f"{model_id}: is {card.status}; only a staged or shadow version can be promoted")
    if not card.gates.get("passed"):
        refused = card.gates.get("refused")
        names = ", ".join(str(name) for name in refused) if isinstance(refused, list) else ""
        raise ModelError(f"{model_id}: refused by its gates ({names or 'not judged'}); it cannot be promoted")
    if card.data_name != data_name:
        raise ModelError(
            f"{model_id}: was trained on {card.data_name}, in use is {data_name}; `vfr data use {card.data_name}` first"
        )
    store.load(model_id)
    comparison = compare(store, card)
    store.set_status(model_id, "champion", who=who, why=why)
    return Change(store.card(model_id), comparison, {})


def rollback(store: ModelStore, model_id: str, *, who: str, why: str) -> Change:
    """Retire a champion and bring back the one it replaced, by the log of promotions; again and again walks back.

    A damaged predecessor is passed over, and named.

    Raises
    ------
    NoModel
        If there is no such version.
    ModelError
        If it is not champion, no earlier champion can answer, or another process made another one champion meanwhile.
    """
    line = next((line for line in store.succession().values() if line[0] == model_id), None)
    if line is None:
        raise ModelError(f"{model_id}: is {store.card(model_id).status}, not champion; there is nothing to roll back")
    passed_over: dict[str, str] = {}
    for earlier in line[1:]:
        try:
            card = store.load(earlier).card
        except VfrError as error:
            passed_over[earlier] = error.message
            continue
        comparison = compare(store, card)
        store.set_status(earlier, "champion", who=who, why=why, instead_of=model_id)
        return Change(store.card(earlier), comparison, passed_over)
    found = f" ({'; '.join(passed_over.values())})" if passed_over else ""
    raise ModelError(f"{model_id}: no earlier champion to bring back{found}; `vfr ml disable` switches predictions off")


def compare(store: ModelStore, challenger: ModelCard) -> Comparison:
    """Compare a version with the champion of its place on the rows that both predicted out of fold."""
    line = store.succession().get(challenger.place, ())
    champion = line[0] if line else None
    if champion is None or champion == challenger.model_id:
        return Comparison(None, challenger.model_id, None, "there is no champion to compare with")
    try:
        one, two = (_record(store, model_id) for model_id in (champion, challenger.model_id))
        found = paired(one, two, HORIZONS[challenger.horizon])
    except VfrError as error:
        return Comparison(champion, challenger.model_id, None, error.message)
    except FewDates as error:
        return Comparison(champion, challenger.model_id, None, str(error))
    return Comparison(champion, challenger.model_id, found, None)


def _record(store: ModelStore, model_id: str) -> Record:
    blob = store.read(model_id).get(FILE)
    if blob is None:
        raise ModelError(f"{model_id}: keeps no record out of fold")
    try:
        return Record.from_bytes(blob)
    except ValueError as error:
        raise ModelError(f"{model_id}: its record out of fold cannot be read") from error
