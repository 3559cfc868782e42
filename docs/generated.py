"""Tables of the reference pages, written from the code's own registries so that they cannot go stale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from vfr.api.errors import STATUS
from vfr.cli.app import app
from vfr.errors import VfrError
from vfr.factors.registry import SUB_FACTORS
from vfr.factors.scores import FACTOR_NAMES
from vfr.features.registry import docs_table
from vfr.scoring.table import DEFAULT


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; pipes inside cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def sub_factors() -> str:
    """Return one section per factor: every sub-factor, its weight, what it measures and its source."""
    parts = []
    for factor in FACTOR_NAMES:
        rows = [
            (f"`{s.name.removeprefix(factor + '.')}`", f"{s.weight:.4g}", s.unit, s.description, s.source)
            for s in SUB_FACTORS.values()
            if s.factor == factor
        ]
        title = f"### {factor.capitalize()} (weight {DEFAULT.weights[factor]})\n\n"
        parts.append(title + table(("sub-factor", "weight", "unit", "measures", "source"), rows))
    return "\n".join(parts)


def score_table() -> str:
    """Return the tiers and the market-cap tilts of the default table."""
    tiers = table(("score from", "recommendation"), [(t.floor, f"`{t.recommendation}`") for t in DEFAULT.tiers])
    tilts = table(
        ("market capitalisation from, USD", "fundamental ×", "technical ×"),
        [(f"{t.floor:,.0f}", t.fundamental, t.technical) for t in DEFAULT.tilts],
    )
    return tiers + "\n" + tilts


def errors() -> str:
    """Return the error tree with its codes and statuses."""

    def walk(error: type[VfrError]) -> list[type[VfrError]]:
        return [error, *(leaf for child in error.__subclasses__() for leaf in walk(child))]

    rows = [(f"`{e.__name__}`", f"`{e.code}`", STATUS[e], (e.__doc__ or "").split("\n")[0]) for e in walk(VfrError)]
    return table(("error", "code", "status", "meaning"), rows)


def commands() -> str:
    """Return one row per command, groups unfolded."""

    def walk(command: typer.core.TyperCommand, name: str) -> Iterable[tuple[str, str]]:
        children = getattr(command, "commands", None)
        if not children:
            yield f"`{name}`", " ".join((command.help or "").split("\n\n")[0].split())
        for child, found in (children or {}).items():
            yield from walk(found, f"{name} {child}")

    return table(("command", "does"), walk(typer.main.get_command(app), "vfr"))


def write_all(folder: Path) -> None:
    """Write every generated fragment into a folder."""
    folder.mkdir(exist_ok=True)
    fragments = {
        "sub_factors": sub_factors,
        "score_table": score_table,
        "features": docs_table,
        "errors": errors,
        "commands": commands,
    }
    for name, make in fragments.items():
        (folder / f"{name}.md").write_text(make(), encoding="utf-8")
