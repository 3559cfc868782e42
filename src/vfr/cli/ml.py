"""`vfr ml`: the switches that turn machine learning off for everybody, whole or in part, and back on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from vfr.cli.options import WHO, AsJson, application
from vfr.cli.output import console, emit

if TYPE_CHECKING:
    from vfr.workflows.toggles import Toggle

__all__ = ["group"]

group = typer.Typer(no_args_is_help=True, help="Machine learning: status, disable, enable, audit.")

Member: TypeAlias = Annotated[
    str | None, typer.Option("--member", metavar="NAME", help="Only this member of the ensemble.", show_default=False)
]
Model: TypeAlias = Annotated[
    str | None, typer.Option("--model", metavar="ID", help="Only this model version.", show_default=False)
]


@group.command("status")
def status(as_json: AsJson = False) -> None:
    """Say whether machine learning is on, and which versions answer."""
    state = application().ml_state()
    if as_json:
        emit(state)
        return
    _print(state)
    _print_versions(state)


@group.command("disable")
def disable(
    reason: Annotated[str, typer.Option("--reason", help="Why; shown with every answer that lacks a prediction.")],
    member: Member = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Switch off machine learning, one member, or one version.

    Running servers follow within a second; classic answers are untouched.
    """
    _turn(False, reason, member, model, as_json=as_json)


@group.command("enable")
def enable(
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the log.")] = "enabled",
    member: Member = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Switch machine learning, one member, or one version back on."""
    _turn(True, reason, member, model, as_json=as_json)


@group.command("audit")
def audit(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Newest rows shown.")] = 50, as_json: AsJson = False
) -> int:
    """Show who turned which switch, when and why. Exits with 1 if the log was changed afterwards."""
    desk = application().toggles
    rows, problems = desk.audit(limit), desk.problems()
    if as_json:
        shown = [{"sequence": row.sequence, **_shown(row.toggle)} for row in rows]
        emit({"rows": shown, "problems": list(problems)}, success=not problems)
        return 1 if problems else 0
    from rich.markup import escape

    screen = console()
    if not rows:
        screen.print("No rows: no switch was ever turned.")
    for row in rows:
        one = row.toggle
        word = "[green]on[/]" if one.enabled else "[red]off[/]"
        screen.print(f"{row.sequence:>5}  {one.at}  {escape(one.id)} {word} by {escape(one.who)}: {escape(one.reason)}")
    for problem in problems:
        screen.print(f"  [red]![/] {escape(problem)}")
    return 1 if problems else 0


def _turn(enabled: bool, reason: str, member: str | None, model: str | None, *, as_json: bool) -> None:
    from vfr.errors import InvalidField
    from vfr.typing import MEMBER_NAMES
    from vfr.workflows.toggles import EVERYTHING

    if member is not None and model is not None:
        raise InvalidField("model", "name a member or a model version, not both")
    if member is not None and member not in MEMBER_NAMES:
        raise InvalidField("member", f"use one of {', '.join(MEMBER_NAMES)}")
    app = application()
    try:
        app.toggles.turn(member or model or EVERYTHING, enabled, reason=reason, who=WHO)
    except InvalidField as error:
        if error.field != "id":
            raise
        raise InvalidField("model", f"there is no version {model}; `vfr models list --all` shows them") from None
    if as_json:
        emit(app.ml_state())
    else:
        _print(app.ml_state())


def _shown(one: Toggle) -> dict[str, Any]:
    return {"id": one.id, "enabled": one.enabled, "reason": one.reason, "who": one.who, "at": one.at}


def _print(state: Mapping[str, Any]) -> None:
    from rich.markup import escape

    screen = console()
    changed = f", changed by {state['changedBy']} at {state['changedAt']}" if state["changedAt"] else ""
    word = "[green]on[/]" if state["enabled"] else "[red]off[/]"
    why = state["reason"].removeprefix("machine learning is switched off").lstrip(": ")  # The line says it already.
    reason = f": {escape(why)}" if why else ""
    screen.print(f"Machine learning is {word}{reason}[dim]{escape(changed)}[/]")
    for name, text in state["toggles"].items():
        screen.print(f"  [red]off[/]  {escape(name)}: {escape(text)}")


def _print_versions(state: Mapping[str, Any]) -> None:
    from rich.markup import escape

    from vfr.typing import HORIZONS

    screen, off = console(), state["toggles"]
    for row in sorted(state["champions"], key=lambda row: HORIZONS[row["horizon"]]):
        is_off = " [red](off)[/]" if off.keys() & {row["member"], row["modelId"]} else ""
        screen.print(f"  {row['horizon']:>3}  {row['modelId']}, learned until {row['labelsEnd']}{is_off}")
    if not state["champions"]:
        screen.print("  No champion for the current data; train with `vfr train --starter`.")
    for warning in state["warnings"]:
        screen.print(f"  [yellow]![/] {escape(warning)}")
    training = state["training"]
    if training["state"] != "idle":
        at = f", {training['stage']}, {training['progress']}% done" if training["state"] == "running" else ""
        screen.print(f"  Training: {training['state']}{at}")
