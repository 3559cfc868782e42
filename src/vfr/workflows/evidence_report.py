"""The report of evidence: tables of plain values that a terminal, a page or a machine can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

__all__ = ["Cell", "EvidenceReport", "Table"]

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
        lines += ["| " + " | ".join(_text(v) for v in row) + " |" for row in self.rows]
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
        facts = "\n".join(f"- {name}: {_text(value)}" for name, value in self.facts.items())
        return "\n".join([facts, "", *(t.to_markdown() for t in self.tables)])


def _plain(value: Cell) -> Cell:
    if isinstance(value, float):
        return float(value) if np.isfinite(value) else None
    return value


def _text(value: Cell) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}"
