"""`vfr ab`: experiments that compare the classic score with a blended one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfr.cli.options import WHO, AsJson, application, words
from vfr.cli.output import console, emit

if TYPE_CHECKING:
    from rich.table import Table

    from vfr.bootstrap.experiments import ExperimentDesk
    from vfr.experiments.experiment import Arm

__all__ = ["group", "shares_of"]

group = typer.Typer(no_args_is_help=True, help="Experiments: start, report, stop, list.")


@group.command("start")
def start(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    *,
    why: Annotated[str, typer.Option("--why", help="Why; kept with the experiment.")],
    arms: Annotated[
        str, typer.Option("--arms", metavar="ARM=SHARE,...", help="Arms classic, ml, shadow; shares sum to 1.")
    ] = "classic=0.5,ml=0.5",
    horizon: Annotated[str, typer.Option(help="Only requests over this horizon take part: 1d, 7d or 30d.")] = "7d",
    weight: Annotated[float, typer.Option(help="ML weight of the arm ml.")] = 0.15,
    holdout: Annotated[float, typer.Option(help="Share of the subjects that is left alone.")] = 0.0,
    error: Annotated[float, typer.Option(help="Chance to claim a difference where there is none.")] = 0.05,
    tight_at: Annotated[int, typer.Option(help="Values at which the interval is tightest; a value is a week.")] = 50,
    first: Annotated[int, typer.Option(help="Values before the first look, 20 at least.")] = 30,
    margin: Annotated[float, typer.Option(help="Difference of rank IC too small to matter; 0 is never.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Start an experiment; servers follow within a second. One runs at a time."""
    from vfr.experiments.experiment import StopRule
    from vfr.workflows.compare import Plan
    from vfr.workflows.query import parse_horizon

    rule = StopRule(error=error, tight_at=tight_at, first=first, margin=margin)
    plan = Plan(name, shares_of(arms), parse_horizon("horizon", horizon), why, holdout, weight, rule)
    _print(_desk().start(plan, WHO).to_dict(), as_json=as_json)


@group.command("stop")
def stop(
    experiment: Annotated[str, typer.Argument(metavar="ID")],
    why: Annotated[str, typer.Option("--why", help="Why; kept with the experiment.")],
    as_json: AsJson = False,
) -> None:
    """Stop an experiment, and keep its report as it is now."""
    _print(_desk().stop(experiment, why=why, who=WHO).to_dict(), as_json=as_json)


@group.command("list")
def listing(as_json: AsJson = False) -> None:
    """List the newest experiments."""
    found = [one.to_dict() for one in _desk().listed()]
    if as_json:
        emit({"experiments": found})
        return
    if not found:
        console().print("There is no experiment yet; `vfr ab start NAME --why ...` starts one.")
    for one in found:
        _print(one, as_json=False)


