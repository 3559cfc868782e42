"""The look of tables and notes; imports rich, so it is imported by functions that print, never at the top."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table

__all__ = ["notes", "table"]


def table(*heads: str, gap: int = 2, footer: bool = False) -> Table:
    """Return an empty table with a rule under its head; `gap` blanks are added between columns."""
    return Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap, 0, 0), show_footer=footer)


def notes(lines: Iterable[tuple[str, str]]) -> RenderableType:
    """Return marked notes, each wrapped beside its mark."""
    grid = Table.grid(padding=(0, 1))
    for mark, note in lines:
        grid.add_row(mark, note)
    return Padding(grid, (0, 0, 0, 2), expand=False)
