"""`vfr models`: list, show, promote, roll back and verify, on a store of made-up versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from vfr.cli import models
from vfr.errors import ArtifactCorrupt
from vfr.models.prediction import ModelCard


def card(model_id: str, status: str, *, passed: bool = True, created_at: str = "2026-01-01", **more: Any) -> ModelCard:
    rows = [{"gate": "leak.ic", "passed": passed, "figure": 0.02, "bound": 0.08, "note": ""}]
    return ModelCard(
        model_id=model_id,
        member=more.get("member", "linear"),
        horizon=more.get("horizon", "7d"),
        status=status,  # type: ignore[arg-type]
        created_at=created_at,
        data_name="bundled",
        data_version="abc",
        feature_spec="spec",
        feature_names=("return_1", "return_5"),
        labels_end="2017-12-29",
        train_start="1990-01-02",
        n_rows=83_060,
        n_dates=8_307,
        seed=0,
        params={},
        metrics={"rank_ic": 0.0223, "icir": None},
        importance={"return_1": 0.4, "return_5": 0.6},
        gates={"passed": passed, "refused": [] if passed else ["leak.ic"], "rows": rows},
        libraries={},
        files={"model.json": "0" * 64},
    )


class Store:
    """A store in memory: `broken` versions fail on load."""

    def __init__(self, *cards: ModelCard, broken: tuple[str, ...] = (), problems: Mapping[str, str] | None = None):
        self._cards = {made.model_id: made for made in cards}
        self._broken = broken
        self._problems = dict(problems or {})
        self.log: list[tuple[str, str, str, str]] = []

    def cards(self) -> list[ModelCard]:
        return sorted(self._cards.values(), key=lambda made: made.created_at, reverse=True)

    def problems(self) -> Mapping[str, str]:
        return self._problems

    def load(self, model_id: str) -> object:
        if model_id in self._broken:
            raise ArtifactCorrupt(f"{model_id}: parity sample differs")
        return object()

    def set_status(self, model_id: str, status: str, *, who: str, why: str) -> None:
        self.log.append((model_id, status, who, why))
        self._cards[model_id] = replace(self._cards[model_id], status=status)  # type: ignore[arg-type]


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch):
    def use(*cards: ModelCard, **more: Any) -> Store:
        store = Store(*cards, **more)
        monkeypatch.setattr(models, "application", lambda: SimpleNamespace(models=store))
        return store

    return use


def test_an_empty_store_says_how_to_fill_it(cli) -> None:
    assert "vfr train --starter" in cli("models", "list").out
    assert cli("models", "list", "--json").json == {"success": True, "models": [], "problems": {}}


def test_list_leaves_refits_out_unless_asked(cli, stored) -> None:
    stored(card("now", "champion"), card("past", "historical"), problems={"odd": "odd: card.json is missing"})
    out = cli("models", "list").out
    assert "now" in out
    assert "past" not in out
    assert "odd: card.json is missing" in out
    assert [row["model_id"] for row in cli("models", "list", "--all", "--json").json["models"]] == ["now", "past"]


def test_show_prints_figures_features_and_gates(cli, stored) -> None:
    stored(card("now", "champion"))
    out = cli("models", "show", "now").out
    assert "0.0223" in out
    assert out.index("return_5") < out.index("return_1")
    assert "leak.ic" in out
    assert cli("models", "show", "now", "--json").json["files"] == {"model.json": "0" * 64}


@pytest.mark.parametrize("command", ["show", "promote", "rollback"])
def test_an_unknown_version_is_one_sentence(cli, stored, command: str) -> None:
    stored(card("now", "champion"))
    result = cli("models", command, "other", *(() if command == "show" else ("--why", "x")))
    assert result.code == 1
    assert "vfr models list" in result.err


def test_a_damaged_version_says_what_is_wrong(cli, stored) -> None:
    stored(problems={"odd": "odd: card.json is missing"})
    assert cli("models", "show", "odd").err == "error: odd: card.json is missing\n"


def test_promote_keeps_who_and_why(cli, stored) -> None:
    store = stored(card("new", "staged"))
    result = cli("models", "promote", "new", "--why", "looks right")
    assert result.code == 0
    assert "new is now champion" in result.out
    assert store.log == [("new", "champion", "command line", "looks right")]


def test_what_the_gates_refused_is_not_promoted(cli, stored) -> None:
    store = stored(card("new", "staged", passed=False))
    result = cli("models", "promote", "new", "--why", "please")
    assert result.code == 1
    assert "leak.ic" in result.err
    assert store.log == []


def test_what_does_not_load_is_not_promoted(cli, stored) -> None:
    store = stored(card("new", "staged"), broken=("new",))
    assert cli("models", "promote", "new", "--why", "please", "--json").json["code"] == "ARTIFACT_CORRUPT"
    assert store.log == []


def test_rollback_brings_back_the_version_before(cli, stored) -> None:
    store = stored(
        card("c", "champion", created_at="2026-03-01"),
        card("b", "retired", created_at="2026-02-01"),
        card("a", "retired", created_at="2026-01-01"),
        card("x", "retired", created_at="2026-02-15", horizon="30d"),
        card("y", "retired", created_at="2026-02-16", member="lightgbm"),
    )
    assert cli("models", "rollback", "c", "--why", "worse", "--json").json["model_id"] == "b"
    assert store.log == [("b", "champion", "command line", "worse")]


def test_rollback_without_a_predecessor_says_what_else_there_is(cli, stored) -> None:
    stored(card("c", "champion"))
    result = cli("models", "rollback", "c", "--why", "worse")
    assert result.code == 1
    assert "vfr ml disable" in result.err
    stored(card("b", "retired"))
    assert "not champion" in cli("models", "rollback", "b", "--why", "worse").err


def test_verify_reads_everything_and_fails_on_a_problem(cli, stored) -> None:
    stored(card("now", "champion"), card("past", "historical"))
    assert cli("models", "verify").code == 0
    stored(card("now", "champion"), broken=("now",), problems={"odd": "odd: model.txt is truncated"})
    result = cli("models", "verify", "--json")
    assert result.code == 1
    assert set(result.json["problems"]) == {"now", "odd"}
    assert "parity sample differs" in cli("models", "verify").out
