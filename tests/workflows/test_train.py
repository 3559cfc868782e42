from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vfr.adapters.store.models import DirectoryModels
from vfr.data.snapshot import Snapshot
from vfr.errors import InvalidField, TrainingFailed
from vfr.features import compute
from vfr.models.learners import LEARNERS
from vfr.models.member import Member
from vfr.workflows.train import TrainReport, train
from vfr.workflows.train_data import Inputs, counting, prepare, targets
from vfr.workflows.train_jobs import Threads, jobs_of, run_walks
from vfr.workflows.train_judge import serve
from vfr.workflows.train_recipe import DEFAULT, Recipe
from vfr.workflows.train_walk import Task, fit_refit, folds_of

SMALL = Recipe(min_train=250, refit_months=6, conformal=80)


def _walk(inputs, labelled, folds):
    jobs = jobs_of("7d", "linear", folds, None, recipe=SMALL, seed=0)
    return run_walks(Threads(1), inputs, {"7d": labelled}, jobs)["7d", "linear"].walk


def _train(snapshot: Snapshot, home: Path, **options: object) -> TrainReport:
    settings: dict[str, object] = {"horizons": ("7d",), "members": ("lightgbm", "linear"), "recipe": SMALL} | options
    return train(snapshot, DirectoryModels(home), **settings)


@pytest.fixture(scope="module")
def trained(few_names, tmp_path_factory) -> tuple[Path, TrainReport, list[tuple[str, float]]]:
    home = tmp_path_factory.mktemp("home")
    heard: list[tuple[str, float]] = []
    report = _train(few_names, home, who="tester", progress=lambda stage, part: heard.append((stage, part)))
    return home, report, heard


@pytest.fixture(scope="module")
def inputs(few_names) -> Inputs:
    return prepare(compute(few_names), few_names.panel.trading())


def test_every_member_gets_a_verdict_and_a_stored_version(trained):
    home, report, _ = trained
    store = DirectoryModels(home)
    cards = {card.model_id: card for card in store.cards()}
    assert [t.member for t in report.trained] == ["lightgbm", "linear"]
    for t in report.trained:
        assert cards[t.model_id].status == t.status
        assert (t.status == "champion") == (t.refused == ())
        assert t.historical == (
            0 if t.refused else sum(c.status == "historical" and c.member == t.member for c in cards.values())
        )
        assert cards[t.model_id].gates["passed"] == (t.refused == ())
        assert 0 < t.metrics["brier"] < 0.3
    assert store.problems() == {}


def test_every_training_says_how_many_members_are_priced(trained):
    home, report, _ = trained
    body = report.to_dict()
    assert body["survivorship"] == report.survivorship
    assert report.survivorship.startswith("23 of 26 members in 2016 ... ")
    assert [row["year"] for row in body["membersPriced"]] == [2016, 2017, 2018]
    assert all(card.params["survivorship"] == report.survivorship for card in DirectoryModels(home).cards())


def test_promotions_name_who_and_carry_the_gates(trained):
    home, report, _ = trained
    rows = [row for row in DirectoryModels(home).log() if row["event"] == "status"]
    assert {row["model_id"] for row in rows} == {t.model_id for t in report.trained if t.status == "champion"}
    assert all(row["who"] == "tester" and row["gates"]["passed"] for row in rows)


def test_versions_learn_nothing_after_their_labels_end(trained, few_names):
    home, _, _ = trained
    sessions = few_names.sessions
    for card in DirectoryModels(home).cards():
        assert np.datetime64(card.labels_end) <= sessions[-1]
        if card.status == "historical":
            assert np.datetime64(card.labels_end) < sessions[-1]


def test_progress_runs_from_zero_to_one(trained):
    _, _, heard = trained
    fractions = [fraction for _, fraction in heard]
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions == sorted(fractions)


