"""Machine learning over HTTP: picked up without a restart, listed, switched off; classic bodies never change for it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import structlog
from tests.workflows.service import tracked_home

from vfr import bootstrap
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.factors.compute import compute_board
from vfr.settings import Settings
from vfr.workflows.chaos import parse_faults
from vfr.workflows.train import train
from vfr.workflows.train_recipe import Recipe

URL = "/api/stocks/analyze"
RECIPE = Recipe(min_train=250, refit_months=12, conformal=60)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two data homes of the same data: without models, and with a champion at 7d."""
    bare = tmp_path_factory.mktemp("bare")
    snapshot = synthetic.snapshot(np.random.default_rng(3), n_sessions=480, n_symbols=12)
    app = bootstrap.build(Settings(data_home=bare))
    app.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))
    trained = tmp_path_factory.mktemp("trained") / "home"
    shutil.copytree(bare, trained)
    models = bootstrap.build(Settings(data_home=trained)).models
    options: dict[str, Any] = {"horizons": ("7d",), "members": ("linear",), "historical": False}
    report = train(snapshot, models, recipe=RECIPE, override_rows="a test", **options)
    if report.trained[0].status != "champion":
        models.set_status(report.trained[0].model_id, "champion", who="test", why="the test needs one")
    return bare, trained


