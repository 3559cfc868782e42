"""`vfr models`: what is stored is shown, changed and checked, on a store of small real versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.models.stored_versions import card, files_of

from vfr import bootstrap
from vfr.adapters.store.models import DirectoryModels
from vfr.cli import models
from vfr.models.prediction import ModelCard
from vfr.settings import Settings

ROWS = [
    {"gate": "leak.ic", "passed": True, "figure": 0.0223, "bound": 0.08, "note": "mean rank IC"},
    {"gate": "share_up", "passed": True, "figure": 0.97, "bound": None, "note": "printed, never gated"},
]
PASSED = {"passed": True, "refused": [], "rows": ROWS}
REFUSED = {"passed": False, "refused": ["leak.ic"], "rows": [ROWS[0] | {"passed": False, "figure": 0.2}]}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DirectoryModels:
    (tmp_path / "home" / "datasets").mkdir(parents=True)
    (tmp_path / "home" / "datasets" / "current").write_text("bundled\n")
    app = bootstrap.build(Settings(data_home=tmp_path / "home"))
    monkeypatch.setattr(models, "application", lambda: app)
    return app.models


def saved(store: DirectoryModels, tail: str, *, champion: bool = False, **changes: Any) -> str:
    """Store a version and return its id."""
    made: ModelCard = card(tail, **{"gates": PASSED, **changes})
    store.save(made, files_of())
    if champion:
        store.set_status(made.model_id, "champion", who="test", why="test")
    return made.model_id


def damage(store: DirectoryModels, model_id: str, file: str = "calibration.json") -> None:
    (store._root / model_id / file).write_bytes(b"")


def test_an_empty_store_says_how_to_fill_it(cli) -> None:
    assert "vfr train --starter" in cli("models", "list").out
    assert cli("models", "list", "--json").json == {"success": True, "models": [], "problems": {}}
    assert "No rows" in cli("models", "log").out


def test_list_leaves_refits_out_unless_asked(cli, store) -> None:
    now, odd = saved(store, "now", champion=True), saved(store, "odd")
    past = saved(store, "past", status="historical", gates={"judged_with": now})
    damage(store, odd, "card.json")
    out = cli("models", "list").out
    assert now in out
    assert past not in out
    assert f"{odd}: card.json differs from the sha256 in the log" in out
    listed = cli("models", "list", "--all", "--json").json
    assert {row["model_id"]: row["gatesPassed"] for row in listed["models"]} == {now: True, past: None}
    assert list(listed["problems"]) == [odd]


def test_show_prints_figures_features_gates_and_limits(cli, store) -> None:
    metrics = {"rank_ic": 0.0223, "rank_ic_low": -0.001, "rank_ic_high": 0.04, "brier": 0.2492, "brier_base_rate": 0.25}
    shares = {"return_1": 0.4, "return_5": 0.6}
    made = saved(store, "now", metrics=metrics, importance=shares, limitations=("Not for other universes.",))
    out = cli("models", "show", made).out
    assert "0.0223" in out
    assert "-0.0010 to 0.0400" in out
    assert "not distinguishable from none" in out
    assert out.index("return_5") < out.index("return_1")
    assert "leak.ic" in out
    assert "Not for other universes." in out
    assert set(cli("models", "show", made, "--json").json["files"]) == set(files_of())


@pytest.mark.parametrize(("form", "start"), [("md", "# linear-7d-now\n"), ("html", "<!doctype html>\n")])
def test_a_card_is_written_in_the_form_asked_for(cli, store, tmp_path, form, start) -> None:
    made = saved(store, "now")
    printed = cli("models", "show", made, "--format", form).out
    assert printed.startswith(start)
    assert cli("models", "card", made, "--format", form).out == printed
    file = tmp_path / f"card.{form}"
    result = cli("models", "card", made, "--format", form, "--out", str(file))
    assert file.read_text(encoding="utf-8") == printed
    assert "Wrote the card" in result.out
    assert cli("models", "card", made).out.startswith("# linear-7d-now\n")


def test_text_to_a_file_is_markdown(cli, store, tmp_path) -> None:
    made = saved(store, "now")
    cli("models", "show", made, "--out", str(tmp_path / "card"))
    assert (tmp_path / "card").read_text(encoding="utf-8") == cli("models", "card", made).out
    result = cli("models", "show", made, "--out", str(tmp_path / "none" / "card"))
    assert (result.code, "No such file" in result.err) == (1, True)


def test_gates_are_a_verdict_for_machines_too(cli, store) -> None:
    good, bad = saved(store, "good"), saved(store, "bad", gates=REFUSED)
    past = saved(store, "past", status="historical", gates={})
    result = cli("models", "gates", good, "--json")
    assert (result.code, result.json["verdict"]) == (0, PASSED)
    result = cli("models", "gates", bad, "--json")
    assert (result.code, result.json["success"], result.json["verdict"]["refused"]) == (1, False, ["leak.ic"])
    out = cli("models", "gates", bad).out
    assert "Refused by its gates: leak.ic" in out
    assert "0.2000" in out
    assert (cli("models", "gates", past).code, "never judged" in cli("models", "gates", past).out) == (1, True)


@pytest.mark.parametrize("command", ["show", "card", "gates", "log", "promote", "rollback", "export"])
def test_an_unknown_version_is_one_sentence(cli, store, command: str) -> None:
    saved(store, "now", champion=True)
    more = {"promote": ("--why", "x"), "rollback": ("--why", "x"), "export": ("--mlflow", "sqlite:///x")}
    result = cli("models", command, "other", *more.get(command, ()))
    assert result.code == 2
    assert "no such model version; `vfr models list --all` and GET " in result.err


def test_a_damaged_version_says_what_is_wrong(cli, store) -> None:
    made = saved(store, "odd")
    (store._root / made / "card.json").unlink()
    assert cli("models", "show", made).err == f"error: {made}: card.json is missing\n"


def test_promote_keeps_who_and_why_and_compares(cli, store) -> None:
    before = saved(store, "before", champion=True)
    made = saved(store, "new")
    result = cli("models", "promote", made, "--why", "looks right")
    assert result.code == 0
    assert f"Not comparable with {before}" in result.out
    assert f"{made} is now champion for 7d on bundled" in result.out
    row = [row for row in store.log() if row["status"] == "champion"][-1]
    assert (row["who"], row["why"], row["gates"]["passed"]) == ("command line", "looks right", True)


def test_figures_of_both_on_the_same_rows_are_printed(cli, store) -> None:
    from tests.workflows.test_promotion import made_record

    from vfr.workflows.train_record import FILE

    for tail, record in (("before", made_record(1)), ("new", made_record(2, gain=0.01))):
        store.save(card(tail, gates=PASSED), files_of() | {FILE: record.to_bytes()})
    store.set_status("linear-7d-before", "champion", who="test", why="test")
    result = cli("models", "promote", "linear-7d-new", "--why", "better", "--json").json
    assert result["comparison"]["comparable"] is True
    assert result["comparison"]["paired"]["ic_gain"]["mean"] == pytest.approx(0.01, abs=2e-3)
    out = cli("models", "rollback", "linear-7d-new", "--why", "or not").out
    assert "On the same rows of 300 dates out of fold" in out
    assert "-0.01" in out


def test_what_the_gates_refused_is_not_promoted(cli, store) -> None:
    made = saved(store, "new", gates=REFUSED)
    result = cli("models", "promote", made, "--why", "please")
    assert result.code == 1
    assert "leak.ic" in result.err
    assert len(store.log()) == 1


def test_what_does_not_load_is_not_promoted(cli, store) -> None:
    made = saved(store, "new")
    damage(store, made)
    assert cli("models", "promote", made, "--why", "please", "--json").json["code"] == "ARTIFACT_CORRUPT"
    assert len(store.log()) == 1


def test_rollback_brings_back_the_version_before_and_names_what_it_passed_over(cli, store) -> None:
    a, b, c = (saved(store, tail, champion=True) for tail in "abc")
    damage(store, b)
    result = cli("models", "rollback", c, "--why", "worse", "--json").json
    assert result["model_id"] == a
    assert list(result["passedOver"]) == [b]
    text = cli("models", "rollback", a, "--why", "worse")
    assert (text.code, "vfr ml disable" in text.err) == (1, True)
    assert "not champion" in cli("models", "rollback", c, "--why", "worse").err


def test_the_log_says_who_did_what_and_why(cli, store) -> None:
    a, b = saved(store, "a", champion=True), saved(store, "b", champion=True)
    saved(store, "past", status="historical")
    cli("models", "rollback", b, "--why", "worse [than] a")
    out = cli("models", "log").out
    assert "staged → shadow" in out
    assert "retired → champion" in out
    assert "worse [than] a" in out
    assert "past" not in out
    everything = cli("models", "log", "--json").json
    assert everything["total"] == len(store.log()) - 1
    assert everything["problems"] == []
    assert {row["model_id"] for row in cli("models", "log", a, "--json").json["rows"]} == {a}
    assert len(cli("models", "log", "--limit", "2", "--json").json["rows"]) == 2
    assert "past" in cli("models", "log", "--all").out


def test_a_log_that_was_changed_is_said(cli, store) -> None:
    saved(store, "a", champion=True)
    path = store._root / "promotions.jsonl"
    path.write_text(path.read_text().replace('"why": "trained"', '"why": "trainde"'))
    assert "was changed" in cli("models", "log").out
    assert "was changed" in cli("models", "log", "--json").json["problems"][0]
    result = cli("models", "verify", "--json")
    assert result.code == 1
    assert "promotions.jsonl" in result.json["problems"]


def test_verify_reads_everything_and_fails_on_a_problem(cli, store) -> None:
    now, past = saved(store, "now", champion=True), saved(store, "past", status="historical")
    saved(store, "old", feature_spec="0123456789abcdef")
    result = cli("models", "verify")
    assert result.code == 0
    assert "3 versions checked, 0 problems" in result.out
    assert "1 were made for other features" in result.out
    damage(store, now)
    result = cli("models", "verify", "--json")
    assert result.code == 1
    assert list(result.json["problems"]) == [now]
    assert "calibration.json is truncated" in cli("models", "verify").out
    damage(store, past)
    assert set(cli("models", "verify", "--json").json["problems"]) == {now, past}


def test_export_says_where_it_went(cli, store, monkeypatch) -> None:
    from tests.adapters.test_export_mlflow import Client

    made = saved(store, "now")
    client = Client()
    monkeypatch.setattr(client, "search_runs", lambda *_, **__: [])
    monkeypatch.setattr("vfr.adapters.export_mlflow.client_of", lambda uri: client)
    assert f"{made} is run 0 of experiment vfr" in cli("models", "export", made, "--mlflow", "sqlite:///x").out
    result = cli("models", "export", made, "--mlflow", "x", "--experiment", "mine", "--json").json
    assert (result["runId"], result["created"], result["experiment"]) == ("1", True, "mine")
    assert json.loads(client.runs[0]["texts"]["card.json"])["model_id"] == made


def test_export_without_mlflow_names_the_extra(cli, store, monkeypatch) -> None:
    import sys

    made = saved(store, "now")
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    result = cli("models", "export", made, "--mlflow", "sqlite:///x")
    assert (result.code, "pip install 'vfr[mlflow]'" in result.err) == (1, True)