def test_predictions_of_a_stored_version_are_what_the_contract_promises(trained, few_names):
    home, report, _ = trained
    matrix = compute(few_names)
    X = np.ascontiguousarray(matrix.values[:, -1:, :].transpose(1, 2, 0))
    X[:, 3] = np.nan
    for t in report.trained:
        p = DirectoryModels(home).load(t.model_id).predict(X)
        known = np.isfinite(p.p_up)
        assert not known[3]
        assert np.isnan([p.expected_excess[3], p.low[3], p.high[3], p.confidence[3]]).all()
        assert known.sum() > 25
        assert ((p.p_up > 0.3) & (p.p_up < 0.8))[known].all()
        assert ((p.confidence > 0.4) & (p.confidence < 0.65))[known].all()
        assert (p.low < p.expected_excess)[known].all()
        assert (p.expected_excess < p.high)[known].all()
        order = np.random.default_rng(0).permutation(X.shape[1])
        shuffled = DirectoryModels(home).load(t.model_id).predict(X[:, order])
        assert np.allclose(shuffled.expected_excess, p.expected_excess[order], equal_nan=True)


def test_the_same_seed_gives_the_same_versions_and_changes_nothing(trained, few_names):
    home, report, _ = trained
    rows = len(DirectoryModels(home).log())
    again = _train(few_names, home, members=("linear",))
    assert again.trained[0].model_id == report.trained[1].model_id
    assert again.trained[0].status == report.trained[1].status
    assert len(DirectoryModels(home).log()) == rows


def test_another_seed_gives_another_version(trained, few_names, tmp_path):
    _, report, _ = trained
    other = _train(few_names, tmp_path, members=("linear",), seed=1, historical=False)
    assert other.trained[0].model_id != report.trained[1].model_id


def test_training_as_of_a_day_sees_nothing_later(few_names, tmp_path):
    day = few_names.sessions[560]
    panel = few_names.panel
    wild = panel.adj_close.copy()
    wild[561:] *= np.linspace(1, 9, wild[561:].shape[0])[:, None]
    changed = replace(few_names, panel=replace(panel, adj_close=wild))
    one = _train(few_names, tmp_path / "a", members=("linear",), as_of=day, override_rows="small")
    two = _train(changed, tmp_path / "b", members=("linear",), as_of=day, override_rows="small")
    assert one.trained[0].model_id == two.trained[0].model_id
    assert one.trained[0].labels_end <= str(day)
    assert one.trained[0].status in ("historical", "staged")


def test_few_rows_are_refused_unless_a_reason_is_recorded(few_names, tmp_path):
    few = replace(few_names, panel=few_names.panel.rows(0, 520), membership=None, benchmark=None)
    few = replace(few, closes_at=few_names.closes_at[:520])
    recipe = replace(SMALL, stride=(("7d", 10),))
    report = _train(few, tmp_path, members=("linear",), recipe=recipe)
    assert report.to_dict()["survivorship"] == "index membership unknown: survivorship cannot be measured"
    assert "training_rows" in report.trained[0].refused
    assert report.trained[0].status == "staged"
    report = _train(few, tmp_path, members=("linear",), recipe=recipe, override_rows="a demonstration")
    assert "training_rows" not in report.trained[0].refused


def test_too_little_data_says_so(few_names, tmp_path):
    short = few_names.upto(few_names.sessions[200])
    with pytest.raises(TrainingFailed, match="201 sessions are too few"):
        _train(short, tmp_path)
    assert DirectoryModels(tmp_path).cards() == []


def test_a_member_without_a_learner_is_named(few_names, tmp_path):
    with pytest.raises(InvalidField, match="oracle"):
        _train(few_names, tmp_path, members=("oracle",))


def test_a_killed_run_leaves_the_champion_in_place(trained, few_names):
    home, _, _ = trained

    def kill(stage: str, fraction: float) -> None:
        if fraction > 0.6:
            raise KeyboardInterrupt

    store = DirectoryModels(home)
    before = {c.model_id: c.status for c in store.cards() if c.status == "champion"}
    with pytest.raises(KeyboardInterrupt):
        _train(few_names, home, seed=9, members=("linear",), progress=kill)
    after = {c.model_id: c.status for c in DirectoryModels(home).cards()}
    assert before == {model_id: after[model_id] for model_id in before}
    assert store.problems() == {}


