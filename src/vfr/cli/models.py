"""`vfr models`: the versions in the store, which of them answers, and why."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from vfr.cli.options import WHO, AsJson, application
from vfr.cli.output import console, emit

if TYPE_CHECKING:
    from vfr.models.prediction import ModelCard
    from vfr.workflows.promotion import Change

__all__ = ["group"]

group = typer.Typer(no_args_is_help=True, help="Model versions: show, promote, roll back, verify, export.")

ModelId = Annotated[str, typer.Argument(metavar="ID", help="A model id of `vfr models list`.")]
Why = Annotated[str, typer.Option("--why", help="Reason, kept in the log.")]
Form: TypeAlias = Literal["text", "md", "html"]
AsForm = Annotated[Form, typer.Option("--format", help="For the terminal, as Markdown, or as a page of its own.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it to a file.")]


@group.command("list")
def list_models(
    historical: Annotated[bool, typer.Option("--all", help="Walk-forward refits for past dates, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the versions, newest first."""
    store = application().models
    problems = store.problems()
    cards = [card for card in store.cards() if historical or card.status != "historical"]
    if as_json:
        emit({"models": [_summary(card) for card in cards], "problems": dict(problems)})
        return
    screen = console()
    if not cards and not problems:
        screen.print("No model versions yet. Train the starter models with `vfr train --starter`.")
        return
    from vfr.cli.models_tables import listing

    screen.print(listing(cards))
    _warn(problems.values())


def _summary(card: ModelCard) -> dict[str, Any]:
    keys = ("model_id", "member", "horizon", "status", "created_at", "data_name", "data_version", "labels_end")
    return {key: getattr(card, key) for key in (*keys, "n_rows")} | {"gatesPassed": card.gates.get("passed")}


def _warn(reasons: Any) -> None:
    from rich.markup import escape

    for reason in reasons:
        console().print(f"  [red]![/] {escape(reason)}")


@group.command("show")
def show(model_id: ModelId, form: AsForm = "text", out: Out = None, as_json: AsJson = False) -> None:
    """Show the card of one version.

    What it learned from, how it was judged, which gates it passed, and what it must not be used for.
    """
    card = application().models.card(model_id)
    if as_json:
        emit(asdict(card))
    else:
        _print_card(card, form, out)


@group.command("card")
def show_card(model_id: ModelId, form: AsForm = "md", out: Out = None) -> None:
    """Write the card of one version as Markdown or a page.

    The page needs no other file.
    """
    _print_card(application().models.card(model_id), form, out)


def _print_card(card: ModelCard, form: Form, out: Path | None) -> None:
    screen = console()
    if form == "text" and out is None:
        from vfr.cli.models_tables import card_parts

        for part in card_parts(card):
            screen.print(part)
        return
    text = _rendered(card, form)
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8")
    screen.print(f"Wrote the card of {card.model_id} to {out}", markup=False)


def _rendered(card: ModelCard, form: Form) -> str:
    if form == "html":
        from vfr.dashboard.card_page import card_page

        return card_page(card)
    from vfr.models.card_text import to_markdown

    return to_markdown(card)


@group.command("gates")
def gates(model_id: ModelId, as_json: AsJson = False) -> int:
    """Show how the gates judged one version.

    Exits with 1 if they refused it or never judged it.
    """
    card = application().models.card(model_id)
    passed = bool(card.gates.get("passed"))
    if as_json:
        emit({"model_id": card.model_id, "status": card.status, "verdict": dict(card.gates)}, success=passed)
    else:
        from vfr.cli.models_tables import card_parts

        for part in card_parts(card, ("Verdict", "Gates")):
            console().print(part)
    return 0 if passed else 1


@group.command("log")
def log(
    model_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Of this version only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest rows shown.")] = 50,
    historical: Annotated[bool, typer.Option("--all", help="Walk-forward refits for past dates, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every change of status: when, by whom, why.

    With the figures of the gates in JSON.
    """
    store = application().models
    if model_id is None:
        rows = [row for row in store.log() if historical or row.get("status") != "historical"]
    else:
        rows = [row for row in store.log() if row.get("model_id") == model_id]
        if not rows:
            store.card(model_id)  # Nothing is stored without a row: it says that there is no such version.
    problems = store.log_problems()
    if as_json:
        emit({"rows": [dict(row) for row in rows[-limit:]], "total": len(rows), "problems": problems})
        return
    if not rows:
        console().print("No rows: no version was ever saved.")
    else:
        from vfr.cli.models_tables import log_rows

        console().print(log_rows(rows[-limit:]))
    _warn(problems)


@group.command("promote")
def promote(model_id: ModelId, why: Why, as_json: AsJson = False) -> None:
    """Make a staged or shadow version the champion of its horizon.

    One whose gates refused it, whose files are damaged, or that was made for other features or another data set stays
    where it is. The champion it replaces is retired; figures of both on the same rows are printed.
    """
    _print_change(application().offices.promote(model_id, who=WHO, why=why), as_json=as_json)


@group.command("rollback")
def rollback(model_id: ModelId, why: Why, as_json: AsJson = False) -> None:
    """Retire a champion, bring back the one it replaced.

    It goes by the log; again and again walks back. The version that goes is switched off, so that servers stop using it
    within a second.
    """
    _print_change(application().offices.rollback(model_id, who=WHO, why=why), as_json=as_json)


def _print_change(change: Change, *, as_json: bool) -> None:
    card = change.card
    if as_json:
        more = {"comparison": change.comparison.to_dict(), "passedOver": dict(change.passed_over)}
        emit(_summary(card) | more)
        return
    from vfr.cli.models_tables import comparison

    screen = console()
    for part in comparison(change.comparison):
        screen.print(part)
    _warn(f"passed over: {reason}" for reason in change.passed_over.values())
    screen.print(f"{card.model_id} is now {card.status} for {card.horizon} on {card.data_name}", markup=False)


@group.command("verify")
def verify(as_json: AsJson = False) -> int:
    """Check log, cards and files; replay the samples.

    Exits with 1 if something was changed or a version that is relied on would not be served as it was stored.
    """
    from vfr.workflows import verify_models

    found = verify_models.verify(application().models)
    if as_json:
        shown = {"checked": found.checked, "problems": dict(found.problems), "notes": dict(found.notes)}
        emit(shown, success=not found.problems)
    else:
        count = len(found.problems)
        console().print(f"{found.checked} versions checked, {count} problem{'' if count == 1 else 's'}")
        _warn(found.problems.values())
        if found.notes:
            console().print(f"[dim]{len(found.notes)} were made for other features and answer nothing[/]")
    return 1 if found.problems else 0


@group.command("export")
def export(
    model_id: ModelId,
    mlflow: Annotated[str, typer.Option("--mlflow", metavar="URI", help="Tracking server, file: or sqlite: store.")],
    experiment: Annotated[str, typer.Option(help="Experiment it goes into; made if there is none.")] = "vfr",
    as_json: AsJson = False,
) -> None:
    """Copy a version to an MLflow tracking server.

    Parameters, figures, gates, files and card; once, however often it is asked. Needs `pip install 'vfr[mlflow]'`.
    """
    from vfr.bootstrap.registry import export_mlflow

    found = export_mlflow(application().models, model_id, mlflow, experiment)
    if as_json:
        emit({"model_id": model_id, "experiment": experiment, "runId": found.run_id, "created": found.created})
    else:
        word = "is" if found.created else "was already"
        console().print(f"{model_id} {word} run {found.run_id} of experiment {experiment}", markup=False)
