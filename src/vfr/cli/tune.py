"""`vfr tune`: search a member's hyper-parameters on training rows only."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vfr.cli.options import AsJson, Seed, application, horizons_of, words
from vfr.cli.output import console, emit, progress

if TYPE_CHECKING:
    from vfr.workflows.tuning import Tuned

__all__ = ["command"]


def command(
    horizon: Annotated[str, typer.Option(metavar="H,H", help="Horizons, separated by commas.")] = "7d",
    members: Annotated[
        str, typer.Option("--members", metavar="A,B", help="Members, separated by commas.")
    ] = "lightgbm",
    trials: Annotated[int, typer.Option(min=1, help="Trials of each target, those of an earlier run included.")] = 30,
    until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="No label of the search ends later; by default where the first fold ends."),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Search hyper-parameters on training rows only; `vfr train` uses what is better than the defaults beyond noise.

    Stop it and run it again: it goes on from the trials that are finished.
    """
    from vfr.data.sessions import parse_day
    from vfr.errors import InvalidField
    from vfr.workflows.tune import check

    horizons = horizons_of(horizon)
    day = None if until is None else parse_day("until", until)
    chosen = words(members)
    if not chosen:
        raise InvalidField("members", "name at least one")
    for member in chosen:  # Before hours go into the first of them.
        check(member, trials, seed)
    app = application()
    with progress("Preparing", quiet=as_json) as report:
        app.prepare(report)
        found = [
            app.learning.tune(asked, member, trials=trials, until=day, seed=seed, progress=report)
            for asked in horizons
            for member in chosen
        ]
    if as_json:
        emit({"tuned": [asdict(tuned) for tuned in found]})
    else:
        _print(found)


def _print(found: list[Tuned]) -> None:
    from vfr.cli import layout

    screen = console()
    table = layout.table()
    for head in ("Member", "Horizon", "Target"):
        table.add_column(head, no_wrap=True)
    for head in ("Trials", "Defaults", "Best", "t of the gain"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("Used")
    for tuned in found:
        for target, search in tuned.targets.items():
            used = ", ".join(f"{name} {_figure(value)}" for name, value in search.params.items())
            table.add_row(
                tuned.member,
                tuned.horizon,
                target,
                f"{search.trials} ({search.pruned} pruned)",
                f"{search.default_score:.4f}",
                f"{search.best_score:.4f}",
                f"{search.t:.1f}",
                used if search.adopted else "defaults",
            )
    screen.print(table)
    for until in sorted({tuned.until for tuned in found}):
        screen.print(f"[dim]Searched on labels that end by {until}; scores are mean coefficients of inner sessions.[/]")


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
