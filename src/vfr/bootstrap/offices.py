"""Champions put in and out of office by an operator, with the switches that make running servers follow at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.adapters.store.models import DirectoryModels
from vfr.errors import DataError
from vfr.workflows.toggles import MAX_REASON, checked_reason

if TYPE_CHECKING:
    from vfr.adapters.compute.pool import ProcessPool
    from vfr.bootstrap.toggles import ToggleDesk
    from vfr.workflows.promotion import Change

__all__ = ["Offices"]


@dataclass(frozen=True, slots=True)
class Offices:
    """Who is champion of a data home.

    Parameters
    ----------
    home : Path
    toggles : ToggleDesk
    pool : ProcessPool or None
        Where versions are read: a server process reads none itself. None: in this process.
    """

    home: Path
    toggles: ToggleDesk
    pool: ProcessPool | None

    def promote(self, model_id: str, *, who: str, why: str) -> Change:
        """Make a version of the current data set the champion; see `vfr.workflows.promotion.promote`.

        Raises
        ------
        InvalidField
            If no reason is given.
        """
        text = checked_reason(why, "why")
        change = self._made(_promoted, model_id, who, text)
        if model_id in self.toggles.state().off:
            self._switch(model_id, True, f"promoted: {text}", who)
        return change

    def rollback(self, model_id: str, *, who: str, why: str) -> Change:
        """Bring back the champion before one; see `vfr.workflows.promotion.rollback`.

        The version that goes is switched off first: reading those before it, and making the scoreboard anew, take
        longer than following a switch. It is on again where it could not be rolled back.

        Raises
        ------
        InvalidField
            If no reason is given.
        """
        text = checked_reason(why, "why")
        lines = DirectoryModels(self.home).succession().values()
        goes = any(line[0] == model_id and line[1:] for line in lines) and model_id not in self.toggles.state().off
        if goes:
            self._switch(model_id, False, f"rolled back: {text}", who)
        try:
            return self._made(_rolled_back, model_id, who, text)
        except BaseException:
            if goes:
                self._switch(model_id, True, "it could not be rolled back", who)
            raise

    def _made(self, change: Callable[..., Change], model_id: str, who: str, why: str) -> Change:
        if self.pool is None:
            return change(self.home, model_id, who, why)
        return self.pool.run(change, self.home, model_id, who, why)

    def _switch(self, model_id: str, enabled: bool, reason: str, who: str) -> None:
        with suppress(DataError):  # The change of champion is done; without the database it takes a scoreboard longer.
            self.toggles.turn(model_id, enabled, reason=reason[:MAX_REASON], who=who)


def _promoted(home: Path, model_id: str, who: str, why: str) -> Change:
    from vfr.workflows.promotion import promote

    return promote(DirectoryModels(home), model_id, data_name=DirectoryDatasets(home).current(), who=who, why=why)


def _rolled_back(home: Path, model_id: str, who: str, why: str) -> Change:
    from vfr.workflows.promotion import rollback

    return rollback(DirectoryModels(home), model_id, who=who, why=why)
