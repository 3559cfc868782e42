"""How versions look in a terminal; imports rich, so it is imported by functions that print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from vfr.cli import layout
from vfr.models.card_text import headline, sections, shown

if TYPE_CHECKING:
    from vfr.models.prediction import ModelCard
    from vfr.workflows.promotion import Comparison

__all__ = ["card_parts", "comparison", "listing", "log_rows"]

_STYLES = {"passed": "[green]passed[/]", "REFUSED": "[red]refused[/]", "printed": "[dim]printed[/]"}


def listing(cards: Sequence[ModelCard]) -> Table:
    """Return one row per version."""
    table = layout.table()
    for head in ("Model", "Member", "Horizon", "Status", "Data", "Learned until", "Gates"):
        table.add_column(head, no_wrap=True)
    for head in ("Rank IC", "t", "Rows"):
        table.add_column(head, justify="right", no_wrap=True)
    for card in cards:
        status = f"[bold green]{card.status}[/]" if card.status == "champion" else card.status
        verdict = {True: "passed", False: "[red]refused[/]"}.get(bool(card.gates.get("passed")), "")
        gates = verdict if "passed" in card.gates else "—"
        figures = (_short(card.metrics.get(name)) for name in ("rank_ic", "rank_ic_t"))
        names = (card.model_id, card.member, card.horizon, status, escape(card.data_name), card.labels_end, gates)
        table.add_row(*names, *figures, f"{card.n_rows:,}")
    return table


def _short(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "—"


def card_parts(card: ModelCard, wanted: Sequence[str] = ()) -> Iterator[RenderableType]:
    """Yield a card part by part, all of them or those with the wanted titles."""
    yield f"[bold]{escape(card.model_id)}[/]  {escape(headline(card))}"
    for part in sections(card):
        if wanted and part.title not in wanted:
            continue
        yield f"\n[bold]{part.title}[/]"
        if part.lines:
            yield layout.notes(("•", escape(line)) for line in part.lines)
        if part.rows:
            table = layout.table(*part.heads)
            for row in part.rows:
                table.add_row(*(_STYLES.get(cell, escape(cell)) for cell in row))
            yield table


def comparison(found: Comparison) -> Iterator[RenderableType]:
    """Yield a challenger beside the champion on the same rows, or why they cannot be compared."""
    if found.champion is None:
        return
    if found.paired is None:
        reason = (found.reason or "").removeprefix(f"{found.champion}: ")
        yield f"[yellow]Not comparable[/] with {escape(found.champion)}: {escape(reason)}"
        return
    p = found.paired
    yield f"On the same rows of {p.dates:,} dates out of fold:"
    table = layout.table("", escape(found.champion), escape(found.challenger), "gain", "t")
    for words, before, after, gain in (
        ("rank IC", p.champion_ic, p.challenger_ic, p.ic_gain),
        ("Brier score of P(up), lower is better", p.champion_loss, p.challenger_loss, p.loss_gain),
    ):
        t = f"{gain.t:.2f}" if isfinite(gain.t) else "—"
        table.add_row(words, f"{before:.5f}", f"{after:.5f}", f"{gain.mean:+.5f}", t)
    yield table


def log_rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the log of versions, one row per step."""
    table = layout.table()
    for head in ("When", "Model", "Step", "Who"):
        table.add_column(head, no_wrap=True)
    table.add_column("Why")
    table.add_column("Gates", no_wrap=True)
    for row in rows:
        step = str(row.get("status"))
        if row.get("event") == "saved":
            step = f"saved as {step}"
        elif row.get("from"):
            step = f"{row['from']} → {step}"
        gates = row.get("gates")
        verdict = gates.get("passed") if isinstance(gates, Mapping) else None
        passed = "" if verdict is None else "passed" if verdict else "refused"
        cells = (row.get("at"), row.get("model_id"), step, row.get("who"), row.get("why"), passed)
        table.add_row(*(escape(shown(cell)) for cell in cells))
    return table
