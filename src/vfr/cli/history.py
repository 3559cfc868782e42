"""`vfr data as-of`, `versions` and `repair`: what was known on a day, the states of an archive, and mending one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vfr.cli.options import AsJson, application, words
from vfr.cli.output import console, emit
from vfr.errors import UnknownDataset

if TYPE_CHECKING:
    from rich.console import Console

    from vfr.workflows.archive import Repair

__all__ = ["as_of", "repair", "versions"]

_ITEMS: Final = ("revenue", "net_income", "eps", "shares")
"""Items of a statement on the screen; the JSON has all."""

Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="A name of `vfr data list`; the current one by default.")
]

Archive = Annotated[str, typer.Argument(metavar="NAME", help="Of a data set that `vfr data sync` fills.")]


def as_of(
    day: Annotated[str, typer.Argument(metavar="DATE", help="The evening to go back to.")],
    symbols: Annotated[str, typer.Option("--symbols", metavar="A,B", help="Shares to tell about in detail.")] = "",
    name: Name = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="V", help="A version of `vfr data versions`; the newest.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write everything known as tables into a new folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was known on the evening of a day: prices as quoted, statements in their version of the day."""
    from vfr.data.sessions import parse_day
    from vfr.data.symbols import normalise
    from vfr.workflows.as_of import describe_view

    app = application()
    app.prepare()
    evening, chosen = parse_day("DATE", day), [normalise(text) for text in words(symbols)]
    known = app.live.view(evening, name=name, version=version)
    described = describe_view(known, chosen)
    origins = app.live.origins(chosen, evening, name=known.name, version=version)
    for stock in described["stocks"]:
        stock["origins"] = origins.get(stock["symbol"])
    if out is not None:
        app.live.write(known, out)
    if as_json:
        emit(described)
    else:
        _print_view(console(), described, out, day)


def versions(
    name: Archive = "live",
    as_json: AsJson = False,
) -> None:
    """List the states of an archive that are kept, newest first."""
    from vfr.bootstrap.live import DEFAULT_NAME
    from vfr.bootstrap.repair import archives, no_archive

    live = application().live
    kept = live.archive(name).versions()
    if not kept and name not in (DEFAULT_NAME, *archives(live)):
        raise UnknownDataset(no_archive(name))
    if as_json:
        emit({"name": name, "versions": [one.to_dict() for one in kept]})
        return
    from vfr.cli import layout

    table = layout.table()
    table.add_column("Version", no_wrap=True)
    table.add_column("Published", no_wrap=True)
    table.add_column("Rows")
    table.add_column("Sources")
    for one in kept:
        rows = ", ".join(f"{kind} {count:,}" for kind, count in one.rows.items())
        table.add_row(one.version, f"{one.published_at:%Y-%m-%d %H:%M}", rows, ", ".join(one.sources))
    screen = console()
    screen.print(table if kept else f"archive {name} is empty; `vfr data sync --as {name}` fills it")


def repair(name: Archive = "live", as_json: AsJson = False) -> None:
    """Go on without what is damaged in an archive, and say what is lost.

    Every byte of the newest version is read. A damaged or missing part is left out, or taken from an older version that
    is kept. What is lost is named; `vfr data sync --refetch` brings back what its sources still tell.
    """
    from vfr.bootstrap import repair as mending

    done = mending.repair(application().live, name)
    again = f"vfr data sync --as {name} --refetch" if done.lost else ""
    if as_json:
        emit(done.to_dict() | {"next": again})
        return
    _print_repair(console(), done, again)


def _print_repair(screen: Console, done: Repair, again: str) -> None:
    from vfr.cli import layout

    if done.lost:
        table = layout.table("Table", "Part")
        for head in ("Rows lost", "Rows of an older version"):
            table.add_column(head, justify="right")
        for one in done.lost:
            table.add_row(one.table, one.part, f"{one.rows:,}", f"{one.restored:,}")
        screen.print(table)
    for file in done.set_aside:
        screen.print(f"  [yellow]![/] {file} cannot be read: renamed, .damaged added")
    if done.changed:
        screen.print(f"[bold]{done.name}[/] goes on as version {done.version}")
    else:
        screen.print(f"[bold]{done.name}[/] version {done.version}: every file of it is intact")
    if again:
        screen.print(f"`{again}` asks for what was lost; what its sources no longer tell stays lost")


def _print_view(screen: Console, view: dict[str, Any], out: Path | None, day: str) -> None:
    from rich.markup import escape

    from vfr.cli import layout

    screen.print(
        f"[bold]{view['name']}[/] as known on {view['asOf']}: {view['symbols']:,} symbols, "
        f"{view['sessions']:,} sessions, {', '.join(view['inputs']) or 'prices only'}"
    )
    if view["asOf"] != day:
        screen.print(f"[dim]The last session known by {day} is that of {view['asOf']}.[/]")
    for stock in view["stocks"]:
        close = "unknown" if stock["close"] is None else f"{stock['close']:,.2f} on {stock['lastBar']}"
        screen.print(f"[bold]{stock['symbol']}[/] {escape(stock['name'])}  close {close}")
        table = layout.table()
        for head in ("Period", "Known since", "First known", *_ITEMS):
            table.add_column(head, justify="left" if head in {"Period", "Known since"} else "right", no_wrap=True)
        for statement in stock["statements"]:
            figures = (_figure(statement["items"].get(item)) for item in _ITEMS)
            restated = statement["firstKnownAt"] if statement["restated"] else ""
            table.add_row(statement["periodEnd"], statement["knownAt"], restated, *figures)
        if table.row_count:
            screen.print(table)
    if out is not None:
        screen.print(
            f"written to {out}; `vfr data import {out}` makes a data set of it. Members without prices are not in it: "
            "its own figures of survivorship flatter."
        )


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:,.2f}" if abs(value) < 1e4 else f"{value:,.0f}"
