"""`vfr lookahead`: whether any factor or feature sees the future."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfr.cli.options import AsJson, application
from vfr.cli.output import console, emit, progress

if TYPE_CHECKING:
    from vfr.workflows.lookahead import LookaheadReport

__all__ = ["command"]


def command(as_json: AsJson = False) -> int:
    """Test every factor and feature for look-ahead, on the installed data and on a seeded market.

    Each is computed again after the future is cut off, after prices are rescaled and on a prefix; nothing may change.
    Exits with 1 if one leaks, or was never seen with a finite value.
    """
    app = application()
    with progress("Looking ahead", quiet=as_json) as report:
        app.prepare(report)
        found = app.lookahead(progress=report)
    if as_json:
        emit(found.to_dict(), success=found.ok)
    else:
        _print(found)
    return 0 if found.ok else 1


def _print(found: LookaheadReport) -> None:
    from rich.markup import escape

    screen = console()
    screen.print(f"{len(found.checked)} checked, {len(found.leaks)} leaks, {len(found.unchecked)} unchecked")
    for leak in found.leaks:
        screen.print(f"  [red]leak[/] {escape(str(leak))}")
    for name in found.unchecked:
        screen.print(f"  [yellow]unchecked[/] {name}: never had a finite value")
