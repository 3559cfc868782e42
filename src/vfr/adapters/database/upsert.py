"""Insert rows, or change those that are there, in one statement: both databases have it, each in its own dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, cast, func, literal, select
from sqlalchemy.types import ARRAY, LargeBinary

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select, Table
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.types import TypeEngine

__all__ = ["insert_into", "insert_rows"]


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    from sqlalchemy.dialects import postgresql, sqlite

    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    made: postgresql.Insert | sqlite.Insert = insert(table)
    return made


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, new: bool = False) -> None:
    """Insert many rows that have the same keys; with `new`, leave out those whose key is there already.

    PostgreSQL gets each column as one array: its driver would ask anew for each row, and take ten times as long.
    """
    if not rows:
        return
    made = insert_into(connection, table)
    if connection.dialect.name != "postgresql":
        connection.execute(made.on_conflict_do_nothing() if new else made, list(rows))
        return
    from_arrays = made.from_select(list(rows[0]), _unnested(table, rows))
    connection.execute(from_arrays.on_conflict_do_nothing() if new else from_arrays)


def _unnested(table: Table, rows: Sequence[Mapping[str, Any]]) -> Select[Any]:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    # What all rows share is sent once: the driver takes its time over each text of an array.
    varying = [name for name, values in columns.items() if len(set(values)) > 1] or [next(iter(columns))]
    arrays = [_array(table.c[name].type, columns[name]) for name in varying]
    source = func.unnest(*arrays).table_valued(*varying).render_derived().c
    return select(
        *(
            cast(source[name] if name in varying else literal(values[0], table.c[name].type), table.c[name].type)
            for name, values in columns.items()
        )
    )


def _array(kind: TypeEngine[Any], values: Sequence[Any]) -> ColumnElement[Any]:
    if isinstance(kind, LargeBinary):  # The driver has no arrays of bytes; the server reads them from their text.
        return literal([f"\\x{value.hex()}" for value in values], ARRAY(Text))
    return literal(list(values), ARRAY(kind))
