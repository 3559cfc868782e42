"""`vfr chaos`: break parts of this installation on purpose, to see that the classic answer stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from vfr.cli.options import AsJson, application
from vfr.cli.output import console, emit, error_out

__all__ = ["command"]

_FORBIDDEN: Final = "VFR_CHAOS: is not true; set it, in every process of a staging installation, to rehearse failures"


def command(
    faults: Annotated[
        list[str],
        typer.Argument(metavar="FAULT...", help="ml=raise|hang|slow|nan, cache=down|slow, db=down; or off, or status."),
    ],
    lasting: Annotated[str, typer.Option("--for", metavar="10m", help="When it ends by itself.")] = "15m",
    as_json: AsJson = False,
) -> int:
    """Break parts of this installation on purpose.

    Every process follows within a second, and all is well again after the time is over or `vfr chaos off`. Only where
    VFR_CHAOS is true. What is named replaces what was broken before.
    """
    app = application()
    if app.chaos is None:
        error_out(_FORBIDDEN, "CHAOS_NOT_ALLOWED", as_json=as_json)
        return 1
    if faults == ["off"]:
        app.chaos.clear()
    elif faults != ["status"]:
        _break(app.chaos, faults, lasting)
    _print(app.rehearsal(), as_json=as_json)
    return 0


def _break(chaos: Any, faults: list[str], lasting: str) -> None:
    from dataclasses import replace

    from vfr.clock import epoch_ms
    from vfr.workflows.chaos import parse_duration, parse_faults

    chaos.write(replace(parse_faults(faults), until=epoch_ms() / 1e3 + parse_duration(lasting)))


def _print(state: Mapping[str, Any] | None, *, as_json: bool) -> None:
    if as_json:
        emit({"chaos": state})
    elif state is None:
        console().print("Nothing is broken on purpose.")
    else:
        faults = ", ".join(f"{part}={fault}" for part, fault in state["faults"].items())
        console().print(f"[bold red]Broken on purpose[/]: {faults}, until {state['until']}")
