"""What the ensemble is served with is fitted by the training run, from the members it promoted."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.adapters.store.ensembles import EnsembleFiles
from vfr.adapters.store.models import DirectoryModels
from vfr.errors import ArtifactCorrupt
from vfr.workflows.train import train
from vfr.workflows.train_ensemble import replaces
from vfr.workflows.train_recipe import Recipe

SMALL = Recipe(min_train=250, refit_months=6, conformal=80)


def _train(snapshot, home, members, **options):
    return train(
        snapshot,
        DirectoryModels(home),
        horizons=("7d",),
        members=members,
        recipe=SMALL,
        ensembles=EnsembleFiles(home),
        override_rows="a test",
        **options,
    )


@pytest.fixture(scope="module")
def home(few_names, tmp_path_factory):
    where = tmp_path_factory.mktemp("home")
    report = _train(few_names, where, ("lightgbm", "linear"))
    assert [t.status for t in report.trained] == ["champion", "champion"]
    return where


def test_a_run_stores_the_record_of_what_it_promoted(home, few_names):
    fitted = EnsembleFiles(home).load(few_names.name, "7d")
    assert fitted.scores.members == ("lightgbm", "linear")
    assert fitted.data_version == few_names.version
    assert np.isfinite(fitted.scores.ic).mean() > 0.9
    # The outcome of the last date in the record was known at the end of the data.
    assert fitted.scores.dates[-1] <= few_names.sessions[-1 - 6]
    assert [stage.effective for stage in fitted.stages] == sorted(stage.effective for stage in fitted.stages)


def test_one_member_trained_alone_does_not_cost_the_others_their_record(home, few_names):
    before = EnsembleFiles(home).stamp()
    _train(few_names, home, ("linear",), seed=1)
    assert EnsembleFiles(home).stamp() == before


def test_versions_about_the_past_leave_the_ensemble_in_use_alone(home, few_names):
    before = EnsembleFiles(home).stamp()
    _train(few_names, home, ("lightgbm", "linear"), as_of=few_names.sessions[-40])
    assert EnsembleFiles(home).stamp() == before


def test_a_damaged_ensemble_is_replaced_by_any_other(home, few_names, tmp_path):
    [stored] = (home / "ensembles").iterdir()
    (tmp_path / "ensembles").mkdir()
    damaged = tmp_path / "ensembles" / stored.name
    damaged.write_bytes(stored.read_bytes()[:-1])
    store = EnsembleFiles(tmp_path)
    with pytest.raises(ArtifactCorrupt, match="truncated"):
        store.load(few_names.name, "7d")
    assert replaces(store, few_names.name, "7d", ("linear", "trees"))
    assert not replaces(store, few_names.name, "7d", ("linear",))
