"""`vfr evidence`: how good are the models, or the classic score, out of sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfr.cli.options import AsJson, Cluster, Jobs, Members, Seed, application, horizons_of, words
from vfr.cli.output import console, emit, progress

if TYPE_CHECKING:
    from vfr.workflows.evidence_report import EvidenceReport

__all__ = ["command"]


def command(
    *,
    horizon: Annotated[str, typer.Option(metavar="H,H", help="Horizons, separated by commas.")] = "7d",
    members: Members = None,
    classic: Annotated[bool, typer.Option("--classic", help="Judge the classic score instead of the models.")] = False,
    release: Annotated[
        bool, typer.Option("--release", help="Read the outcomes kept for release runs too; each such run is counted.")
    ] = False,
    start: Annotated[
        str | None, typer.Option(metavar="DATE", help="Leave earlier sessions out of the report.", show_default=False)
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="Parquet of date, symbol, score: judged beside."
        ),
    ] = None,
    seed: Seed = 0,
    seeds: Annotated[int, typer.Option(min=1, max=50, help="Fit everything this often and report the spread.")] = 1,
    ablate: Annotated[
        str,
        typer.Option(metavar="F,F", help="Fit the cheap members without these families of features, one at a time."),
    ] = "",
    replay: Annotated[
        bool, typer.Option("--replay", help="Break each member half-way: how soon it is found, and loses its weight.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="Write report.html, .md and .json there, too.")
    ] = None,
    cluster: Cluster = None,
    jobs: Jobs = None,
    kept: Annotated[bool, typer.Option("--list", help="List the reports that are kept, and judge nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge the models out of sample beside what needs no model, and print the whole report.

    Trains walk-forward, so it takes minutes. Figures that cannot be told from luck say so.
    """
    if kept:
        _list(as_json=as_json)
        return
    from vfr.dashboard.evidence_page import page
    from vfr.data.sessions import parse_day

    since = None if start is None else parse_day("start", start)
    horizons = horizons_of(horizon)
    app = application()
    with progress("Preparing", quiet=as_json) as report:
        app.prepare(report)
        found = app.learning.evidence(
            horizons=horizons,
            members=None if members is None else words(members),
            classic=classic,
            release=release,
            start=since,
            against=against,
            seed=seed,
            seeds=seeds,
            ablate=words(ablate),
            replay=replay,
            out=out,
            page=page,
            cluster=cluster,
            jobs=jobs,
            progress=report,
        )
    if as_json:
        emit(found[0].to_dict() if len(found) == 1 else {"reports": [judged.to_dict() for judged in found]})
    else:
        for judged in found:
            _print(judged)


def _list(*, as_json: bool) -> None:
    from dataclasses import asdict

    found = application().learning.reports()
    if as_json:
        emit({"reports": [asdict(filed) for filed in found]})
        return
    if not found:
        console().print("No reports yet: `vfr evidence` makes one.")
        return
    from vfr.cli import layout

    table = layout.table("report", "made", "data", "judged", "mode")
    for filed in found:
        about = filed.about
        data = f"{about.data_name} ({about.data_version[:12]})"
        table.add_row(filed.report_id, filed.made[:19].replace("T", " "), data, about.judged, about.mode)
    console().print(table)


def _print(found: EvidenceReport) -> None:
    from rich.markup import escape

    from vfr.cli import layout
    from vfr.workflows.evidence_report import Cell, cell_text

    def shown(value: Cell) -> str:
        return escape(cell_text(value, unknown="—"))

    screen = console()
    screen.print(layout.notes((f"[dim]{escape(name)}[/]", shown(fact)) for name, fact in found.facts.items()))
    for part in found.tables:
        screen.print(f"\n[bold]{escape(part.title)}[/]")
        table = layout.table()
        for n, head in enumerate(part.columns):
            text = all(isinstance(row[n], str) for row in part.rows)
            table.add_column(escape(head), justify="left" if text else "right")
        for row in part.rows:
            table.add_row(*(shown(value) for value in row))
        screen.print(table)
        if part.note:
            screen.print(f"[dim]{escape(part.note)}[/]")
