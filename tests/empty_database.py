"""Tables for the empty databases of hundreds of tests: what makes them is worked out once, then sent as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event, inspect

__all__ = ["Recorded"]


@dataclass
class Recorded:
    """An upgrade that remembers, for each kind of database, what took an empty one to the newest tables.

    Working them out costs twenty times what the database takes to obey them. One with tables is upgraded step by step.

    Parameters
    ----------
    upgrade : callable
        The true one.
    """

    upgrade: Callable[[Connection], None]
    statements: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)

    def __call__(self, connection: Connection) -> None:
        kind = connection.dialect.name
        if inspect(connection).get_table_names():
            self.upgrade(connection)
        elif kind in self.statements:
            for statement, parameters in self.statements[kind]:
                connection.exec_driver_sql(statement, parameters).close()
        else:
            self.statements[kind] = self._watched(connection)

    def _watched(self, connection: Connection) -> list[tuple[str, Any]]:
        seen: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
            seen.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        self.upgrade(connection)
        event.remove(connection, "before_cursor_execute", note)
        return seen
