"""Tables of the reference pages, written from the code's own registries so that they cannot go stale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

from vfr.accounts.tiers import TIERS
from vfr.adapters.providers.live.registry import PROVIDERS, Access, open_provider
from vfr.api.errors import STATUS
from vfr.cache.keys import TTLS
from vfr.cli.app import app
from vfr.data.batch_checks_case import REASONS
from vfr.data.bitemporal.tables import TABLES, Table
from vfr.data.freshness import SLA
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


def providers() -> str:
    """Return one row per live provider: what it supplies and needs, how fast it is asked, what its terms permit."""
    rows = [
        (
            f"`{name}`",
            p.supplies,
            f"`VFR_{p.needs.upper()}`" if p.needs else "nothing",
            f"{p.per_second:g} a second, {p.burst} at once after a quiet time, {p.lanes} under way",
            p.terms,
        )
        for name, p in PROVIDERS.items()
    ]
    return table(("provider", "supplies", "needs", "asked at most", "terms, in short"), rows)


def offers() -> str:
    """Return which kinds of fact come from which provider, what each is asked about, and how often."""
    # Opened to read what they offer; without a pace and a clock nothing can be asked.
    keys = {p.needs: "unused" for p in PROVIDERS.values() if p.needs}
    access = Access(pace=None, sleep=None, rng=None, clock=None, credentials=keys)  # type: ignore[arg-type]
    sources: dict[str, list[str]] = {kind: [] for kind in TABLES}
    about: dict[str, str] = {}
    for name in PROVIDERS:
        for offer in open_provider(name, access).offers:
            for kind in offer.kinds:
                often = "daily" if offer.every == 1 else f"every {offer.every} days"
                sources[kind].append(f"`{name}` ({often})")
                about[kind] = offer.per
    rows = [(f"`{kind}`", about[kind], ", ".join(names)) for kind, names in sources.items()]
    return table(("kind of fact", "asked about a", "from"), rows)


def facts() -> str:
    """Return one row per table of the archive: its key, whether the source dates values, what counts as the same."""
    rows = [
        (
            f"`{kind}`",
            ", ".join(f"`{name}`" for name in t.key),
            ", ".join(f"`{name}`" for name in t.values),
            _dating(t),
            f"{t.tolerance:g}" if t.tolerance else "exact",
        )
        for kind, t in TABLES.items()
    ]
    return table(("table", "a fact is named by", "a version may change", "dating", "same figure within"), rows)


def _dating(found: Table) -> str:
    return "dated" if found.dated else "timeless" if found.timeless else "undated"


def freshness() -> str:
    """Return the age up to which each input counts as fresh."""
    rows = [(f"`{kind}`", f"{limit} {'session' if kind == 'bars' else 'days'}") for kind, limit in SLA.items()]
    return table(("input", "fresh up to"), rows)


def quarantine() -> str:
    """Return the reasons for which a row of an answer is refused."""
    return table(
        ("reason", "severity", "meaning"), [(f"`{r}`", severity, text) for r, (severity, text) in REASONS.items()]
    )


def tiers() -> str:
    """Return one row per tier: what a caller may use up."""
    rows = [
        (
            f"`{name}`",
            f"{row.requests_per_minute:,}",
            f"{row.ml_units_per_day:,}",
            row.symbols_per_request,
            ", ".join(row.members) or "none",
            row.concurrent_backtests,
            row.event_streams,
        )
        for name, row in TIERS.items()
    ]
    return table(
        ("tier", "requests a minute", "ML units a day", "symbols a request", "models", "backtests at once", "streams"),
        rows,
    )


def ttls() -> str:
    """Return one row per kind of cached value: how long it is kept."""
    return table(("kind", "kept for"), [(f"`{kind}`", f"{ttl / 3_600_000:g} h") for kind, ttl in TTLS.items()])


def write_all(folder: Path) -> None:
    """Write every generated fragment into a folder."""
    folder.mkdir(exist_ok=True)
    fragments = {
        "sub_factors": sub_factors,
        "score_table": score_table,
        "features": docs_table,
        "errors": errors,
        "commands": commands,
        "providers": providers,
        "offers": offers,
        "facts": facts,
        "freshness": freshness,
        "quarantine": quarantine,
        "ttls": ttls,
        "tiers": tiers,
    }
    for name, make in fragments.items():
        (folder / f"{name}.md").write_text(make(), encoding="utf-8")
