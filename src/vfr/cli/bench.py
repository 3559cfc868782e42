"""`vfr bench`: how fast this installation answers on this machine, beside the published limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfr.cli.options import AsJson, application
from vfr.cli.output import console, emit, progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vfr.bootstrap import Application
    from vfr.cli.bench_rows import Row

__all__ = ["command"]


def command(
    quick: Annotated[bool, typer.Option("--quick", help="One short run of each: to see that it works.")] = False,
    as_json: AsJson = False,
) -> int:
    """Measure a server on a copy of the data home, under load, beside the floor of any server.

    Takes about four minutes, and longer where much is computed ahead for past days. Nothing of the data home changes,
    and a server that runs on it is left alone; but it should be idle, as should the machine. Exits with 1 if any
    request failed.
    """
    from vfr.cli.bench_cases import Plan, measured, servers
    from vfr.cli.bench_rows import machine

    app = application()
    with progress("Starting servers", quiet=as_json) as report:
        app.prepare(report)
        ml, home = _learned(app), app.settings.data_home
        app.close()
        with servers(home, ml=ml) as (own, secured, least):
            rows = measured(own, secured, least, Plan.quick() if quick else Plan(), report, ml=ml)
    failed = sum(row.value for row in rows if row.name.endswith(": errors"))
    about = machine()
    if as_json:
        body = {"machine": about, "quick": quick, "ml": ml, "rows": [row.to_dict() for row in rows]}
        emit(body, success=not failed)
    else:
        _print(rows, about, ml=ml)
    return 1 if failed else 0


def _learned(app: Application) -> bool:
    """Whether there are models for the data in use."""
    name = app.datasets.current()
    return any(card.status == "champion" and card.place[-1] == name for card in app.models.cards())


def _print(rows: Sequence[Row], about: Mapping[str, Any], *, ml: bool) -> None:
    from vfr.cli.layout import table

    by_case: dict[str, dict[str, Row]] = {}
    for row in rows:
        case, _, figure = row.name.rpartition(": ")
        by_case.setdefault(case, {})[figure] = row
    figures = list(dict.fromkeys(figure for found in by_case.values() for figure in found))
    units = {row.name.rpartition(": ")[2]: row.unit for row in rows}
    shown = table("figure / limit", *(f"{figure} {units[figure]}".strip() for figure in figures))
    for case, found in by_case.items():
        shown.add_row(case, *(_cell(found.get(figure)) for figure in figures))
    screen = console()
    screen.print(shown)
    screen.print(f"{about['cpu']}, {about['cores']} cores, load {about['load']}; Python {about['python']}")
    if not ml:
        screen.print("There are no models for this data: machine learning was not measured. `vfr train` makes them.")


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    value = f"{row.value:.3g}" if row.value < 100 else f"{row.value:,.0f}"
    if not row.limit:
        return value
    colour = "green" if row.ok else "red"
    return f"[{colour}]{value}[/] / {row.limit:,g}"
