from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from vfr.adapters.store.ledger import FileLedger
from vfr.adapters.store.tuning import TuningFiles
from vfr.data import synthetic
from vfr.errors import DatasetCorrupt, InvalidField, TrainingFailed
from vfr.models.learners import LEARNERS
from vfr.models.search import SPACES
from vfr.validation.splits import Fold
from vfr.workflows.development import DEVELOPMENT_END, development
from vfr.workflows.train_data import counting, prepare, targets
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Task, fit_refit
from vfr.workflows.tune import _Search, inner_folds, tune
from vfr.workflows.tuning import TargetSearch, Tuned

SMALL = Recipe(min_train=400, refit_months=6)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("tuning")


@pytest.fixture(scope="module")
def found(few_names, home):
    return tune(few_names, TuningFiles(home), horizon="7d", member="linear", trials=4, seed=1, recipe=SMALL)


def test_each_space_names_parameters_that_its_learner_takes():
    for member, space in SPACES.items():
        if member in LEARNERS:
            known = LEARNERS[member].params(10_000, "excess")
            assert set(space) <= set(known), member


def test_the_search_ends_before_the_first_out_of_sample_session(found, few_names):
    """The first fold's training labels end an embargo before its test span; so does the search."""
    from vfr.workflows.train_walk import folds_of

    first = folds_of(few_names.sessions, 6, SMALL)[0]
    assert np.datetime64(found.until) < few_names.sessions[first.test[0]]


def test_later_sessions_change_nothing(found, few_names, tmp_path):
    """Prices after the search's end may be anything."""
    panel, day = few_names.panel, np.datetime64(found.until)
    after = few_names.sessions > day
    wild = {
        name: getattr(panel, name) * np.where(after, 3.0, 1.0)[:, None] for name in ("open", "high", "low", "close")
    }
    changed = replace(
        few_names, panel=replace(panel, **wild, adj_close=panel.adj_close * np.where(after, 3.0, 1.0)[:, None])
    )
    again = tune(changed, TuningFiles(tmp_path), horizon="7d", member="linear", trials=4, seed=1, recipe=SMALL)
    assert again.targets == found.targets


def test_a_search_goes_on_from_its_finished_trials(found, few_names, home):
    calls = []
    more = tune(
        few_names,
        TuningFiles(home),
        horizon="7d",
        member="linear",
        trials=5,
        seed=1,
        recipe=SMALL,
        progress=lambda stage, _: calls.append(stage),
    )
    assert [stage for stage in calls if stage.startswith("trial")] == [
        "trial 5 linear 7d direction",
        "trial 5 linear 7d excess",
    ]
    assert more.trials == found.trials + 2 == 10
    assert all(search.best_score >= search.default_score for search in more.targets.values())
    assert TuningFiles(home).found(few_names.name, "7d", "linear") == more


def _search(snapshot, home, trials):
    return tune(snapshot, TuningFiles(home), horizon="7d", member="linear", trials=trials, recipe=SMALL)


def test_a_search_in_two_parts_finds_what_one_search_finds(few_names, tmp_path):
    _search(few_names, tmp_path / "parts", 2)
    assert _search(few_names, tmp_path / "parts", 5) == _search(few_names, tmp_path / "whole", 5)


@pytest.mark.parametrize("trials", [1, 3])
def test_a_search_that_is_stopped_in_its_first_trial_goes_on(few_names, tmp_path, monkeypatch, trials):
    with monkeypatch.context() as stopped:
        stopped.setattr(_Search, "_judge", lambda *_: pytest.fail("stopped"))
        with pytest.raises(pytest.fail.Exception):
            _search(few_names, tmp_path / "stopped", trials)
    again, whole = (_search(few_names, tmp_path / name, trials) for name in ("stopped", "whole"))
    for target, search in whole.targets.items():
        assert replace(again.targets[target], trials=0, pruned=0) == replace(search, trials=0, pruned=0)


def test_defaults_that_are_best_are_kept_and_gain_nothing(few_names, tmp_path):
    found = _search(few_names, tmp_path, 1)
    for search in found.targets.values():
        assert (search.adopted, search.t, search.params) == (False, 0.0, {})
        assert search.best_score == search.default_score
    assert TuningFiles(tmp_path).found(few_names.name, "7d", "linear") == found


def test_too_few_names_for_a_coefficient_are_told_so(tmp_path):
    few = synthetic.snapshot(np.random.default_rng(7), n_sessions=700, n_symbols=8)
    with pytest.raises(TrainingFailed, match="orders no ten names"):
        _search(few, tmp_path, 2)


def test_trials_of_other_defaults_are_not_gone_on_from(few_names, tmp_path, monkeypatch):
    before = _search(few_names, tmp_path, 1)
    monkeypatch.setitem(LEARNERS, "linear", replace(LEARNERS["linear"], ridge=2.0))
    after = _search(few_names, tmp_path, 1)
    assert after.targets["excess"].default_score != before.targets["excess"].default_score


def test_the_defaults_stay_where_nothing_beats_them_by_more_than_noise(found):
    for search in found.targets.values():
        assert search.adopted == (bool(search.params) and search.t > 1.0)


def _until(snapshot, home, day):
    day = np.datetime64(day)
    return tune(snapshot, TuningFiles(home), horizon="7d", member="linear", trials=1, until=day, recipe=SMALL)


