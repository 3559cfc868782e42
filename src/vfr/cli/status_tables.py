"""Tables of what is known, how old it is, how providers did, and what was refused; imported by what prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from vfr.cli import layout

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from vfr.factors.board import InputStatus
    from vfr.workflows.staging import SyncDiary

__all__ = ["inputs", "providers", "refused"]


def inputs(found: Mapping[str, InputStatus], ages: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return one row per input: whether it is known, the newest of it, its age and the age that still counts."""
    table = layout.table()
    for head in ("Input", "Known", "Newest", "Age", "Fresh up to", "Source"):
        table.add_column(head, no_wrap=head != "Source")
    for kind, status in found.items():
        known = "[green]yes[/]" if status.available else "[dim]no[/]"
        old = ages[kind]
        style = "green" if old["fresh"] else "yellow"
        age = "—" if old["age"] is None else f"[{style}]{_count(old['age'], old['unit'])}[/]"
        table.add_row(kind, known, status.newest or "—", age, _count(old["limit"], old["unit"]), status.source or "—")
    return table


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


def providers(diary: SyncDiary) -> Table:
    """Return one row per provider: its last usable answer, and what went wrong since."""
    table = layout.table()
    for head in ("Provider", "Answered", "Failed"):
        table.add_column(head, no_wrap=True)
    table.add_column("How")
    for name, one in diary.providers.items():
        how = f"[yellow]{one.code}[/] {escape(one.message)}" if one.code else "[green]ok[/]"
        table.add_row(name, _moment(one.answered_at), _moment(one.failed_at), how)
    return table


def refused(rows: pl.DataFrame) -> Table:
    """Return one row per source, kind and reason of refused rows, the most frequent first."""
    import polars as pl

    table = layout.table()
    for head in ("Refused by a check", "Source", "Kind"):
        table.add_column(head, no_wrap=True)
    table.add_column("Rows", justify="right")
    table.add_column("About")
    groups = rows.group_by("reason", "source", "kind").agg(pl.len().alias("rows"), pl.col("subject").unique().sort())
    for reason, source, kind, count, subjects in groups.sort("rows", "reason", descending=[True, False]).iter_rows():
        table.add_row(reason, source, kind, f"{count:,}", ", ".join(subjects[:8]))
    return table


def _moment(moment: datetime | None) -> str:
    return "—" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
