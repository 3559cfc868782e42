"""`vfr journal`: what was predicted and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfr.cli.options import AsJson, application
from vfr.cli.output import console, emit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["group"]

group = typer.Typer(no_args_is_help=True, help="The journal of forecasts: status, settle, report.")


@group.command("status")
def status(as_json: AsJson = False) -> None:
    """Say how many forecasts are kept, and how many wait."""
    found = application().journal.state()
    if as_json:
        emit(found)
        return
    screen = console()
    if not found["enabled"]:
        screen.print("The journal is off (VFR_JOURNAL): nothing new is recorded.")
    if not found["rows"]:
        screen.print("No forecast has been journaled yet; the first analysis with machine learning is recorded.")
        return
    from vfr.cli import layout

    heads = ("Data", "Horizon", "Sessions", "First", "Last", "Waiting", "Forecasts", "Entries", "Outcomes", "Unknown")
    table = layout.table(*heads, "Restated")
    for row in found["rows"]:
        counts = (row[name] for name in ("waiting", "forecasts", "entries", "outcomes", "unknown", "restated"))
        days = (f"{row['sessions']:,}", row["first"], row["last"])
        table.add_row(row["data_name"], row["horizon"], *days, *(f"{count:,}" for count in counts))
    screen.print(table)
    screen.print(f"Stocks shown in answers: {found['exposures']:,}")


@group.command("settle")
def settle(as_json: AsJson = False) -> None:
    """Join forecasts with the outcomes that matured.

    Running it again changes nothing.
    """
    done = {name: one.to_dict() for name, one in application().journal.settle(again=True).items()}
    if as_json:
        emit({"settled": done})
        return
    screen = console()
    for name, one in done.items():
        screen.print(
            f"{name}: {one['new']:,} new outcomes, {one['unknown']:,} of them unknown for good; {one['restated']:,} "
            f"restated by the data; {one['waiting']:,} sessions wait"
        )
    if not done:
        screen.print("There is nothing to settle: no installed data set was forecast from.")


@group.command("report")
def report(
    horizon: Annotated[str, typer.Option(help="Horizon of the forecasts: 1d, 7d or 30d.")] = "7d",
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Only outcomes of the last so many days.")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="A member or a version; else the ensemble.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how good the matured forecasts were, beside their base rates."""
    from vfr.typing import MEMBER_NAMES
    from vfr.workflows.query import parse_horizon

    app = application()
    found = app.journal.report(parse_horizon("horizon", horizon), days=days, model=model)
    if model is not None and model not in MEMBER_NAMES and not found["dates"]:
        app.models.card(model)  # Nothing was forecast by it: is there such a version at all?
    if as_json:
        emit(found)
        return
    screen = console()
    if found["note"] is not None:
        screen.print(f"[yellow]![/] {found['note']}")
    if found["dates"]:
        _print(screen, found)


def _print(screen: Console, found: Mapping[str, Any]) -> None:
    from rich.markup import escape

    whose = escape(found["model"] or "the ensemble")
    screen.print(
        f"{found['rows']:,} forecasts of {whose} over {found['horizon']}, {found['dates']:,} dates from "
        f"{found['first']} to {found['last']}, {found['timelyDates']:,} of them made before the next session opened"
    )
    screen.print(_figures(found["direction"], found["excess"]))
    for name, one in found["composite"].items():
        t = _number(one["rankIcT"], 1)
        screen.print(f"{name} score: rank IC {_number(one['rankIc'])} (t {t}, {one['rankIcDates']:,} dates)")
        screen.print(_tiers(one["tiers"]))
    if found["members"]:
        screen.print(_members(found["members"]))
    if found["calibration"]:
        screen.print(_calibration(found["calibration"]))


def _figures(direction: Mapping[str, Any], excess: Mapping[str, Any]) -> Table:
    from vfr.cli import layout

    table = layout.table("Figure", "Realised", "95 %", "Base rate")
    lines = [
        ("accuracy of the direction", direction, "accuracy", direction["baseRateAccuracy"]),
        ("lift over the base rate", direction, "lift", 0.0),
        ("Brier score", direction, "brier", direction["brierBaseRate"]),
        ("accuracy of the excess sign", excess, "signAccuracy", 0.5),
    ]
    for label, of, name, base in lines:
        low, high = of.get(f"{name}Low"), of.get(f"{name}High")
        span = "—" if low is None or high is None else f"{low:.4f} to {high:.4f}"
        table.add_row(label, _number(of[name]), span, _number(base))
    t = f"t {_number(excess['rankIcT'], 1)}, {excess['rankIcDates']:,} dates"
    table.add_row("rank IC of the excess", _number(excess["rankIc"]), t, _number(0.0))
    return table


def _tiers(tiers: Mapping[str, Mapping[str, Any]]) -> Table:
    from vfr.cli import layout

    table = layout.table("Recommendation", "Rows", "Dates", "Mean excess", "t", "Beat the median", "Rose", "Base rate")
    for name, one in tiers.items():
        shares = (_number(one[key]) for key in ("beatsMedianShare", "upShare", "upBaseRate"))
        mean = (_number(one["meanExcess"], 5), _number(one["meanExcessT"], 1))
        table.add_row(name, f"{one['rows']:,}", f"{one['dates']:,}", *mean, *shares)
    return table


def _members(members: Mapping[str, Mapping[str, Any]]) -> Table:
    from vfr.cli import layout

    table = layout.table("Member", "Dates", "Accuracy", "Base rate", "Brier", "Base rate", "Rank IC", "t")
    for name, one in members.items():
        keys = ("accuracy", "baseRateAccuracy", "brier", "brierBaseRate", "rankIc")
        table.add_row(name, f"{one['dates']:,}", *(_number(one[key]) for key in keys), _number(one["rankIcT"], 1))
    return table


def _calibration(bins: list[Mapping[str, Any]]) -> Table:
    from vfr.cli import layout

    table = layout.table("Confidence", "Came true", "Rows")
    for one in bins:
        table.add_row(_number(one["confidence"]), _number(one["accuracy"]), f"{one['count']:,}")
    return table


def _number(value: float | None, digits: int = 4) -> str:
    return "—" if value is None else f"{value:.{digits}f}"
