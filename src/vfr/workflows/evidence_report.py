"""The report of evidence: tables of plain values that a terminal, a page or a machine can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

__all__ = ["Cell", "EvidenceReport", "Table", "cell_text"]

Cell: TypeAlias = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; `note` says what a reader must know to read it right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the table for JSON, one object per row; a figure that is not finite becomes None."""
        rows = [{c: _plain(v) for c, v in zip(self.columns, row, strict=True)} for row in self.rows]
        return {"title": self.title, "note": self.note, "columns": list(self.columns), "rows": rows}

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [f"### {self.title}", ""]
        lines += ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        lines += ["| " + " | ".join(_marked_down(v) for v in row) + " |" for row in self.rows]
        return "\n".join([*lines, "", self.note]).rstrip() + "\n"


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """Everything one run of evidence printed; `facts` says on what data, with which seed, in which mode."""

    facts: Mapping[str, Cell]
    tables: tuple[Table, ...]

    def table(self, title: str) -> Table:
        """Return the table whose title starts with a text."""
        return next(t for t in self.tables if t.title.startswith(title))

    def to_dict(self) -> dict[str, object]:
        """Return the report for JSON."""
        return {"facts": {k: _plain(v) for k, v in self.facts.items()}, "tables": [t.to_dict() for t in self.tables]}

    def to_markdown(self) -> str:
        """Return the report as Markdown."""
        facts = "\n".join(f"- {name}: {_marked_down(value)}" for name, value in self.facts.items())
        return "\n".join([facts, "", *(t.to_markdown() for t in self.tables)])


def cell_text(
    value: Cell, decimals: int | None = None, *, unknown: str = "-", yes_no: tuple[str, str] = ("yes", "no")
) -> str:
    """Return the words of a cell; what is not known, or not finite, is `unknown`.

    With `decimals`, figures have so many, and commas; without, whole ones have none, others four below 1 and two above.

    Examples
    --------
    >>> [cell_text(value) for value in (0.01234, 12.5, 1234.0, 1234, True, None)]
    ['0.0123', '12.50', '1,234', '1,234', 'yes', '-']
    >>> cell_text(1234.5, 1)
    '1,234.5'
    """
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return unknown
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return yes_no[0] if value else yes_no[1]
    if isinstance(value, int) or (decimals is None and value.is_integer()):
        return f"{int(value):,}"
    if decimals is not None:
        return f"{value + 0.0:,.{decimals}f}"  # 0 is added so that -0 has no sign
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}"


def _marked_down(value: Cell) -> str:
    return cell_text(value, yes_no=("True", "False"))


def _plain(value: Cell) -> Cell:
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value
