"""`vfr monitor`: what the members of the ensemble did, what they weigh, and whether one is broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfr.cli.options import AsJson, application, horizons_of
from vfr.cli.output import console, emit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["group"]

group = typer.Typer(no_args_is_help=True, help="The members of the ensemble: performance.")


@group.callback()
def _monitor() -> None:
    pass


@group.command("performance")
def performance(
    horizon: Annotated[str, typer.Option(metavar="H,H", help="Horizons, separated by commas.")] = "1d,7d,30d",
    as_json: AsJson = False,
) -> None:
    """Show weight, health, figures and alarms of the members."""
    report = application().tracking.performance(horizons_of(horizon))
    if as_json:
        emit(report.to_dict(), success=not report.problems)
    else:
        _print(console(), report.to_dict())
    if report.problems:
        raise typer.Exit(1)


def _print(screen: Console, report: Mapping[str, Any]) -> None:
    from rich.markup import escape

    for found in report["horizons"]:
        if found["problem"] is not None:
            screen.print(f"[red]✗[/] {found['horizon']}: {escape(found['note'])}: {escape(found['problem'])}")
            continue
        mark = "" if found["members"] else "[yellow]![/] "
        screen.print(f"{mark}[bold]{found['horizon']}[/]: {escape(found['note'])}")
        if not found["members"]:
            continue
        trained, served = found["datesTrained"], found["datesServed"]
        screen.print(f"Of these dates {trained:,} are out of fold from training, {served:,} were served.\n")
        screen.print(_standings(found["members"]))
        screen.print(_figures(found["members"]))
        screen.print(_alarms(found["members"]))


def _standings(members: list[Mapping[str, Any]]) -> Table:
    from rich.markup import escape

    from vfr.cli import layout

    table = layout.table("Member", "Weight", "Health", "Last event", gap=1)
    for one in members:
        event = one["lastEvent"]
        told = "none" if event is None else escape(f"{event['session']} {event['kind']}: {event['reason']}")
        health = "[red]benched[/]" if one["health"] == 0 else f"{one['health']:.2f}"
        table.add_row(one["member"], f"{one['weight']:.3f}", health, told)
    return table


def _figures(members: list[Mapping[str, Any]]) -> Table:
    from vfr.cli import layout

    heads = ("Excess\nsign", "Brier", "Base\nrate", "Brier\nskill", "Log\nloss", "Base\nrate", "Rank\nIC", "\nt")
    table = layout.table("Member", "\nDates", *heads, gap=0)
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for one in members:
        windows = [figures for figures in one["figures"] if figures["window"] is None or _shorter(figures, one)]
        for place, figures in enumerate(windows):
            means = [figures[name] for name in ("accuracy", "brier", "logLoss", "ic")]
            sign, brier, loss, ic = (_number(mean["value"]) for mean in means)
            base, base_loss = _number(figures["brier"]["reference"]), _number(figures["logLoss"]["reference"])
            skill, t = _number(figures["brierSkill"]), _number(figures["ic"]["gainT"], 1)
            name = one["member"] if place == 0 else ""
            table.add_row(name, f"{figures['dates']:,}", sign, brier, base, skill, loss, base_loss, ic, t)
    return table


def _shorter(figures: Mapping[str, Any], member: Mapping[str, Any]) -> bool:
    """Return whether a window holds less than the whole record."""
    return bool(figures["dates"] < member["datesTrained"] + member["datesServed"])


def _alarms(members: list[Mapping[str, Any]]) -> Table:
    from vfr.cli import layout

    heads = ("Alarm by outcomes", "Dates\nserved", "Found in\na year", "Median\ndates", "False in\na year")
    table = layout.table("Member", *heads, gap=1)
    for one in members:
        alarm = one["alarm"]
        if alarm is None:
            table.add_row(one["member"], "not trained with the others", f"{one['datesServed']:,}", "—", "—", "—")
            continue
        delay = "never" if alarm["delay"] is None else f"{alarm['delay']:.0f}"
        odds = (f"{alarm['power']:.0%}", delay, f"{alarm['falseAlarms']:.1%}")
        table.add_row(one["member"], _alarm(alarm), f"{alarm['datesWatched']:,}", *odds)
    return table


def _alarm(alarm: Mapping[str, Any]) -> str:
    if alarm["limit"] is None:
        return "cannot ring: its record shows no skill that could be lost"
    gathered = f"evidence {alarm['evidence']:.1f} of {alarm['limit']:.1f}"
    return f"[red]rings since {alarm['since']}[/], {gathered}" if alarm["rings"] else f"quiet, {gathered}"


def _number(value: float | None, digits: int = 4) -> str:
    return "—" if value is None else f"{value:.{digits}f}"
