"""The composition root: cheap to build, prepares once, sees what other processes change."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vfr import bootstrap
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.errors import InvalidField, NoData, SettingsError, TrainingFailed
from vfr.factors.compute import compute_board
from vfr.settings import Settings
from vfr.workflows.query import AnalyzeQuery

FOLLOWING = {"vfr-toggles", "vfr-accounts", "vfr-experiments"}

HEAVY = (
    "polars",
    "pandas",
    "numba",
    "scipy",
    "sklearn",
    "lightgbm",
    "exchange_calendars",
    "fastapi",
    "starlette",
    "granian",
)

BUILD = f"""
import sys
from vfr import bootstrap, settings
bootstrap.build(settings.load())
print([name for name in {HEAVY!r} if name in sys.modules])
"""

PREPARE = """
from vfr import bootstrap, settings
done = bootstrap.build(settings.load()).prepare()
print("prepared" if done else "found")
"""


def python(code: str, home: Path) -> subprocess.Popen[str]:
    env = {"VFR_DATA_HOME": str(home), "PATH": "", "HOME": str(home)}
    return subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)  # noqa: S603


def said(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output.strip()


def publish(app: bootstrap.Application, seed: int, n_sessions: int = 420) -> str:
    made = synthetic.snapshot(np.random.default_rng(seed), n_sessions=n_sessions, n_symbols=8)
    snapshot = replace(made, version=f"seed{seed}")
    return app.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))


@pytest.fixture
def app(tmp_path: Path) -> bootstrap.Application:
    return bootstrap.build(Settings(data_home=tmp_path / "home"))


def test_building_imports_nothing_heavy_and_writes_nothing(tmp_path: Path) -> None:
    assert said(python(BUILD, tmp_path / "home")) == "[]"
    assert not (tmp_path / "home").exists()


def test_two_processes_prepare_an_empty_home_once(tmp_path: Path) -> None:
    both = [python(PREPARE, tmp_path) for _ in range(2)]
    assert sorted(said(process) for process in both) == ["found", "prepared"]
    app = bootstrap.build(Settings(data_home=tmp_path))
    assert app.prepare() is None
    assert app.datasets.current() == "bundled"
    assert app.analyze(AnalyzeQuery.parse({"mode": "single", "symbols": ["AAPL"]})).stocks[0].symbol == "AAPL"


def test_a_home_that_cannot_be_written_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SettingsError, match=r"^VFR_DATA_HOME: "):
        bootstrap.build(Settings(data_home=tmp_path / "file" / "home")).prepare()


def test_without_data_every_answer_says_so(app: bootstrap.Application) -> None:
    with pytest.raises(NoData):
        app.analyze(AnalyzeQuery.parse({"mode": "single", "symbols": ["AAPL"]}))
    with pytest.raises(NoData):
        app.search("apple")


def test_another_version_is_seen_by_the_next_request(app: bootstrap.Application) -> None:
    publish(app, 1)
    held = app.datasets.board()
    assert app.datasets.board() is held
    assert app.datasets.snapshot() is app.datasets.snapshot()
    other = bootstrap.build(Settings(data_home=app.settings.data_home))
    version = publish(other, 2)
    assert app.datasets.board().data_version == version != held.data_version
    assert app.datasets.snapshot().version == version


def test_past_boards_are_computed_from_what_was_known_then_and_kept(app: bootstrap.Application) -> None:
    publish(app, 1)
    snapshot = app.datasets.snapshot()
    day = snapshot.sessions[300]
    past = app.boards.at(day)
    assert past.as_of == day
    assert app.boards.at(day) is past
    alone = compute_board(snapshot.upto(day))
    np.testing.assert_array_equal(past.scores.score, alone.scores.score)
    assert app.boards.at(None) is app.boards.at(snapshot.as_of) is app.datasets.board()
    assert app.boards.at(snapshot.as_of + 400) is app.datasets.board()
    with pytest.raises(InvalidField, match="as_of"):
        app.boards.at(snapshot.sessions[0] - 1)


def test_past_boards_are_bounded(app: bootstrap.Application) -> None:
    publish(app, 1)
    app.boards._kept = 2
    days = app.datasets.snapshot().sessions[[300, 310, 320]]
    first = app.boards.at(days[0])
    for day in days[1:]:
        app.boards.at(day)
    assert len(app.boards._past) == 2
    assert app.boards.at(days[0]) is not first


def test_one_training_leader(app: bootstrap.Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.adapters.store.training_state._TRIES", 1)
    publish(app, 1)
    with app.training.lead(), pytest.raises(TrainingFailed, match="another process"):
        app.learning.train()


def test_a_failed_training_is_told_to_everybody(app: bootstrap.Application) -> None:
    publish(app, 1, n_sessions=60)
    with pytest.raises(TrainingFailed):
        app.learning.train(horizons=("30d",), members=("linear",))
    training = app.ml_state()["training"]
    assert training["state"] == "failed"
    assert "import a longer history" in training["message"]


def test_a_training_that_cannot_begin_has_not_failed(app: bootstrap.Application) -> None:
    before = app.training.read()
    for wrong in ({"members": ["gru"]}, {"horizons": ()}, {"seed": -1}):
        with pytest.raises(InvalidField):
            app.learning.train(**wrong)  # type: ignore[arg-type]
    assert app.training.read() == before


def test_the_switch_is_shared_and_needs_a_reason(app: bootstrap.Application) -> None:
    publish(app, 1)
    with pytest.raises(InvalidField, match="reason"):
        app.toggles.turn("ml", False, reason=" ", who="ana")
    app.toggles.turn("ml", False, reason="drift", who="ana")
    other = bootstrap.build(Settings(data_home=app.settings.data_home))
    state = other.ml_state()
    assert (state["enabled"], state["changedBy"]) == (False, "ana")
    assert "drift" in state["reason"]
    assert (
        "VFR_ML_ENABLED"
        in bootstrap.build(Settings(data_home=app.settings.data_home, ml_enabled=False)).ml_state()["reason"]
    )


def test_overridden_weights_reach_the_score(app: bootstrap.Application) -> None:
    publish(app, 1)
    alone = dict.fromkeys(("fundamental", "macro", "sentiment", "alternative"), 0.0001) | {"technical": 0.9996}
    other = bootstrap.build(Settings(data_home=app.settings.data_home, score_table={"weights": alone}))
    symbol = app.datasets.board().scores.symbols[0]
    query = AnalyzeQuery.parse({"mode": "single", "symbols": [symbol]})
    stock = other.analyze(query).stocks[0]
    assert stock.composite == pytest.approx(stock.scores["technical"], abs=0.1)
    assert stock.composite != app.analyze(query).stocks[0].composite


def test_a_closed_application_follows_nothing(tmp_path: Path) -> None:
    app, others = bootstrap.build(Settings(data_home=tmp_path)), set(threading.enumerate())
    app.upgrade_database()
    app.toggles.follow(5.0)
    app.accounts.callers.follow(5.0)
    app.experiments.follow()
    begun = set(threading.enumerate()) - others
    assert {thread.name for thread in begun} >= FOLLOWING
    app.close()
    for thread in begun:
        thread.join(10.0)
        assert not thread.is_alive(), thread.name


SHARING = """
import os, sys
from vfr import bootstrap
from vfr.settings import Settings, metrics_folder
with bootstrap.shared_metrics(Settings(data_home=sys.argv[1])):
    (metrics_folder() / "counter_1.db").touch()
    print(metrics_folder(), flush=True)
    sys.stdin.read()
"""


def test_figures_that_killed_servers_left_are_removed_and_those_of_live_ones_are_not(tmp_path: Path) -> None:
    def sharing() -> tuple[subprocess.Popen[str], Path]:
        words, pipe = [sys.executable, "-c", SHARING, str(tmp_path)], subprocess.PIPE
        process = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True)  # noqa: S603 (the program is this one)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    killed, left = sharing()
    killed.kill()
    killed.communicate()
    assert left.exists()
    (lives, kept), (other, third) = sharing(), sharing()
    assert not left.exists()
    assert kept.exists()
    for process in (lives, other):
        process.communicate("")
    assert not kept.exists()
    assert not third.exists()
