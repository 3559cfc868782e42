"""How a score is explained in a terminal: every sub-factor with its contribution, and what speaks for and against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.console import RenderableType
from rich.markup import escape

from vfr.cli import layout
from vfr.cli.analyze_tables import WIDE
from vfr.workflows.answer import FactorLine, Stock

__all__ = ["explanation"]


def explanation(stock: Stock, width: int) -> Iterator[RenderableType]:
    """Yield every sub-factor of a stock with its contribution, and what speaks for and against it."""
    wide = width >= WIDE
    yield f"\n[bold]{stock.symbol}[/] {escape(stock.name)}: classic score {stock.classic:.1f}"
    table = layout.table(gap=1, footer=True)
    table.add_column("Sub-factor", "Sum", no_wrap=True)
    table.add_column("Value", justify="right", no_wrap=True)
    if wide:
        table.add_column("Unit", style="dim")
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Weight", f"{sum(line['weight'] for line in stock.factors):.3f}", justify="right", no_wrap=True)
    total = sum(line["contribution"] for line in stock.factors)
    table.add_column("Points", f"{total:.2f}", justify="right", no_wrap=True)
    table.add_column("As of", no_wrap=True)
    for factor, lines in groupby(stock.factors, key=lambda line: line["factor"]):
        score = stock.scores[factor]
        blank = ("", "") if wide else ("",)
        table.add_row(f"[bold]{factor}[/]", *blank, "—" if score is None else f"[bold]{score:.1f}[/]")
        for line in lines:
            table.add_row(*_line(line, wide=wide), style="dim" if line["score"] is None else None)
        table.add_section()
    yield table
    for head, sentences in (
        ("Leading", stock.reasoning.primary_factors),
        ("For", stock.reasoning.opportunities),
        ("Against", stock.reasoning.warnings),
    ):
        if sentences:
            yield f"  [bold]{head}[/]"
            yield layout.notes(("-", escape(text)) for text in sentences)


def _line(line: FactorLine, *, wide: bool) -> tuple[str, ...]:
    known = line["score"] is not None
    return (
        "  " + line["name"].removeprefix(f"{line['factor']}."),
        "—" if line["value"] is None else f"{line['value']:,.4g}",
        *((escape(line["unit"]),) if wide else ()),
        f"{line['score']:.1f}" if known else line.get("reason", "—"),
        f"{line['weight']:.3f}" if known else "",
        f"{line['contribution']:.2f}" if known else "",
        line["asOf"] or "",
    )