@group.command("report")
def report(
    experiment: Annotated[str | None, typer.Argument(metavar="[ID]", help="The newest one by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what an experiment found by now.

    The verdict says whether it may be said already.
    """
    found = _desk().report(experiment).to_dict()
    if as_json:
        emit(found)
        return
    from rich.markup import escape

    screen = console()
    _print(found["experiment"], as_json=False)
    kept = found["atStop"]
    if kept is not None:
        screen.print(
            f"[bold]Verdict when it was stopped:[/] {escape(kept['verdict'])} ({kept['dates']:,} matured dates)"
        )
    screen.print(f"[bold]Verdict{'' if kept is None else ' by now'}:[/] {escape(found['verdict'])}")
    if found["dates"]:
        late = f", {found['lateDates']:,} of them forecast late" if found["lateDates"] else ""
        screen.print(f"{found['dates']:,} matured dates from {found['first']} to {found['last']}{late}")
        screen.print(_figures(found))
        screen.print(_power(found))
    screen.print(_arms(found))
    ratio = found["sampleRatio"]
    if ratio["p"] is not None:
        mark = "[red]mismatch[/]" if ratio["mismatch"] else "as planned"
        screen.print(f"Subjects dealt: {mark} (chi-square p {ratio['p']:.4f})")
    if found["calibration"]:
        screen.print(_calibration(found["calibration"]))


def shares_of(text: str) -> dict[Arm, float]:
    """Return the shares of an option such as ``classic=0.5,ml=0.5``.

    Raises
    ------
    InvalidField
        If it is written otherwise, or an arm is named twice.

    Examples
    --------
    >>> shares_of("classic=0.4, ml=0.6")
    {'classic': 0.4, 'ml': 0.6}
    """
    from vfr.errors import InvalidField

    found: dict[Any, float] = {}
    for part in words(text):
        arm, _, share = part.partition("=")
        try:
            number = float(share)
        except ValueError:
            raise InvalidField("arms", f"{part!r} is no ARM=SHARE, such as classic=0.5,ml=0.5") from None
        if arm.strip() in found:
            raise InvalidField("arms", f"{arm.strip()} is named twice")
        found[arm.strip()] = number
    return found


def _desk() -> ExperimentDesk:
    return application().experiments


def _print(one: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit({"experiment": one})
        return
    from rich.markup import escape

    arms = ", ".join(f"{arm} {share:.0%}" for arm, share in one["arms"].items())
    state = "[green]running[/]" if one["running"] else f"stopped {one['stoppedAt']} ({escape(one['stoppedWhy'])})"
    screen = console()
    screen.print(f"[bold]{one['id']}[/] {escape(one['name'])}: {state}, started {one['startedAt']}")
    held = f", {one['holdout']:.0%} held out" if one["holdout"] else ""
    screen.print(f"  {arms}{held}; {one['horizon']} ahead, weight {one['weight']:g}; {escape(one['why'])}")


def _figures(found: Mapping[str, Any]) -> Table:
    from vfr.cli import layout

    table = layout.table("Figure", "Classic", "Blended", "Difference", "95 % or always valid")
    for label, one in (("accuracy", found["accuracy"]), ("rank IC", found["rankIc"])):
        gain = one["difference"]
        table.add_row(label, _number(one["classic"]), _number(one["blended"]), _number(gain["estimate"]), _span(gain))
    decision = found["decision"]
    table.add_row(f"rank IC, {decision['n']:,} values", "", "", _number(decision["mean"]), _span(decision))
    accuracy = found["accuracy"]
    only = f"{accuracy['classicOnly']:,} calls right in classic only, {accuracy['blendedOnly']:,} in blended only"
    table.add_row(
        "McNemar", "", "", "", f"{only}: p {_number(accuracy['p'])}, by blocks {_number(accuracy['pBlocks'])}"
    )
    return table


def _power(found: Mapping[str, Any]) -> str:
    power = found["power"]
    if power is None:
        return "Too few values for the power of the stop rule."
    needed = f"more than {power['longest']:,} values"
    if power["required"] is not None:
        needed = f"{power['required']:,} values ({power['requiredSessions']:,} sessions)"
    return f"A difference of {power['effect']:.5f} is found with {power['wanted']:.0%} power after {needed}."


def _arms(found: Mapping[str, Any]) -> Table:
    from vfr.cli import layout

    heads = ("Arm", "Subjects", "Requests", "Opt-in", "Shown", "As planned", "Rows", "Classic", "Blended")
    table = layout.table(*heads)
    for one in found["arms"]:
        accuracy = one["accuracy"]
        counts = (f"{one['subjects']:,}", f"{one['requests']:,}", _number(one["optIn"]["share"], 3))
        right = (_number(accuracy["classic"]), _number(accuracy["blended"]))
        planned = (one["shown"] or "as asked", _number(one["asPlanned"], 3))
        table.add_row(one["arm"], *counts, *planned, f"{accuracy['rows']:,}", *right)
    return table


def _calibration(bins: list[Mapping[str, Any]]) -> Table:
    from vfr.cli import layout

    table = layout.table("Confidence", "Came true", "Rows")
    for one in bins:
        table.add_row(_number(one["forecast"]), _number(one["observed"]), f"{one['count']:,}")
    return table


def _span(one: Mapping[str, Any]) -> str:
    return "—" if one["low"] is None or one["high"] is None else f"{one['low']:.5f} to {one['high']:.5f}"


def _number(value: float | None, digits: int = 4) -> str:
    return "—" if value is None else f"{value:.{digits}f}"
