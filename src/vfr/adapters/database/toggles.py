"""The switches of machine learning in the database, and the log of who turned them; on SQLite and PostgreSQL.

The log is chained, as `vfr.adapters.database.chained_log` says; a switch that was turned beside it is seen, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from vfr.adapters.database import chained_log
from vfr.adapters.database.engine import transaction
from vfr.adapters.database.tables import TOGGLE_AUDIT, TOGGLES
from vfr.adapters.database.upsert import insert_into
from vfr.workflows.toggles import EVERYTHING, Toggle, ToggleState

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["Audited", "SqlToggles"]

_FIELDS: Final = ("id", "enabled", "reason", "who", "at")
_LOGGED: Final = ("sequence", *_FIELDS)
_STATE: Final = tuple(TOGGLES.c[name] for name in _FIELDS)
_ENTRY: Final = tuple(TOGGLE_AUDIT.c[name] for name in _LOGGED)
_REVISION: Final = select(func.coalesce(func.max(TOGGLE_AUDIT.c.sequence), 0))
_LAST: Final = select(*(TOGGLE_AUDIT.c[name] for name in _FIELDS)).where(
    TOGGLE_AUDIT.c.sequence.in_(select(func.max(TOGGLE_AUDIT.c.sequence)).group_by(TOGGLE_AUDIT.c.id))
)
"""The last row of each switch."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One row of the log: which change it was, counted from 1, and what was turned."""

    sequence: int
    toggle: Toggle


@dataclass(frozen=True, slots=True)
class SqlToggles:
    """The switches of a migrated database; every method raises `DataError` if the database cannot be used.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    """

    engine: Engine

    def read(self, known: ToggleState | None = None) -> ToggleState:
        """Return the switches; `known` itself where nothing changed since, which costs one look at an index."""
        with transaction(self.engine, reads=True) as connection:
            revision = connection.execute(_REVISION).scalar_one()
            if known is not None and known.revision == revision:
                return known
            rows = [Toggle(*row) for row in connection.execute(select(*_STATE))]
        everything = next((row for row in rows if row.id == EVERYTHING), None)
        off = {row.id: row.reason for row in rows if row.id != EVERYTHING and not row.enabled}
        return ToggleState(everything, MappingProxyType(off), revision)

    def all(self) -> Mapping[str, Toggle]:
        """Return every switch that was ever turned, by id."""
        with transaction(self.engine, reads=True) as connection:
            return {row.id: Toggle(*row) for row in connection.execute(select(*_STATE).order_by(TOGGLES.c.id))}

    def turn(self, toggle: Toggle, *, only_first: bool = False) -> None:
        """Keep a switch as it was turned, and log it.

        Parameters
        ----------
        toggle : Toggle
        only_first : bool
            Do nothing where that switch was turned before.
        """
        with transaction(self.engine) as connection:
            chained_log.lock(connection, TOGGLE_AUDIT)
            turned = connection.execute(select(TOGGLES.c.id).where(TOGGLES.c.id == toggle.id)).first() is not None
            if turned and only_first:
                return
            row = asdict(toggle)
            wanted = insert_into(connection, TOGGLES).values(row)
            connection.execute(wanted.on_conflict_do_update(index_elements=[TOGGLES.c.id], set_=row))
            chained_log.append(connection, TOGGLE_AUDIT, row)

    def audit(self, limit: int, before: int | None = None) -> Sequence[Audited]:
        """Return rows of the log, newest first, at most `limit`; `before` is a sequence that they stand before."""
        question = select(*_ENTRY).order_by(TOGGLE_AUDIT.c.sequence.desc()).limit(limit)
        if before is not None:
            question = question.where(TOGGLE_AUDIT.c.sequence < before)
        with transaction(self.engine, reads=True) as connection:
            return tuple(Audited(row[0], Toggle(*row[1:])) for row in connection.execute(question))

    def problems(self) -> tuple[str, ...]:
        """Say what is wrong with the log; nothing where every row is what was written, in its place."""
        with transaction(self.engine, reads=True) as connection:
            found = chained_log.problems(connection, TOGGLE_AUDIT)
            last = {row.id: Toggle(*row) for row in connection.execute(_LAST)}
            states = {row.id: Toggle(*row) for row in connection.execute(select(*_STATE))}
        differing = [name for name in sorted(states.keys() | last.keys()) if states.get(name) != last.get(name)]
        return (*found, *(f"the switch {name} is not as the log says it was last turned" for name in differing))
