"""Logs in the database whose rows are chained by hashes: a row that was changed, dropped or moved is seen.

A table of such a log has `sequence`, counted from 1 without a gap, the columns of what it says, `previous` and `hash`;
`vfr.adapters.chain` says how one row follows from another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, text

from vfr.adapters.chain import GENESIS, link

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["append", "chained", "lock", "problems"]

_CHAIN: Final = frozenset({"previous", "hash"})


def lock(connection: Connection, log: Table) -> None:
    """Let nobody else append until the end of the transaction."""
    if connection.dialect.name == "postgresql":  # SQLite's transactions hold the one write lock.
        connection.execute(text(f"LOCK TABLE {log.name} IN EXCLUSIVE MODE"))


def append(connection: Connection, log: Table, entry: Mapping[str, Any]) -> None:
    """Append a row that follows from the last.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that has called `lock`, or holds another lock that everybody takes who appends.
    log : sqlalchemy.Table
    entry : mapping
        What the row says, of exactly the types that the database gives back.
    """
    newest = select(log.c.sequence, log.c.hash).order_by(log.c.sequence.desc()).limit(1)
    last = connection.execute(newest).first()
    sequence, head = (0, GENESIS) if last is None else last
    row = {"sequence": sequence + 1, **entry}
    connection.execute(insert(log).values(**row, previous=head, hash=link(head, row)))


def chained(entries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows of a new log, in the order of its entries.

    Examples
    --------
    >>> first, second = chained([{"who": "ana"}, {"who": "ben"}])
    >>> first["sequence"], second["sequence"], second["previous"] == first["hash"]
    (1, 2, True)
    """
    head = GENESIS
    for sequence, entry in enumerate(entries, 1):
        row = {"sequence": sequence, **entry}
        head, previous = link(head, row), head
        yield {**row, "previous": previous, "hash": head}


def problems(connection: Connection, log: Table) -> list[str]:
    """Return a sentence about each row that is not what was written, in its place; none if the chain holds.

    That its newest rows were cut off cannot be seen in the log alone.
    """
    found: list[str] = []
    head, number = GENESIS, 0
    said = [column.name for column in log.c if column.name not in _CHAIN]
    for row in connection.execute(select(log).order_by(log.c.sequence)).mappings():
        number += 1
        if row["sequence"] != number or row["previous"] != head:
            found.append(f"rows before row {row['sequence']} were changed or are missing")
        if row["hash"] != link(row["previous"], {name: row[name] for name in said}):
            found.append(f"row {row['sequence']} was changed after it was written")
        head, number = row["hash"], row["sequence"]
    return found
