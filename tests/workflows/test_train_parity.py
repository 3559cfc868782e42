"""Parity and latency of a stored artifact: what was trained is what is served, or the gate sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr import clock
from vfr.features import compute
from vfr.models.calibrated import Calibrated
from vfr.models.learners import LEARNERS
from vfr.models.member import Member
from vfr.models.scale import Scale
from vfr.validation.calibration import Platt
from vfr.validation.splits import Fold, matured
from vfr.workflows import train_parity
from vfr.workflows.train_card import make_card
from vfr.workflows.train_data import Inputs, counting, prepare, targets
from vfr.workflows.train_parity import ROWS, Section, check, riddled, sections
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Task, Walk, fit_refit, folds_of, score_rows

SMALL = Recipe(min_train=250, refit_months=6, conformal=80)
UP, SURE = Platt(0.1, 0.0, (0.2, 0.3), (0.0, 0.0)), Platt(0, 0.01, (0.05,), (0.25,))
CALIBRATED = Calibrated(UP, 0.01, SURE, Scale(("volatility_21",), (1.0,), 0.0, 0.02), 0.5, 0.9)


@pytest.fixture(scope="module")
def inputs(few_names) -> Inputs:
    return prepare(compute(few_names), few_names.panel.trading())


@pytest.fixture(scope="module")
def labelled(few_names):
    return targets(few_names, "7d", counting(few_names)[0])


@pytest.fixture(scope="module")
def drawn(few_names, inputs, labelled) -> tuple[Section, ...]:
    folds = folds_of(few_names.sessions, labelled.labels.span, SMALL)
    return sections(few_names, inputs, folds, max(learner.lookback for learner in LEARNERS.values()), 0)


@pytest.fixture(scope="module", params=LEARNERS)
def trained(request, few_names, inputs, labelled):
    """A member trained on all rows, its card and its files."""
    name = request.param
    if LEARNERS[name].unavailable():
        pytest.skip(LEARNERS[name].unavailable())
    rows = matured(np.arange(few_names.sessions.size), labelled.labels.span, few_names.sessions.size)
    last = Fold("all", rows[-90:], np.empty(0, dtype=np.int64))
    refit = fit_refit(Task(inputs, labelled, LEARNERS[name], SMALL, 0), last)
    fitted = Member(name, refit.direction, refit.excess, refit.design, CALIBRATED)
    files = fitted.files(inputs.sample)
    return fitted, make_card(few_names, inputs, SMALL, labelled, name, refit, files, seed=0), files, refit


def test_sessions_lie_at_the_ends_of_spans_and_all_over_the_history(few_names, inputs, labelled, drawn):
    folds = folds_of(few_names.sessions, labelled.labels.span, SMALL)
    rows = [section.row for section in drawn]
    known = np.flatnonzero(inputs.known.any(axis=1))
    assert rows == sorted(set(rows))
    assert set(rows) <= set(known)
    ends = {int(row) for fold in folds for row in (fold.train[-1], fold.test[0], fold.test[-1])}
    assert len(ends & set(rows)) >= min(len(ends), len(rows) // 2) - 1
    assert rows[0] < known[0] + 150
    assert rows[-1] == known[-1]
    assert ROWS * 0.5 < 2 * len(rows) * inputs.known.shape[1] <= ROWS or len(rows) >= 25


def test_what_was_trained_is_served(inputs, trained, drawn, monkeypatch):
    fitted, card, files, _ = trained
    monkeypatch.setattr(train_parity, "BUDGET_MS", 60.0)
    found = check(inputs, fitted, card, files, drawn)
    assert found.parity
    assert found.parity_difference <= 1e-6
    assert found.parity_rows > 1_000
    assert found.latency_ms > 0
    assert 0 < found.latency_median_ms <= found.latency_wall_ms
    assert found.latency_rows >= 1


def test_an_artifact_that_scores_otherwise_is_seen(inputs, trained, drawn, monkeypatch):
    """Another version's models under this card: the sample alone would replay."""
    fitted, card, _, _ = trained
    monkeypatch.setattr(train_parity, "BUDGET_MS", 1.0)
    swapped = replace(fitted, direction=_Shifted(fitted.direction))
    found = check(inputs, swapped, card, fitted.files(inputs.sample), drawn[-2:])
    assert found.parity
    assert found.parity_difference == pytest.approx(1e-3, rel=1e-3)


class _Shifted:
    """Scores a thousandth higher where it knows the first column."""

    def __init__(self, scorer) -> None:
        self._scorer = scorer

    def score(self, X):
        last = X if X.ndim == 2 else X[:, -1]
        return self._scorer.score(X) + np.where(np.isfinite(last[:, 0]), 1e-3, 0.0)


def test_features_that_differ_between_training_and_serving_are_seen(inputs, trained, drawn, monkeypatch):
    """One session's inputs of training are shifted against what a request computes."""
    fitted, card, files, _ = trained
    monkeypatch.setattr(train_parity, "BUDGET_MS", 1.0)
    ranks = inputs.ranks.copy()
    row = drawn[-1].row
    ranks[row] = ranks[row - 1]
    found = check(replace(inputs, ranks=ranks), fitted, card, files, drawn[-1:])
    assert found.parity_difference > 1e-6


def test_an_artifact_that_does_not_open_is_no_parity(inputs, trained, drawn):
    fitted, card, files, _ = trained
    broken = check(inputs, fitted, card, files | {"parity_outputs.npy": files["parity_inputs.npy"]}, drawn)
    assert not broken.parity
    assert np.isnan(broken.latency_ms)


def test_a_walk_scored_otherwise_than_its_kept_refits_is_seen(few_names, inputs, labelled, trained, drawn, monkeypatch):
    """As if a model had lost something on the way from the process that fitted it."""
    fitted, card, files, _ = trained
    monkeypatch.setattr(train_parity, "BUDGET_MS", 1.0)
    task = Task(inputs, labelled, LEARNERS[fitted.name], SMALL, 0)
    fold = folds_of(few_names.sessions, labelled.labels.span, SMALL)[-1]
    refit = fit_refit(task, Fold(fold.name, fold.train[-90:], fold.test))
    judged = [section for section in drawn if fold.test[0] <= section.row <= fold.test[-1]]
    direction = np.full(inputs.known.shape, np.nan)
    direction[fold.test] = score_rows(task, refit.design, "direction", refit.direction, fold.test)
    walk = Walk((refit,), direction, direction)
    assert len(judged) > 1
    assert check(inputs, fitted, card, files, judged, walk).parity_difference <= 1e-6
    shifted = Walk((refit,), direction + 1e-3, direction)
    assert check(inputs, fitted, card, files, judged, shifted).parity_difference == pytest.approx(1e-3, rel=1e-3)


def test_riddled_rows_miss_anything_from_nothing_to_everything():
    X = np.ones((2, 400, 50), dtype=np.float32)
    share = np.isnan(riddled(X, np.random.default_rng(0))).mean(axis=(0, 2))
    assert share.min() < 0.05
    assert share.max() > 0.95
    assert not np.isnan(X).any()


def test_time_on_the_processor_is_not_time_that_passed():
    import time

    wall, busy = clock.elapsed_ms(), clock.processor_ms()
    time.sleep(0.03)
    assert clock.elapsed_ms(wall) >= 29
    assert clock.processor_ms() - busy < 15
