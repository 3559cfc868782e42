"""The tables of an evidence report by title, and their rows by column: what figures and verdicts are made from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from vfr.workflows.evidence_report import Cell, EvidenceReport, Table

__all__ = ["Record", "first_model", "named", "number", "of_first_universe", "records", "tables"]

Record: TypeAlias = Mapping[str, Cell]

_BRACKET: Final = re.compile(r"^(?P<name>.*?) \((?P<model>[^()]*)\)$")


def tables(report: EvidenceReport, title: str, *columns: str) -> Iterator[Table]:
    """Yield the tables with rows, of a title with or without a name in brackets behind it, that have some columns."""
    for table in report.tables:
        known = table.title == title or table.title.startswith(f"{title} (")
        if known and table.rows and set(columns) <= set(table.columns):
            yield table


def records(table: Table) -> list[Record]:
    """Return the rows of a table by column."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def named(record: Record) -> str:
    """Return the name of what a row judges: a model, or a part of the classic score."""
    return str(record.get("model", record.get("score", "")))


def number(value: Cell | None) -> float:
    """Return a figure; NaN for what is unknown or no figure."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return math.nan


def first_model(table: Table) -> str:
    """Return the name in brackets behind a title, or nothing."""
    found = _BRACKET.match(table.title)
    return found["model"] if found else ""


def of_first_universe(table: Table) -> list[Record]:
    """Return the rows of the universe and the basis that count: those of the first row."""
    rows = records(table)
    keys = [k for k in ("universe", "returns") if k in table.columns]
    return [row for row in rows if all(row[k] == rows[0][k] for k in keys)]
