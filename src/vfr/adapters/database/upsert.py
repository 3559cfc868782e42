"""Insert rows, or change those that are there, in one statement: both databases have it, each in its own dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import JSON, Text, cast, column, func, literal, select

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table, TableValuedAlias
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.types import TypeEngine

__all__ = ["insert_into", "insert_rows", "insert_values", "rows_as_table"]

_AT_ONCE: Final = 512
"""Rows of one statement of SQLite, which takes 32,766 values."""


def insert_into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    from sqlalchemy.dialects import postgresql, sqlite

    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    made: postgresql.Insert | sqlite.Insert = insert(table)
    return made


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, new: bool = False) -> None:
    """Insert many rows that have the same keys; with `new`, leave out those whose key is there already."""
    if rows:
        names = tuple(rows[0])
        insert_values(connection, table, names, [tuple(row[name] for name in names) for row in rows], new=new)


def insert_values(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]], *, new: bool = False
) -> None:
    """Insert many rows, each the values of these columns; with `new`, leave out those whose key is there already."""
    made: Any = insert_into(connection, table)
    at_once = connection.dialect.name == "postgresql"
    if at_once:
        named = [dict(zip(names, row, strict=True)) for row in rows]
        source = rows_as_table({name: table.c[name].type for name in names}, named)
        made = made.from_select(names, select(*source.c))
    if new:
        made = made.on_conflict_do_nothing()
    if at_once:
        connection.execute(made)
        return
    # Past the toolkit, which looks at every value: that would take as long as the file does.
    compiled = made.compile(dialect=connection.dialect, column_keys=names)
    in_place = itemgetter(*map(names.index, compiled.positiontup))
    start = 0
    while left := len(rows) - start:
        # Powers of two: the driver keeps 128 statements, and one for each count there may be would fill its memory.
        some = rows[start : start + min(_AT_ONCE, 1 << (left.bit_length() - 1))]
        connection.exec_driver_sql(_for_many(str(compiled), len(some)), (*chain(*map(in_place, some)),))
        start += len(some)


def _for_many(statement: str, count: int) -> str:
    """Return an insert of one row as one of many: the driver lets go of the interpreter once for each statement.

    Row by row, whoever answers requests would have to hand it back as often.
    """
    before, values, one = statement.partition("VALUES ")
    row, closing, after = one.partition(")")
    return f"{before}{values}{', '.join([row + closing] * count)}{after}"


def rows_as_table(columns: Mapping[str, TypeEngine[Any]], rows: Sequence[Mapping[str, Any]]) -> TableValuedAlias:
    """Return rows as a table that a statement of PostgreSQL can read from.

    They travel as one text of JSON: the driver would ask anew for each row, and takes its time over each value of an
    array. A float is the same after it, to the last bit; what is not finite is refused.

    Parameters
    ----------
    columns : mapping of str to sqlalchemy type
    rows : sequence of mapping
        Each with these columns; bytes may be among the values.
    """
    packed = cast(literal(json.dumps(list(rows), default=_hexadecimal), Text), JSON)
    typed = (column(name, kind) for name, kind in columns.items())
    return func.json_to_recordset(packed).table_valued(*typed).render_derived(with_types=True)


def _hexadecimal(value: bytes) -> str:
    return f"\\x{value.hex()}"
