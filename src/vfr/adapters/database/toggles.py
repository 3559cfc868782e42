"""The switches of machine learning in the database, and the log of who turned them; on SQLite and PostgreSQL.

Each row of the log holds the hash of the row before, as `vfr.adapters.chain` says: a row that
is changed, dropped or moved is seen by whoever checks, and so is a switch that was turned beside the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, insert, select, text

from vfr.adapters.chain import GENESIS, link
from vfr.adapters.database.engine import transaction
from vfr.adapters.database.tables import TOGGLE_AUDIT, TOGGLES
from vfr.adapters.database.upsert import insert_into
from vfr.workflows.toggles import EVERYTHING, Toggle, ToggleState

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Audited", "SqlToggles"]

_FIELDS: Final = ("id", "enabled", "reason", "who", "at")
_LOGGED: Final = ("sequence", *_FIELDS)
_STATE: Final = tuple(TOGGLES.c[name] for name in _FIELDS)
_ENTRY: Final = tuple(TOGGLE_AUDIT.c[name] for name in _LOGGED)
_REVISION: Final = select(func.coalesce(func.max(TOGGLE_AUDIT.c.sequence), 0))
_HEAD: Final = select(TOGGLE_AUDIT.c.hash).order_by(TOGGLE_AUDIT.c.sequence.desc()).limit(1)


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
            if connection.dialect.name == "postgresql":  # SQLite's transactions hold the one write lock.
                connection.execute(text("LOCK TABLE toggle_audit IN EXCLUSIVE MODE"))
            turned = connection.execute(select(TOGGLES.c.id).where(TOGGLES.c.id == toggle.id)).first() is not None
            if turned and only_first:
                return
            row = asdict(toggle)
            wanted = insert_into(connection, TOGGLES).values(row)
            connection.execute(wanted.on_conflict_do_update(index_elements=[TOGGLES.c.id], set_=row))
            _log(connection, toggle)

    def audit(self, limit: int, before: int | None = None) -> Sequence[Audited]:
        """Return rows of the log, newest first, at most `limit`; `before` is a sequence that they stand before."""
        question = select(*_ENTRY).order_by(TOGGLE_AUDIT.c.sequence.desc()).limit(limit)
        if before is not None:
            question = question.where(TOGGLE_AUDIT.c.sequence < before)
        with transaction(self.engine, reads=True) as connection:
            return tuple(Audited(row[0], Toggle(*row[1:])) for row in connection.execute(question))

    def problems(self) -> tuple[str, ...]:
        """Say what is wrong with the log; nothing where every row is what was written, in its place."""
        found: list[str] = []
        last: dict[str, Toggle] = {}
        head, number = GENESIS, 0
        question = select(*_ENTRY, TOGGLE_AUDIT.c.previous, TOGGLE_AUDIT.c.hash).order_by(TOGGLE_AUDIT.c.sequence)
        with transaction(self.engine, reads=True) as connection:
            for row in connection.execute(question):
                number += 1
                if row.sequence != number or row.previous != head:
                    found.append(f"rows before row {row.sequence} were changed or are missing")
                if row.hash != link(row.previous, dict(zip(_LOGGED, row, strict=False))):
                    found.append(f"row {row.sequence} was changed after it was written")
                head, number = row.hash, row.sequence
                last[row.id] = Toggle(*row[1:6])
            states = {row.id: Toggle(*row) for row in connection.execute(select(*_STATE))}
        differing = [name for name in sorted(states.keys() | last.keys()) if states.get(name) != last.get(name)]
        return (*found, *(f"the switch {name} is not as the log says it was last turned" for name in differing))


def _log(connection: Connection, toggle: Toggle) -> None:
    previous = connection.execute(_HEAD).scalar_one_or_none() or GENESIS
    entry = {"sequence": connection.execute(_REVISION).scalar_one() + 1, **asdict(toggle)}
    connection.execute(insert(TOGGLE_AUDIT).values(**entry, previous=previous, hash=link(previous, entry)))