@pytest.mark.parametrize("horizon", ["1d", "7d", "30d"])
def test_outcomes_of_the_test_span_do_not_reach_its_refit(few_names, inputs, horizon):
    """Scrambling every label that reaches the test span leaves its refit byte for byte the same."""
    counts, _ = counting(few_names)
    labelled = targets(few_names, horizon, counts)
    fold = folds_of(few_names.sessions, labelled.labels.span, SMALL)[-1]
    start = int(fold.test[0])
    noise = np.random.default_rng(0).normal(size=labelled.rank.shape)
    scrambled = np.where(np.arange(noise.shape[0])[:, None] + labelled.labels.span >= start, noise, labelled.rank)
    one, two = (
        fit_refit(Task(inputs, replace(labelled, rank=rank), LEARNERS["linear"], SMALL, 0), fold)
        for rank in (labelled.rank, scrambled)
    )
    assert one.excess.dump() == two.excess.dump()
    assert one.last_label_row < start


def test_features_are_chosen_by_what_was_known_by_the_end_of_training(few_names, inputs):
    """A feature that begins to be known later changes no earlier version's design."""
    cut = 400
    early = prepare(compute(few_names.upto(few_names.sessions[cut])), few_names.panel.trading()[: cut + 1])
    assert inputs.design_at(cut) == early.design_at(cut)
    last = inputs.known.shape[0] - 1
    assert set(inputs.design_at(cut).ranked) < set(inputs.design_at(last).ranked)


def test_a_forecast_is_served_as_the_walk_forward_scored_it(few_names, inputs):
    """The same session through the stored member and through the walk gives the same probabilities and excess."""
    counts, _ = counting(few_names)
    labelled = targets(few_names, "7d", counts)
    folds = folds_of(few_names.sessions, labelled.labels.span, SMALL)
    done = _walk(inputs, labelled, folds)
    judged = serve(inputs, labelled, done, SMALL)
    refit, calibrated = done.refits[-1], judged.calibrations[-1]
    row = int(refit.fold.test[-1])
    X = np.ascontiguousarray(compute(few_names, slice(row, row + 1)).values.transpose(1, 2, 0))
    X[0, ~few_names.panel.trading()[row]] = np.nan
    p = Member("linear", refit.direction, refit.excess, refit.design, calibrated).predict(X)
    assert not few_names.panel.trading()[row].all()
    np.testing.assert_allclose(p.p_up, judged.prediction.p_up[row], rtol=1e-9)
    np.testing.assert_allclose(p.expected_excess, judged.prediction.expected_excess[row], rtol=1e-9)


def test_training_as_of_the_latest_session_is_training(trained, few_names):
    """It is not a run about the past, so the same versions keep their status."""
    home, report, _ = trained
    again = _train(few_names, home, members=("linear",), as_of=few_names.as_of)
    assert (again.trained[0].model_id, again.trained[0].status) == (
        report.trained[1].model_id,
        report.trained[1].status,
    )


def test_walk_scores_each_session_once_and_only_where_features_are_known(few_names, inputs):
    counts, is_membership = counting(few_names)
    labelled = targets(few_names, "7d", counts)
    folds = folds_of(few_names.sessions, labelled.labels.span, SMALL)
    done = _walk(inputs, labelled, folds)
    assert is_membership
    tested = np.zeros(few_names.sessions.size, dtype=bool)
    tested[done.rows] = True
    assert done.rows.size == tested.sum()
    assert np.array_equal(np.isfinite(done.rank), inputs.known & tested[:, None])


def test_sessions_the_membership_table_does_not_know_count_every_priced_name(seeded_snapshot):
    member = seeded_snapshot.membership.member.copy()
    member[:100] = False
    silent = replace(seeded_snapshot, membership=replace(seeded_snapshot.membership, member=member))
    counts, _ = counting(silent)
    priced = np.isfinite(seeded_snapshot.panel.adj_close)
    assert np.array_equal(counts[:100], priced[:100])
    assert np.array_equal(counts[100:], (member & priced)[100:])


def test_the_recipe_refits_more_often_on_short_data():
    assert DEFAULT.spacing(8000) == (756, 12)
    assert DEFAULT.spacing(700) == (233, 3)


WRONG = [({"horizons": ()}, "horizons"), ({"horizons": ("2d",)}, "horizons"), ({"seed": 1 << 40}, "seed")]


@pytest.mark.parametrize(("wrong", "field"), WRONG)
def test_what_cannot_be_trained_is_said_before_anything_is_fitted(few_names, tmp_path, wrong, field):
    with pytest.raises(InvalidField) as refused:
        _train(few_names, tmp_path, **wrong)
    assert refused.value.field == field
    assert not list(tmp_path.iterdir())