def test_outcomes_of_release_runs_are_not_searched(few_names, tmp_path):
    assert few_names.sessions[-1] > DEVELOPMENT_END
    with pytest.raises(InvalidField, match="2017-12-31 or earlier, got 2018-01-01: later outcomes are kept"):
        _until(few_names, tmp_path, "2018-01-01")
    last = development(few_names, release=False)[0].sessions[-1]
    assert _until(few_names, tmp_path, "2017-12-31").until == str(last)


def test_where_nothing_is_kept_for_release_runs_any_day_will_do(few_names, tmp_path, monkeypatch):
    monkeypatch.setattr("vfr.workflows.development.DEVELOPMENT_END", np.datetime64("2016-03-01"))
    assert _until(few_names, tmp_path, "2018-01-01").until == "2018-01-01"


@pytest.fixture
def ledger(tmp_path):
    return FileLedger(tmp_path / "ledger.jsonl")


def test_every_search_is_counted_however_it_ends(few_names, tmp_path, ledger, monkeypatch):
    def search(trials):
        how = {"horizon": "7d", "member": "linear", "trials": trials, "ledger": ledger, "recipe": SMALL}
        return tune(few_names, TuningFiles(tmp_path), **how)

    with monkeypatch.context() as stopped:
        stopped.setattr(_Search, "_judge", lambda *_: pytest.fail("stopped"))
        with pytest.raises(pytest.fail.Exception):
            search(2)
    found = search(2)
    search(2)
    rows = ledger.entries()
    assert [(row["kind"], row["ended"]) for row in rows] == [
        ("tune", "Failed"),
        ("tune", "finished"),
        ("tune", "finished"),
    ]
    assert [row["trials"] > 0 for row in rows] == [True, True, False]
    assert sum(row["trials"] for row in rows) == found.trials
    assert (rows[0]["member"], rows[0]["horizon"], rows[0]["until"]) == ("linear", "7d", found.until)
    assert ledger.problems() == ()


def test_a_search_whose_trials_were_thrown_away_is_counted_again(few_names, tmp_path, ledger):
    how = {"horizon": "7d", "member": "linear", "ledger": ledger, "recipe": SMALL}
    found = [tune(few_names, TuningFiles(tmp_path / name), trials=2, **how) for name in ("first", "anew", "anew")]
    assert [row["trials"] for row in ledger.entries()] == [found[0].trials, found[1].trials, 0]


def test_a_search_that_fails_says_why_in_the_ledger(tmp_path, ledger):
    few = synthetic.snapshot(np.random.default_rng(7), n_sessions=700, n_symbols=8)
    with pytest.raises(TrainingFailed):
        tune(few, TuningFiles(tmp_path), horizon="7d", member="linear", trials=2, ledger=ledger, recipe=SMALL)
    (row,) = ledger.entries()
    assert "orders no ten names" in row["ended"]
    assert row["trials"] == 2


def test_inner_folds_are_purged_and_later():
    folds = inner_folds(np.arange(600), span=22)
    assert [fold.test[0] for fold in folds] == [300, 400, 500]
    for fold in folds:
        assert fold.train.max() + 2 * 22 < fold.test.min()
    with pytest.raises(TrainingFailed, match="too few to tune"):
        inner_folds(np.arange(199), span=6)


def _tuned(until, ridge):
    search = TargetSearch({"ridge": ridge}, True, 0.01, 0.02, 2.0, 3, 0)
    return Tuned("linear", "7d", "d", "v", "s", until, 0, {"direction": search, "excess": search})


def test_folds_that_end_before_the_search_do_not_use_it(few_names):
    from vfr.features import compute

    inputs = prepare(compute(few_names), few_names.panel.trading())
    labelled = targets(few_names, "7d", counting(few_names)[0])
    fold = Fold("one", np.arange(450), np.arange(470, 500))
    end = few_names.sessions[449 + labelled.labels.span]
    task = Task(inputs, labelled, LEARNERS["linear"], SMALL, 0)
    plain = fit_refit(task, fold).excess.dump()
    early = fit_refit(replace(task, tuned=_tuned(str(end), 5.0)), fold).excess.dump()
    late = fit_refit(replace(task, tuned=_tuned(str(end + 1), 5.0)), fold).excess.dump()
    assert late == plain != early


@pytest.mark.parametrize(
    ("member", "trials", "seed"), [("oracle", 3, 0), ("linear", 0, 0), ("linear", 3, -1), ("linear", 3, 2**31)]
)
def test_bad_questions_are_refused(few_names, tmp_path, member, trials, seed):
    with pytest.raises(InvalidField):
        tune(few_names, TuningFiles(tmp_path), horizon="7d", member=member, trials=trials, seed=seed)


@pytest.mark.parametrize("change", [{"targets": []}, {"until": 3}, {"targets": {"excess": {"params": {"ridge": {}}}}}])
def test_a_damaged_file_says_what_to_do(few_names, tmp_path, change):
    store = TuningFiles(tmp_path)
    store.save(replace(_tuned("2015-01-02", 5.0), data_name=few_names.name))
    path = tmp_path / "tuning" / f"{few_names.name}-7d-linear.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | change))
    with pytest.raises(DatasetCorrupt, match="vfr tune"):
        store.found(few_names.name, "7d", "linear")
    assert store.found("nothing", "7d", "linear") is None
