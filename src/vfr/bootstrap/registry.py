"""The registry of versions as doors show it: who is in office, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vfr.errors import VfrError
from vfr.workflows.versions import SPARES

if TYPE_CHECKING:
    from vfr.adapters.export_mlflow import Exported
    from vfr.adapters.store.models import DirectoryModels
    from vfr.models.prediction import ModelCard

__all__ = ["export_mlflow", "in_office"]


def in_office(models: DirectoryModels, data_name: str | None) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the champions of a data set, and a sentence for each that is damaged and for a log that was changed.

    Files are read again only when they changed, so this may be asked often. A store that cannot be read has no
    champions and one sentence.
    """
    try:
        lines = [line for place, line in sorted(models.succession().items()) if place[2] == data_name]
        damaged = models.damage(line[0] for line in lines)
        cards = {card.model_id: card for card in models.cards()}
        warnings = [f"{damaged[line[0]]}; {_instead(models, line, cards)}" for line in lines if line[0] in damaged]
        warnings += models.log_problems()
    except VfrError as error:
        return [], [error.message]
    champions = [cards[line[0]] for line in lines if line[0] in cards]
    shown = [
        {"modelId": c.model_id, "member": c.member, "horizon": c.horizon, "labelsEnd": c.labels_end} for c in champions
    ]
    return shown, warnings


def export_mlflow(models: DirectoryModels, model_id: str, uri: str, experiment: str) -> Exported:
    """Copy a version, once its files are verified, to MLflow; see `vfr.adapters.export_mlflow`.

    Raises
    ------
    NoModel, ArtifactCorrupt
        If there is no such version, or it is damaged.
    ModelError, InvalidField
        If MLflow is not installed, cannot be reached or does not know the address.
    """
    import json
    from dataclasses import asdict

    from vfr.adapters.export_mlflow import client_of, export
    from vfr.models.card_text import to_markdown

    files = models.read(model_id)
    card = next(card for card in models.cards() if card.model_id == model_id)
    texts = {"card.json": json.dumps(asdict(card), indent=1, sort_keys=True), "card.md": to_markdown(card)}
    return export(client_of(uri), card, files, texts, experiment=experiment)


def _instead(models: DirectoryModels, line: Sequence[str], cards: Mapping[str, ModelCard]) -> str:
    """Say which version answers in place of the first of a line: the next that is whole and fits the same features."""
    own = cards[line[0]].feature_spec if line[0] in cards else None
    for model_id in line[1 : 1 + SPARES]:
        if model_id in cards and own in (None, cards[model_id].feature_spec) and not models.damage([model_id]):
            return f"{model_id} answers in its place"
    return "no earlier champion can answer; train again"
