"""`vfr ml`: the switch that turns machine learning off for everybody, and back on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from vfr.cli.options import WHO, AsJson, application
from vfr.cli.output import console, emit

__all__ = ["group"]

group = typer.Typer(no_args_is_help=True, help="Machine learning: status, disable, enable.")


@group.command("status")
def status(as_json: AsJson = False) -> None:
    """Say whether machine learning is on, and which versions answer."""
    app = application()
    _print(app.ml_state(), as_json=as_json)


@group.command("disable")
def disable(
    reason: Annotated[str, typer.Option("--reason", help="Why; shown with every answer that lacks a prediction.")],
    as_json: AsJson = False,
) -> None:
    """Switch machine learning off.

    Running servers follow at once; classic answers are untouched.
    """
    app = application()
    app.set_ml(False, reason, WHO)
    _print(app.ml_state(), as_json=as_json)


@group.command("enable")
def enable(
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the log.")] = "enabled",
    as_json: AsJson = False,
) -> None:
    """Switch machine learning back on."""
    app = application()
    app.set_ml(True, reason, WHO)
    _print(app.ml_state(), as_json=as_json)


def _print(state: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(state)
        return
    from rich.markup import escape

    screen = console()
    changed = f", changed by {state['changedBy']} at {state['changedAt']}" if state["changedAt"] else ""
    word = "[green]on[/]" if state["enabled"] else "[red]off[/]"
    why = state["reason"].removeprefix("machine learning is switched off").lstrip(": ")  # The line says it already.
    reason = f": {escape(why)}" if why else ""
    screen.print(f"Machine learning is {word}{reason}[dim]{changed}[/]")
    for row in state["champions"]:
        screen.print(f"  {row['horizon']:>3}  {row['member']}  {row['modelId']}, learned until {row['labelsEnd']}")
    if not state["champions"]:
        screen.print("  No champion for the current data; train with `vfr train --starter`.")
    for warning in state["warnings"]:
        screen.print(f"  [yellow]![/] {escape(warning)}")
    training = state["training"]
    if training["state"] != "idle":
        at = f", {training['stage']}, {training['progress']}% done" if training["state"] == "running" else ""
        screen.print(f"  Training: {training['state']}{at}")
