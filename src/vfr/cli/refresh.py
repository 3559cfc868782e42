"""`vfr refresh`: the scoreboard of machine learning, made current now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfr.cli.options import AsJson, application
from vfr.cli.output import console, emit, progress

if TYPE_CHECKING:
    from vfr.workflows.ml_board import MlBoard

__all__ = ["command"]


def command(as_json: AsJson = False) -> int:
    """Ask every member about the latest session and publish what they say, where that is not done yet.

    A running server does so by itself after every change. Exits with 1 if nothing can be published.
    """
    app = application()
    with progress("Refreshing", quiet=as_json) as report:
        app.prepare(report)
        board = app.refreshing.step(report, wait=True)
    state = app.ml_state()
    app.close()
    if board is None:
        why = "the data changed meanwhile; run it again" if state["enabled"] else state["reason"]
        return _nothing(why, as_json=as_json)
    if as_json:
        emit(board.to_dict())
    else:
        _print(board)
    return 0


def _nothing(why: str, *, as_json: bool) -> int:
    from vfr.cli.output import error_out

    error_out(f"the scoreboard was not refreshed: {why}", "ML_UNAVAILABLE", as_json=as_json)
    return 1


def _print(board: MlBoard) -> None:
    from rich.markup import escape

    screen = console()
    told = board.to_dict()
    screen.print(f"The scoreboard of {told['dataName']} is current: {told['symbols']} symbols at {told['asOf']}")
    for horizon, found in told["horizons"].items():
        for member, one in found["members"].items():
            mark = "[green]ok[/]" if one["status"] == "ok" else f"[yellow]{one['status']}[/]"
            line = f"  {horizon:>3}  {member:<9} {mark}  {one['version'] or ''}"
            screen.print(f"{line}  {escape(one['reason'])}" if one["reason"] else line)
