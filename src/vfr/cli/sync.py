"""`vfr data sync` and `vfr worker`: bring live data in, now or on a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from vfr.cli.options import AsJson, application, words
from vfr.cli.output import console, emit, progress

if TYPE_CHECKING:
    from datetime import date

    from rich.console import Console

    from vfr.bootstrap import Application
    from vfr.bootstrap.live import SyncOptions
    from vfr.workflows.sync_report import SyncPlan, SyncReport

__all__ = ["command", "worker"]

_SHOWN: Final = 8
"""Subjects named per problem on the screen; all are in the JSON."""

Universe = Annotated[
    str,
    typer.Option(
        "--universe", metavar="sp500|FILE|A,B", help="What to bring in: the index, a file of tickers, or tickers."
    ),
]
Providers = Annotated[
    str, typer.Option("--provider", metavar="A,B", help="Providers in order of trust: yahoo, edgar, fred, fmp, tiingo.")
]
Since = Annotated[str, typer.Option("--since", metavar="DATE", help="First day of the history; ten years back.")]
Name = Annotated[str, typer.Option("--as", metavar="NAME", help="Name of the data set.")]


def command(
    universe: Universe = "",
    provider: Providers = "",
    since: Since = "",
    name: Name = "live",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, and ask nothing.")] = False,
    refetch: Annotated[bool, typer.Option("--refetch", help="Ask for the whole history again.")] = False,
    replace: Annotated[
        str,
        typer.Option("--replace", metavar="A,B", help="Believe a new history of these where it contradicts the old."),
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Bring live data in: only what is new, checked, and published in one step.

    A universe and a first day left out are those of the last sync, providers all that were ever named, or those of
    VFR_SYNC_PROVIDERS. A stopped sync goes on where it was. Exits with 1 if no question got a usable answer.
    """
    app = application()
    options = _options(universe, provider, since, name, refetch=refetch, replace=replace)
    left_out = _left_out(app, provider, name)
    if not as_json:
        for one, variable in left_out.items():
            typer.echo(f"{one} is not asked: {variable} is not set", err=True)
    if dry_run:
        plan = app.live.plan(options)
        if as_json:
            emit(plan.to_dict() | {"leftOut": left_out})
        else:
            _print_plan(console(), plan)
        return 0
    with progress("Syncing", quiet=as_json) as report:
        done = app.live.sync(options, report)
    if as_json:
        emit(done.to_dict() | {"leftOut": left_out}, success=not done.failed)
    else:
        _print_report(console(), done)
    return 1 if done.failed else 0


def worker(
    once: Annotated[bool, typer.Option("--once", help="Do every job now, then end.")] = False,
    name: Name = "live",
) -> int:
    """Bring data up to date on a schedule (VFR_SYNC_SCHEDULE, UTC) until stopped.

    Several may run: the one that holds the lease in the database does the work, another takes over if it dies.
    """
    from vfr import bootstrap
    from vfr.bootstrap.worker import run

    app = application()
    bootstrap.configure_logging(app.settings)
    return run(app, name, once=once)


def _options(universe: str, provider: str, since: str, name: str, *, refetch: bool, replace: str) -> SyncOptions:
    from vfr.bootstrap.live import SyncOptions
    from vfr.data.symbols import normalise

    believed = tuple(normalise(text, "replace") for text in words(replace))
    return SyncOptions(universe, words(provider.lower()), _day(since), name, refetch, believed)


def _day(text: str) -> date | None:
    from vfr.data.sessions import parse_day

    return parse_day("since", text).astype(object) if text else None


def _left_out(app: Application, provider: str, name: str) -> dict[str, str]:
    """Return the variable that each wanted provider lacks; none where the user names or ever named providers."""
    lacking = app.live.lacking()
    return (
        {}
        if provider or app.live.diary(name).named
        else {name: lacking[name] for name in app.settings.sync_providers if name in lacking}
    )


def _print_plan(screen: Console, plan: SyncPlan) -> None:
    for name, count in plan.questions.items():
        screen.print(f"{name}: {count:,} questions")
    if plan.resumed:
        screen.print(f"{plan.resumed:,} of them were answered by a sync that was stopped")
    if not plan.members_known:
        screen.print("Who belongs to the index is asked first; the other questions are about them.")
    minutes, seconds = divmod(round(plan.seconds), 60)
    screen.print(f"About {minutes} min {seconds} s at the providers' pace. Nothing was asked.")


def _grouped(report: SyncReport) -> list[tuple[str, list[str]]]:
    """Return each sentence once, with the subjects it was said about."""
    groups: dict[str, list[str]] = {}
    for problem in report.problems:
        said = groups.setdefault(problem.message, [])
        if problem.subject not in said:
            said.append(problem.subject)
    return list(groups.items())


def _print_report(screen: Console, report: SyncReport) -> None:
    from rich.markup import escape

    from vfr.cli import layout

    table = layout.table()
    table.add_column("Source and kind", no_wrap=True)
    for head in ("New", "Corrected", "Refused"):
        table.add_column(head, justify="right")
    for label in sorted({*report.new, *report.corrected, *report.quarantined}):
        counts = (report.new.get(label, 0), report.corrected.get(label, 0), report.quarantined.get(label, 0))
        table.add_row(label, *(f"{count:,}" for count in counts))
    if table.row_count:
        screen.print(table)
    for message, subjects in _grouped(report):
        named = ", ".join(subjects[:_SHOWN]) + (f" and {len(subjects) - _SHOWN:,} more" if subjects[_SHOWN:] else "")
        screen.print(f"  [red]![/] {escape(message)} [dim]({named})[/]")
    for found in report.findings:
        if found.severity != "info":
            examples = "; ".join(found.examples[:3])
            screen.print(
                f"  [yellow]{found.check}[/] {found.count:,}: {escape(found.message)} [dim]{escape(examples)}[/]"
            )
    if report.asked == 0:
        screen.print("Everything is up to date; nothing was asked.")
    else:
        resumed = f" ({report.resumed:,} by a sync that was stopped)" if report.resumed else ""
        screen.print(f"{report.answered:,} of {report.asked:,} questions answered{resumed}.")
    if report.data_version:
        use = "is current" if report.current else f"is ready; `vfr data use {report.name}` makes it current"
        screen.print(f"[bold]{report.name}[/] {use}, version {report.data_version[:12]}")
    else:
        screen.print("No price is known yet, so there is no data set to use.")
