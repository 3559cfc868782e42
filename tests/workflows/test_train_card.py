"""The card and the record of a version, made from a real walk-forward on a small market."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from vfr.adapters.store.models import DirectoryModels
from vfr.features import compute
from vfr.models.card_text import FIGURES
from vfr.models.learners import LEARNERS
from vfr.models.member import PARITY_NAMES, Member
from vfr.models.prediction import CARD_VERSION, MEMBER_NAMES, ModelCard
from vfr.validation.splits import Fold, matured
from vfr.workflows.train import train
from vfr.workflows.train_calibrate import calibrate
from vfr.workflows.train_card import LIBRARIES, make_card, peak_rss_mb
from vfr.workflows.train_data import counting, prepare, targets
from vfr.workflows.train_jobs import Threads, jobs_of, run_walks
from vfr.workflows.train_judge import figures, serve
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_record import FILE, Record, record
from vfr.workflows.train_walk import Task, fit_refit, folds_of

SMALL = Recipe(min_train=250, refit_months=6, conformal=80)


@pytest.fixture(scope="module")
def made(seeded_snapshot) -> dict[str, Any]:
    s = seeded_snapshot
    inputs = prepare(compute(s), s.panel.trading())
    labelled = targets(s, "7d", counting(s)[0])
    task = Task(inputs, labelled, LEARNERS["linear"], SMALL, 0)
    jobs = jobs_of("7d", "linear", folds_of(s.sessions, labelled.labels.span, SMALL), None, recipe=SMALL, seed=0)
    done = run_walks(Threads(1), inputs, {"7d": labelled}, jobs)["7d", "linear"].walk
    served = serve(inputs, labelled, done, SMALL)
    rows = matured(np.arange(s.sessions.size), labelled.labels.span, s.sessions.size)
    refit = fit_refit(task, Fold("all", rows, np.empty(0, dtype=np.int64)))
    calibrated = calibrate(inputs, labelled, done, s.sessions.size, SMALL)
    assert calibrated is not None
    fitted = Member("linear", refit.direction, refit.excess, refit.design, calibrated)
    files = fitted.files(inputs.sample)
    options = {"seed": 3, "folds": done.refits, "training_seconds": 12.34, "evidence": "2020-7d-abc"}
    card = make_card(s, inputs, SMALL, labelled, "linear", refit, files, **options)
    found = record(labelled, served.prediction, served.rank, s.sessions)
    judged = figures(inputs, labelled, served, training_rows=refit.n_rows)
    shown = {"card": card, "files": files, "done": done, "record": found, "judged": judged}
    return shown | {"snapshot": s, "labelled": labelled}


def test_a_card_says_what_made_the_version(made):
    card: ModelCard = made["card"]
    assert (card.card_version, card.seed, card.device, card.evidence) == (CARD_VERSION, 3, "cpu", "2020-7d-abc")
    assert card.tuning == {"trials": 0, "source": "defaults"}
    assert card.libraries.keys() == {"numpy", "numba"}
    assert card.python.startswith("3.11.")
    assert "processors" in card.machine
    assert card.training_seconds == 12.3
    assert 50 < card.peak_rss_mb < 60_000
    assert card.parity["sessions"] == LEARNERS["linear"].lookback
    assert 50 < card.parity["names"] <= min(PARITY_NAMES, 60)
    assert any("Survivorship: 47 of 50 members" in line for line in card.limitations)
    assert any("must not be used" in line for line in card.limitations)


def test_a_card_lists_the_walk_forward_fold_by_fold(made):
    card, sessions = made["card"], made["snapshot"].sessions
    span = made["labelled"].labels.span
    assert len(card.folds) == len(made["done"].refits) > 2
    for fold, refit in zip(card.folds, made["done"].refits, strict=True):
        assert fold["name"] == refit.fold.name
        assert fold["rows"] == refit.n_rows
        assert fold["train_start"] == str(sessions[0])
        assert fold["labels_end"] == str(sessions[refit.fold.train[-1] + span])
        assert fold["train_end"] < fold["labels_end"] < fold["test_start"] <= fold["test_end"]


def test_a_card_survives_its_store(made, tmp_path):
    card = replace(made["card"], metrics={"rank_ic": 0.01}, gates={"passed": True})
    saved = DirectoryModels(tmp_path).save(card, made["files"])
    found = DirectoryModels(tmp_path).cards()[0]
    assert json.loads(json.dumps(asdict(found), allow_nan=False)) == json.loads(json.dumps(asdict(saved)))


def test_what_was_tuned_is_named_instead_of_the_defaults(made):
    s, card = made["snapshot"], made["card"]
    refit = made["done"].refits[-1]
    used = {"direction": {"ridge": 0.5, "device": "cuda"}, "excess": {"ridge": 0.7}}
    inputs = prepare(compute(s, slice(0, 5)), s.panel.trading()[:5])
    tuned = make_card(
        s, inputs, SMALL, made["labelled"], "linear", refit, made["files"], seed=3, used=used,
        tuning={"trials": 40, "source": "optuna, training folds only"},
    )  # fmt: skip
    assert (tuned.params["direction"]["ridge"], tuned.params["excess"]["ridge"]) == (0.5, 0.7)
    assert (tuned.tuning["trials"], tuned.device) == (40, "cuda")
    assert tuned.model_id != card.model_id


def test_every_member_of_the_contract_has_its_libraries_named():
    assert set(LIBRARIES) == set(MEMBER_NAMES)


def test_memory_is_measured_in_megabytes():
    block = np.ones(25_000_000)  # 200 MB
    assert peak_rss_mb() > block.nbytes / 1e6


def test_the_record_holds_what_the_figures_average(made):
    found: Record = made["record"]
    metrics = made["judged"].metrics
    weight = found.cells / found.cells.sum()
    assert float(weight @ found.loss) == pytest.approx(metrics["brier"])
    assert float(weight @ found.base_loss) == pytest.approx(metrics["brier_base_rate"])
    assert float(np.nanmean(found.ic)) == pytest.approx(metrics["rank_ic"])
    assert found.cells.sum() == metrics["rows"]
    assert np.all(np.diff(found.dates).astype(int) > 0)
    assert len(Record.from_bytes(found.to_bytes()).dates) == found.dates.size
    assert FILE.endswith(".npy")


def test_every_figure_that_is_computed_has_words(made):
    """One without words would be shown by its name only."""
    told = {figure.name for figure in FIGURES} | {str(figure.baseline) for figure in FIGURES}
    named = {name.removesuffix("_low").removesuffix("_high") for name in made["judged"].metrics}
    assert named == told & named, named - told


def test_a_training_run_puts_verdict_record_and_report_on_the_card(seeded_snapshot, tmp_path):
    store = DirectoryModels(tmp_path)
    report = train(
        seeded_snapshot, store, horizons=("7d",), members=("linear",), recipe=SMALL, historical=False, shadow=True,
        evidence=lambda version, horizon: f"{version}-{horizon}",
    )  # fmt: skip
    (card,) = store.cards()
    assert card.evidence == f"{seeded_snapshot.version}-7d"
    assert card.status == ("shadow" if card.gates["passed"] else "staged") == report.trained[0].status
    gates = {row["gate"]: row for row in card.gates["rows"]}
    assert gates["parity"]["figure"] <= 1e-6
    assert "rows" in gates["parity"]["note"]
    assert 0 < gates["latency_ms"]["figure"] < 1_000
    assert Record.from_bytes(store.read(card.model_id)[FILE]).dates.size == card.metrics["dates"]
    assert card.training_seconds is not None
    assert len(card.folds) > 2
