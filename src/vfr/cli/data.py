"""`vfr data`: what is installed, how good it is, and how more gets in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vfr.cli.options import AsJson, application, existing_folder
from vfr.cli.output import console, emit, progress

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vfr.bootstrap import Application
    from vfr.data.quality import QualityReport
    from vfr.workflows.datasets import DatasetInfo

__all__ = ["group"]

group = typer.Typer(no_args_is_help=True, help="Market data: sync, import, status, quality, as-of.")

_CAPITAL: Final = re.compile(r"[A-Z]")
_STYLES: Final = {"error": "red", "warning": "yellow", "info": "dim"}


@group.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with prices.parquet (or .csv) and neighbours.")],
    prices: Annotated[Path | None, typer.Option("--prices", metavar="FILE", help="Another price table.")] = None,
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Name of the data set.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a folder of market data, store it and make it current.

    Says what is wrong with the data. Nothing changes unless the whole import succeeds.
    """
    existing_folder(folder)
    app = application()
    with progress("Reading", quiet=as_json) as report:
        result = app.import_folder(folder, prices=prices, name=name, progress=report)
    if as_json:
        emit(result.to_dict())
        return
    screen = console()
    for part in _quality(result.quality):
        screen.print(part)
    screen.print(
        f"[bold]{result.name}[/] is now current: {result.symbols:,} symbols, {result.sessions:,} sessions, "
        f"version {result.version[:12]}"
    )


@group.command("use")
def use(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of `vfr data list`.")], as_json: AsJson = False
) -> None:
    """Make another installed data set current."""
    app = application()
    app.datasets.use(name)
    info = _current(app)
    if as_json:
        emit(_status(info))
    else:
        console().print(f"[bold]{info.name}[/] is now current, version {info.version[:12]}")


@group.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """List the installed data sets."""
    found = _prepared(quiet=as_json).datasets.names()
    if as_json:
        emit({"datasets": [info.to_dict() for info in found]})
        return
    from rich.markup import escape

    from vfr.cli import layout

    table = layout.table()
    for head in ("", "Name", "First", "Last"):
        table.add_column(head, no_wrap=True)
    for head in ("Sessions", "Symbols"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("Version", "Inputs"):
        table.add_column(head, no_wrap=head == "Version")
    for info in found:
        mark = "[green]*[/]" if info.current else ""
        sizes = (f"{info.sessions:,}", f"{info.symbols:,}")
        table.add_row(mark, info.name, info.first, info.last, *sizes, info.version[:12], ", ".join(info.inputs))
    screen = console()
    screen.print(table)
    for info in found:
        if info.problem is not None:
            screen.print(f"  [red]![/] {info.name}: {escape(info.problem)}")


@group.command("status")
def status(as_json: AsJson = False) -> None:
    """Describe the current data set, its age and its providers."""
    from vfr.bootstrap.live import DEFAULT_NAME
    from vfr.clock import utc_now
    from vfr.workflows.data_age import ages, described

    app = _prepared(quiet=as_json)
    info, board = _current(app), app.datasets.board()
    old = described(ages(board.inputs, utc_now()))
    # Before the first sync worked another set is current; how its providers did is told all the same.
    diary = app.live.diary(info.name)
    diary = diary if diary.providers else app.live.diary(DEFAULT_NAME)
    if as_json:
        inputs = {kind: asdict(found) | {"age": old[kind]} for kind, found in board.inputs.items()}
        providers = {name: one.to_dict() for name, one in diary.providers.items()}
        synced = diary.finished_at and diary.finished_at.isoformat()
        emit(_status(info) | {"inputStatus": inputs, "providers": providers, "syncedAt": synced})
        return
    from vfr.cli import status_tables

    screen = console()
    screen.print(f"[bold]{info.name}[/], version {info.version}")
    screen.print(
        f"{info.symbols:,} symbols, {info.sessions:,} sessions from {info.first} to {info.last}, "
        f"prices adjusted for {'splits and dividends' if info.adjustment == 'dividend' else 'splits'}"
    )
    screen.print(status_tables.inputs(board.inputs, old))
    if diary.providers:
        screen.print(status_tables.providers(diary))


@group.command("quality")
def quality(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A name of `vfr data list`; the current one by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what checks found, and what a sync refused."""
    app = _prepared(quiet=as_json)
    found = app.datasets.quality(name)
    refused = app.live.archive(name or app.datasets.current() or "").quarantined()
    if as_json:
        emit(found.to_dict() | {"quarantined": refused.rows(named=True)})
        return
    from vfr.cli import status_tables

    screen = console()
    for part in _quality(found):
        screen.print(part)
    if refused.height:
        screen.print(status_tables.refused(refused))


def _prepared(*, quiet: bool) -> Application:
    app = application()
    with progress("Preparing", quiet=quiet) as report:
        app.prepare(report)
    return app


def _current(app: Application) -> DatasetInfo:
    return next(info for info in app.datasets.names() if info.current)


def _status(info: DatasetInfo) -> dict[str, Any]:
    return info.to_dict() | {"dataVersion": info.version}


def _quality(found: QualityReport) -> Iterator[RenderableType]:
    """Yield the facts of an import and one row per finding, worst first."""
    from rich.markup import escape

    from vfr.cli import layout

    yield ", ".join(f"{_CAPITAL.sub(_lower, key)} [bold]{_figure(value)}[/]" for key, value in found.facts.items())
    if not found.findings:
        yield "[green]No check found anything.[/]"
        return
    table = layout.table()
    table.add_column("Severity", no_wrap=True)
    table.add_column("Check", no_wrap=True)
    table.add_column("Count", justify="right", no_wrap=True)
    table.add_column("What was found and done", ratio=3)
    table.add_column("Examples", ratio=2, style="dim")
    for row in found.findings:
        severity = f"[{_STYLES[row.severity]}]{row.severity}[/]"
        examples = escape("; ".join(row.examples))
        table.add_row(severity, row.check, f"{row.count:,}", escape(row.message), examples)
    yield table


def _lower(capital: re.Match[str]) -> str:
    return f" {capital[0].lower()}"


def _figure(value: str | float) -> str:
    return f"{value:,}" if isinstance(value, int | float) else value