@pytest.fixture
def copy(homes: tuple[Path, Path], tmp_path: Path) -> Path:
    """The home with a champion, to be damaged."""
    shutil.copytree(homes[1], tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def client_at(client_of: Any) -> Callable[..., Any]:
    def make(home: Path, **settings: Any) -> Any:
        return client_of(bootstrap.build(Settings(data_home=home, **settings)))

    return make


def body_of(client: Any, **more: Any) -> dict[str, Any]:
    symbols = [hit["symbol"] for hit in client.get("/api/stocks/search?query=a").json()["data"]["results"]][:3]
    request = {"mode": "multiple", "symbols": symbols, "ml_timeout": 30_000, **more}
    response = client.post(URL, json=request, headers={"X-Request-ID": "the-same-id"})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def canonical(client: Any, **more: Any) -> bytes:
    body = body_of(client, **more)
    del body["data"]["metadata"]["timestamp"]
    return orjson.dumps(body)


def truncated(home: Path) -> None:
    path = next(
        p
        for p in sorted((home / "models").rglob("*"))
        if p.is_file() and p.stat().st_size > 500 and p.suffix != ".jsonl"
    )
    path.write_bytes(path.read_bytes()[:100])


def wrong_sha(home: Path) -> None:
    for path in (home / "models").rglob("*"):
        if path.is_file() and path.suffix != ".jsonl" and path.name != "card.json":
            path.write_bytes(path.read_bytes() + b" ")


def broken_card(home: Path) -> None:
    for path in (home / "models").rglob("card.json"):
        path.write_bytes(b"{")


def broken_log(home: Path) -> None:
    next((home / "models").glob("*.jsonl")).write_bytes(b"\x00\xff not a log\n")


def switched_off(home: Path) -> None:
    bootstrap.build(Settings(data_home=home)).toggles.turn("ml", False, reason="drift", who="tester")


def damaged_switch(home: Path) -> None:
    (home / "ml").mkdir()
    (home / "ml" / "switch.json").write_bytes(b"?")


def no_models(home: Path) -> None:
    shutil.rmtree(home / "models")


STATES = [truncated, wrong_sha, broken_card, broken_log, switched_off, damaged_switch, no_models]


@pytest.mark.parametrize(
    "more", [{}, {"include_ml": False}, {"include_ml": False, "ml_weight": 1, "ml_horizon": "30d"}]
)
def test_classic_bodies_are_the_same_with_and_without_models(
    client_at: Any, homes: tuple[Path, Path], more: dict[str, Any]
) -> None:
    bare, trained = homes
    assert canonical(client_at(bare), **more) == canonical(client_at(trained), **more)
    assert canonical(client_at(trained, ml_enabled=False), **more) == canonical(client_at(trained), **more)


@pytest.mark.parametrize("damage", STATES, ids=lambda d: d.__name__)
def test_classic_bodies_are_the_same_whatever_the_state_of_models(
    client_at: Any, homes: tuple[Path, Path], copy: Path, damage: Callable[[Path], None]
) -> None:
    damage(copy)
    assert canonical(client_at(copy)) == canonical(client_at(homes[0]))
    stock = body_of(client_at(copy), include_ml=True)["data"]["stocks"][0]
    assert stock["mlUnavailable"]["code"] in ("ARTIFACT_CORRUPT", "DISABLED", "NO_MODEL")
    assert stock["compositeScore"] == stock["classicScore"]


def test_models_are_picked_up_and_dropped_without_a_restart(
    client_at: Any, homes: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(homes[0], tmp_path / "home")
    client = client_at(tmp_path / "home")
    before = body_of(client, include_ml=True)["data"]["stocks"][0]
    assert before["mlUnavailable"]["code"] == "NO_MODEL"
    shutil.copytree(homes[1] / "models", tmp_path / "home" / "models")
    after = body_of(client, include_ml=True)
    for stock in after["data"]["stocks"]:
        ml = stock["mlPrediction"]
        assert 0 < ml["probability"]["up"] < 1
        assert ml["probability"]["up"] + ml["probability"]["down"] == pytest.approx(1)
        assert ml["weightApplied"] == pytest.approx(0.15 * ml["confidence"] if ml["confidence"] >= 0.5 else 0, abs=1e-6)
    assert after["data"]["metadata"]["mlEnhancement"]["mlPredictionsCount"] == len(after["data"]["stocks"])
    switched_off(tmp_path / "home")
    assert "drift" in code_until(client, "DISABLED")


def test_a_damaged_champion_is_answered_for_and_said_everywhere(client_at: Any, copy: Path, capsys: Any) -> None:
    """In the answer, in readiness, in health, in the registry and in the log; the server stays ready."""
    app = bootstrap.build(Settings(data_home=copy))
    (before,) = [card for card in app.models.cards() if card.status == "champion"]
    files = app.models.read(before.model_id)
    after = app.models.save(replace(before, model_id="linear-7d-later", status="staged"), files)
    app.models.set_status(after.model_id, "champion", who="test", why="newer")
    broken = copy / "models" / after.model_id / "calibration.json"
    broken.write_bytes(broken.read_bytes()[:-5])
    bootstrap.configure_logging(Settings(data_home=copy, log_format="json"))
    try:
        client = client_at(copy)
        body = body_of(client, include_ml=True)["data"]
        ready = client.get("/api/health/ready")
        health = client.get("/api/ml/health").json()["data"]
        logged = capsys.readouterr().err
    finally:
        structlog.reset_defaults()
    (warning,) = body["metadata"]["mlEnhancement"]["warnings"]
    assert "calibration.json is truncated or changed" in warning
    assert f"{before.model_id} answers in its place" in warning
    assert body["metadata"]["mlEnhancement"]["modelVersions"] == [before.model_id]
    assert body["stocks"][0]["mlPrediction"]["members"][3]["warning"] == warning
    assert (ready.status_code, ready.json()["data"]["ml"]["warnings"]) == (200, [warning])
    assert health["parts"]["7d"] == {"status": "degraded", "message": warning}
    assert client.get(f"/api/ml/models/{after.model_id}").json()["data"]["damaged"].startswith(after.model_id)
    assert client.get(f"/api/ml/models/{before.model_id}").json()["data"]["damaged"] is None
    assert '"version": "linear-7d-later"' in logged


def test_a_version_whose_card_cannot_be_read_is_listed_as_a_problem(client_at: Any, copy: Path, failure: Any) -> None:
    model_id = client_at(copy).get("/api/ml/models").json()["data"]["models"][0]["modelId"]
    broken_card(copy)
    client = client_at(copy)
    listed = client.get("/api/ml/models").json()["data"]
    assert (listed["total"], list(listed["problems"])) == (0, [model_id])
    assert "card.json" in failure(client.get(f"/api/ml/models/{model_id}"), 503, "ARTIFACT_CORRUPT")


def test_training_under_way_is_said(client_at: Any, homes: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(homes[0], tmp_path / "home")
    app = bootstrap.build(Settings(data_home=tmp_path / "home"))
    client = client_at(tmp_path / "home")
    with app.training.lead() as report:
        assert report is not None
        report("fold 7d linear", 0.5)
        unavailable = body_of(client, include_ml=True)["data"]["stocks"][0]["mlUnavailable"]
        ready = client.get("/api/health/ready").json()["data"]["ml"]
        health = client.get("/api/ml/health").json()["data"]
    assert unavailable["code"] == "TRAINING"
    assert "50%" in unavailable["message"]
    assert (ready["training"]["state"], ready["training"]["progress"]) == ("running", 50)
    assert health["status"] == "degraded"


def test_the_registry_is_listed(client_at: Any, homes: tuple[Path, Path], failure: Any) -> None:
    client = client_at(homes[1])
    listed = client.get("/api/ml/models").json()["data"]
    assert (listed["total"], listed["nextCursor"]) == (1, None)
    row = listed["models"][0]
    assert (row["member"], row["horizon"], row["status"]) == ("linear", "7d", "champion")
    whole = client.get(f"/api/ml/models/{row['modelId']}").json()["data"]
    assert whole["card"]["files"]
    assert whole["span"] == row["span"]
    assert row["gates"].keys() == {"passed", "refused"}
    assert row["metrics"].keys() >= {"brier", "brier_base_rate", "brier_skill_low", "rank_ic_t", "accuracy_base_rate"}
    assert len(whole["card"]["libraries"]) >= 2
    assert client.get("/api/ml/models?horizon=1d").json()["data"]["total"] == 0
    failure(client.get("/api/ml/models/none-such"), 404, "NO_MODEL")
    failure(client.get("/api/ml/models?cursor=none-such"), 422, "INVALID_FIELD")
    failure(client.get("/api/ml/models?limit=0"), 422, "INVALID_FIELD")


def test_health_asks_every_horizon(client_at: Any, homes: tuple[Path, Path], failure: Any) -> None:
    data = client_at(homes[1]).get("/api/ml/health").json()["data"]
    assert data["status"] == "degraded"
    assert data["parts"]["7d"]["status"] == "healthy"
    assert data["parts"]["30d"]["status"] == "unhealthy"
    failure(client_at(homes[0]).get("/api/ml/health"), 503, "ML_UNHEALTHY")


def test_a_horizon_is_trained_when_every_starter_member_has_a_version(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare, trained = (bootstrap.build(Settings(data_home=home)) for home in homes)
    assert bare.untrained() == trained.untrained() == ("7d", "1d", "30d")
    monkeypatch.setattr("vfr.workflows.train.fit_here", lambda _: (("linear",), {}))
    assert trained.untrained() == ("1d", "30d")


def test_health_says_how_each_member_answered(client_at: Any, homes: tuple[Path, Path], copy: Path) -> None:
    sound = answered(client_at(homes[1]))
    assert (sound["calls"], sound["failures"], sound["failureRate"], sound["byStatus"]) == (1, 0, 0.0, {"ok": 1})
    assert 0 < sound["p50Ms"] <= sound["p95Ms"] <= sound["p99Ms"]
    truncated(copy)
    broken = answered(client_at(copy))
    assert (broken["failureRate"], broken["p50Ms"], broken["horizons"]) == (1.0, None, {})


def answered(client: Any) -> dict[str, Any]:
    """Return the health of the only member once its first call is counted, which is not on the path of answers."""
    found: dict[str, Any] = told_members(client, "linear")["linear"]
    return found


def told_members(client: Any, name: str) -> dict[str, Any]:
    """Return what health says of members once it knows one: it does not wait for what it reads."""
    for _ in range(200):
        members: dict[str, Any] = client.get("/api/ml/health").json()["data"]["members"]
        if name in members:
            return members
        time.sleep(0.05)
    raise AssertionError(f"nothing is told of {name}")


def test_health_names_a_benched_member_with_its_reason(client_at: Any, tmp_path: Path) -> None:
    client = client_at(tracked_home(tmp_path / "home"))
    members = told_members(client, "lightgbm")
    broken = members["lightgbm"]["horizons"]["1d"]
    assert (broken["weight"], broken["health"]) == (0.0, 0.0)
    assert broken["reason"].startswith("rank correlation with the other members")
    assert [(members[m]["calls"], members[m]["horizons"]["1d"]["reason"]) for m in ("linear", "trees")] == [
        (0, None)
    ] * 2
    (tmp_path / "home" / "ensembles" / "synthetic-1d.vfe").write_bytes(b"?")
    assert client.get("/api/ml/health").json()["data"]["members"] == {}


def test_health_answers_while_the_journal_hangs(
    client_of: Any, homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    application, gate = bootstrap.build(Settings(data_home=homes[0])), threading.Event()
    monkeypatch.setattr(application.tracking.earned, "known", lambda *_about: gate.wait(60) and None)
    monkeypatch.setattr("vfr.bootstrap.tracking.READ_MS", 50.0)
    client = client_of(application)
    try:
        assert [client.get("/api/ml/health").json()["data"]["members"] for _ in range(2)] == [{}, {}]
        assert list(application.tracking._lanes.stuck) == ["standings"]
    finally:
        gate.set()


def code_until(client: Any, wanted: str | None) -> str:
    """Ask until machine learning says what is wanted, and return its words; a second is enough, five are waited."""
    end = time.monotonic() + 5.0
    while True:
        stock = body_of(client, include_ml=True)["data"]["stocks"][0]
        said = stock.get("mlUnavailable", {"code": None, "message": ""})
        if said["code"] == wanted:
            return str(said["message"])
        assert time.monotonic() < end, said
        time.sleep(0.02)


def test_a_running_server_follows_every_switch(copy: Path, client_at: Callable[..., Any]) -> None:
    client, operator = client_at(copy), bootstrap.build(Settings(data_home=copy))
    code_until(client, None)
    [champion] = [card for card in operator.models.cards() if card.status == "champion"]
    for switch in ("ml", "linear", champion.model_id):
        operator.toggles.turn(switch, False, reason=f"odd {switch}", who="ana")
        assert f"odd {switch}" in code_until(client, "DISABLED")
        operator.toggles.turn(switch, True, reason="mended", who="ana")
        code_until(client, None)
    operator.close()


@pytest.mark.parametrize(
    ("fault", "code"), [("raise", "ML_ERROR"), ("nan", "ML_ERROR"), ("hang", "TIMEOUT"), ("slow", "TIMEOUT")]
)
def test_a_rehearsal_changes_nothing_of_the_classic_answer_and_is_over_soon(
    copy: Path, client_at: Callable[..., Any], fault: str, code: str
) -> None:
    client, operator = client_at(copy, chaos=True), bootstrap.build(Settings(data_home=copy, chaos=True))
    code_until(client, None)
    plain = canonical(client)
    assert operator.chaos is not None
    operator.chaos.write(replace(parse_faults([f"ml={fault}"]), until=time.time() + 60))
    time.sleep(0.3)
    stock = body_of(client, include_ml=True, ml_timeout=100)["data"]["stocks"][0]
    assert stock["mlUnavailable"]["code"] == code
    assert canonical(client) == plain
    ready = client.get("/api/health/ready").json()["data"]
    assert ready["chaos"]["faults"] == {"ml": fault}
    operator.chaos.clear()
    code_until(client, None)
