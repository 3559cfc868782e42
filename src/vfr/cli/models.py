"""`vfr models`: the versions in the store, and which of them answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vfr.cli.options import WHO, AsJson, application
from vfr.cli.output import console, emit
from vfr.errors import ModelError, NoModel, VfrError

if TYPE_CHECKING:
    from vfr.models.prediction import ModelCard, ModelStore

__all__ = ["group"]

group = typer.Typer(no_args_is_help=True, help="Model versions: list, show, promote, roll back, verify.")

_LEADING: Final = 10
"""Features named with a version."""

ModelId = Annotated[str, typer.Argument(metavar="ID", help="A model id of `vfr models list`.")]
Why = Annotated[str, typer.Option("--why", help="Reason, kept in the log.")]


@group.command("list")
def list_models(
    historical: Annotated[bool, typer.Option("--all", help="Walk-forward refits for past dates, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the versions, newest first."""
    store = application().models
    cards = [card for card in store.cards() if historical or card.status != "historical"]
    if as_json:
        emit({"models": [_summary(card) for card in cards], "problems": dict(store.problems())})
        return
    _print_list(cards, store.problems())


def _summary(card: ModelCard) -> dict[str, Any]:
    keys = ("model_id", "member", "horizon", "status", "created_at", "data_name", "data_version", "labels_end")
    return {key: getattr(card, key) for key in (*keys, "n_rows")} | {"gatesPassed": card.gates.get("passed")}


def _print_list(cards: list[ModelCard], problems: Mapping[str, str]) -> None:
    from vfr.cli import layout

    if not cards and not problems:
        console().print("No model versions yet. Train the starter models with `vfr train --starter`.")
        return
    table = layout.table()
    for head in ("Model", "Member", "Horizon", "Status", "Data", "Learned until", "Gates"):
        table.add_column(head, no_wrap=True)
    table.add_column("Rows", justify="right", no_wrap=True)
    for card in cards:
        status = f"[bold green]{card.status}[/]" if card.status == "champion" else card.status
        gates = {True: "passed", False: "[red]refused[/]"}.get(bool(card.gates.get("passed")), "")
        table.add_row(
            card.model_id,
            card.member,
            card.horizon,
            status,
            card.data_name,
            card.labels_end,
            gates if card.gates else "—",
            f"{card.n_rows:,}",
        )
    console().print(table)
    for reason in problems.values():
        console().print(f"  [red]![/] {reason}")


@group.command("show")
def show(model_id: ModelId, as_json: AsJson = False) -> None:
    """Show the card of one version.

    What it learned from, how it was judged, which gates it passed.
    """
    card = _card(application().models, model_id)
    if as_json:
        emit(asdict(card))
        return
    _print_card(card)


def _print_card(card: ModelCard) -> None:
    """Print what a reader judges a version by; files, features and parameters are in the JSON."""
    from vfr.cli import layout

    screen = console()
    screen.print(f"[bold]{card.model_id}[/]  {card.status} for {card.horizon} on {card.data_name}")
    screen.print(
        f"Learned {card.train_start} to {card.labels_end} from {card.n_rows:,} rows on {card.n_dates:,} days, "
        f"{len(card.feature_names)} features, seed {card.seed}, made {card.created_at}"
    )
    for title, figures in (("Out of sample", card.metrics), ("Leading features", _leading(card))):
        table = layout.table(title, "")
        for name, value in figures.items():
            table.add_row(name, _figure(value))
        screen.print(table)
    rows = card.gates.get("rows")
    table = layout.table("Gate", "Verdict", "Figure", "Bound", "")
    for row in rows if isinstance(rows, list) else ():
        verdict = "[green]passed[/]" if row["passed"] else "[red]refused[/]"
        table.add_row(row["gate"], verdict, _figure(row["figure"]), _figure(row["bound"]), str(row.get("note", "")))
    if table.row_count:
        screen.print(table)


def _leading(card: ModelCard) -> dict[str, float]:
    ranked = sorted(card.importance.items(), key=lambda pair: -pair[1])
    return dict(ranked[:_LEADING])


def _figure(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "—" if value is None else str(value)
    return f"{int(value):,}" if float(value).is_integer() else f"{value:.4f}"


@group.command("promote")
def promote(model_id: ModelId, why: Why, as_json: AsJson = False) -> None:
    """Make a version the champion of its horizon.

    One whose gates refused it stays where it is.
    """
    store = application().models
    card = _card(store, model_id)
    if not card.gates.get("passed"):
        refused = card.gates.get("refused")
        names = ", ".join(str(name) for name in refused) if isinstance(refused, list) else ""
        raise ModelError(f"{model_id}: refused by its gates ({names or 'not judged'}); it cannot be promoted")
    store.load(model_id)
    store.set_status(model_id, "champion", who=WHO, why=why)
    _report(store, model_id, as_json=as_json)


@group.command("rollback")
def rollback(model_id: ModelId, why: Why, as_json: AsJson = False) -> None:
    """Retire a champion and bring back the version it replaced."""
    store = application().models
    card = _card(store, model_id)
    if card.status != "champion":
        raise ModelError(f"{model_id}: is {card.status}, not champion; there is nothing to roll back")
    before = [
        old
        for old in store.cards()
        if (old.member, old.horizon, old.data_name) == (card.member, card.horizon, card.data_name)
        and old.status == "retired"
        and old.created_at <= card.created_at
    ]
    if not before:
        raise NoModel(f"{model_id}: no earlier champion to bring back; `vfr ml disable` switches predictions off")
    store.load(before[0].model_id)
    store.set_status(before[0].model_id, "champion", who=WHO, why=why)
    _report(store, before[0].model_id, as_json=as_json)


@group.command("verify")
def verify(as_json: AsJson = False) -> int:
    """Check every stored file, and replay the stored samples.

    Files are held to their sha256; exits with 1 if a version would not be served as it was stored.
    """
    store = application().models
    problems = dict(store.problems())
    cards = store.cards()
    for card in cards:
        if card.model_id not in problems and card.status in ("champion", "shadow", "staged"):
            try:
                store.load(card.model_id)
            except VfrError as error:
                problems[card.model_id] = error.message
    if as_json:
        emit({"checked": len(cards), "problems": problems}, success=not problems)
    else:
        screen = console()
        screen.print(f"{len(cards)} versions checked, {len(problems)} with a problem")
        for reason in problems.values():
            screen.print(f"  [red]![/] {reason}")
    return 1 if problems else 0


def _card(store: ModelStore, model_id: str) -> ModelCard:
    for card in store.cards():
        if card.model_id == model_id:
            return card
    problem = store.problems().get(model_id)
    raise NoModel(problem or f"{model_id}: no such model version; see `vfr models list --all`")


def _report(store: ModelStore, model_id: str, *, as_json: bool) -> None:
    card = _card(store, model_id)
    if as_json:
        emit(_summary(card))
    else:
        console().print(f"{card.model_id} is now {card.status} for {card.horizon} on {card.data_name}")
