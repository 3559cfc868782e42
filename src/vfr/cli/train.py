"""`vfr train`: train models on the current data, judge them, and promote what passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from vfr.cli.options import WHO, AsJson, Cluster, Jobs, Members, Seed, application, horizons_of, words
from vfr.cli.output import console, emit, progress

if TYPE_CHECKING:
    from vfr.workflows.train import TrainReport

__all__ = ["command"]

_FIGURES: Final = ("rank_ic", "accuracy", "accuracy_base_rate", "brier_skill")


def command(
    *,
    horizon: Annotated[str, typer.Option(metavar="H,H", help="Horizons, separated by commas.")] = "1d,7d,30d",
    members: Members = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Train as on that evening; answers requests about the past only.")
    ] = None,
    seed: Seed = 0,
    cluster: Cluster = None,
    jobs: Jobs = None,
    override_rows: Annotated[
        str, typer.Option(metavar="REASON", help="Promote on fewer than 10,000 training rows; kept in the card.")
    ] = "",
    starter: Annotated[
        bool,
        typer.Option(
            "--starter", help="Only horizons without a model of the current data; judged on the newest years."
        ),
    ] = False,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Stop short of promotion: what passes predicts, but is not shown.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train models on the current data, judge them out of sample, and promote what passes the gates.

    A version that is refused is kept, and says why; the one in use stays in use.
    """
    from vfr.data.sessions import parse_day

    horizons = horizons_of(horizon)
    day = None if as_of is None else parse_day("as_of", as_of)
    app = application()
    with progress("Preparing", quiet=as_json) as report:
        app.prepare(report)
        if starter:
            missing = app.untrained()
            horizons = tuple(name for name in horizons if name in missing)
        result = app.learning.train(
            horizons=horizons,
            members=None if members is None else words(members),
            as_of=day,
            seed=seed,
            cluster=cluster,
            jobs=jobs,
            shadow=shadow,
            starter=starter,
            override_rows=override_rows,
            who=WHO,
            progress=report,
        )
    if as_json:
        emit(result.to_dict())
    else:
        _print(result)


def _print(result: TrainReport) -> None:
    from vfr.cli import layout

    screen = console()
    if not result.trained:
        screen.print("Nothing to train: every horizon has a model of the current data; see `vfr models list`.")
        return
    table = layout.table()
    for head in ("Model", "Status", "Learned until"):
        table.add_column(head, no_wrap=True)
    for head in ("Rows", "Rank IC", "Accuracy", "Base-rate rule", "Brier skill"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in result.trained:
        style = "green" if row.status == "champion" else "yellow"
        numbers = (
            _number(row.metrics.get(name)) for name in ("rank_ic", "accuracy", "accuracy_base_rate", "brier_skill")
        )
        table.add_row(row.model_id, f"[{style}]{row.status}[/]", row.labels_end, f"{row.n_rows:,}", *numbers)
    screen.print(table)
    for row in result.trained:
        if row.refused:
            screen.print(f"  [yellow]![/] {row.model_id}: refused by {', '.join(row.refused)}")
    for member, reason in result.skipped.items():
        screen.print(f"  [dim]{member} left out: {reason}[/]", soft_wrap=True)
    screen.print(f"[dim]Survivorship: {result.survivorship}[/]")
    screen.print(f"[dim]{result.data_name} {result.data_version[:12]}, seed {result.seed}, {result.seconds:.0f} s[/]")


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "—"
