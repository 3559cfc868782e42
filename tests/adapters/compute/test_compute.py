"""Folds give the same results wherever they are fitted, and survive what happens to their workers."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from hashlib import sha256
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

from vfr.adapters.compute import finished
from vfr.adapters.compute.cluster import DaskCluster
from vfr.adapters.compute.finished import Finished, forget_old
from vfr.adapters.compute.fold import run_job
from vfr.adapters.compute.input_files import open_inputs, url_of, write_inputs
from vfr.adapters.compute.processes import Processes
from vfr.adapters.store.models import DirectoryModels
from vfr.data import synthetic
from vfr.errors import TrainingFailed
from vfr.features import compute
from vfr.workflows import train as training
from vfr.workflows.train import jobs_for, train
from vfr.workflows.train_data import counting, prepare, targets
from vfr.workflows.train_jobs import Threads, run_walks
from vfr.workflows.train_recipe import Recipe

SMALL = Recipe(min_train=250, refit_months=6, conformal=80)
HORIZONS = ("7d",)
MEMBERS = ("linear", "lightgbm")


@pytest.fixture(scope="module")
def market():
    return synthetic.snapshot(np.random.default_rng(7), n_sessions=460, n_symbols=40)


@pytest.fixture(scope="module")
def work(market):
    """Inputs, labels and jobs of two members on a small market."""
    inputs = prepare(compute(market), market.panel.trading())
    labelled = {h: targets(market, h, counting(market)[0]) for h in HORIZONS}
    jobs = jobs_for(market, labelled, MEMBERS, recipe=SMALL, seed=3, tuning=None, spec=inputs.spec, with_whole=True)
    return inputs, labelled, jobs


def digest(walks) -> str:
    """Hash every out-of-fold score and every model."""
    found = sha256()
    for key in sorted(walks):
        walked = walks[key]
        found.update(str(key).encode() + walked.walk.direction.tobytes() + walked.walk.rank.tobytes())
        for refit in (*walked.walk.refits, walked.whole):
            found.update(refit.direction.dump() + refit.excess.dump())
    return found.hexdigest()


@pytest.fixture(scope="module")
def expected(work):
    inputs, labelled, jobs = work
    return digest(run_walks(Threads(1), inputs, labelled, jobs))


def test_threads_give_what_one_thread_gives(work, expected):
    inputs, labelled, jobs = work
    assert digest(run_walks(Threads(3), inputs, labelled, jobs[::-1])) == expected


def _written(root, inputs, labelled):
    url = url_of(str(root), inputs, labelled)
    write_inputs(url, inputs, labelled)
    return url


def test_a_job_is_small_and_its_inputs_are_mapped(work, tmp_path):
    inputs, labelled, jobs = work
    url = _written(tmp_path, inputs, labelled)
    assert len(pickle.dumps(jobs[0])) < 2_000
    again, targets_again = open_inputs(url)
    assert isinstance(again.ranks, np.memmap)
    np.testing.assert_array_equal(again.ranks, inputs.ranks)
    np.testing.assert_array_equal(targets_again["7d"].rank, labelled["7d"].rank)
    assert url_of(str(tmp_path), again, targets_again) == url, "named by content"


@pytest.fixture
def fits(monkeypatch):
    """Fit in this process what would go to others; returns the titles of the jobs that were fitted."""
    titles = []

    def pool(self, url, jobs):
        for job in jobs:
            titles.append(job.title)
            yield run_job(url, job)

    monkeypatch.setattr(Processes, "_pool", pool)
    return titles


def test_a_run_goes_on_from_its_finished_jobs(work, expected, tmp_path, fits):
    inputs, labelled, jobs = work
    running = Processes(tmp_path, 2).run(inputs, labelled, jobs)
    kept = [next(running) for _ in range(3)]
    running.close()
    (folder,) = tmp_path.iterdir()
    assert len(list((folder / "done").iterdir())) == 3
    assert digest(run_walks(Processes(tmp_path, 2), inputs, labelled, jobs)) == expected
    assert [part.job.title for part in kept] == fits[:3]
    assert sorted(fits) == sorted(job.title for job in jobs), "each is fitted once"
    assert [path.name for path in folder.iterdir()] == ["done"], "a finished run leaves results and no inputs"


def test_a_run_that_failed_after_its_folds_fits_nothing_again(market, tmp_path, monkeypatch, fits):
    def once_more():
        compute, store = Processes(tmp_path / "work", 2), DirectoryModels(tmp_path / "models")
        return train(market, store, horizons=("7d",), members=("linear",), recipe=SMALL, compute=compute)

    def burst(*_):
        raise TrainingFailed("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(training, "make_version", burst)
        with pytest.raises(TrainingFailed, match="the disk is full"):
            once_more()
    fitted = [*fits]
    assert "7d linear all" in fitted
    (trained,) = once_more().trained
    assert trained.member == "linear"
    assert fits == fitted


def _left(root, name, size, days, now):
    """Leave a run's folder of so many bytes of results, last changed so many days ago."""
    done = root / name / "done"
    done.mkdir(parents=True)
    (done / "one.npz").write_bytes(b"x" * size)
    os.utime(root / name, (now - 86_400 * days,) * 2)
    return root / name


def test_what_runs_left_is_bounded_by_age_and_size(tmp_path, monkeypatch):
    monkeypatch.setattr(finished, "KEPT_BYTES", 250)
    now = time.time()
    own, young, older, oldest, aged, begun, ended = (
        _left(tmp_path, f"{k:020x}", 100, days, now) for k, days in enumerate((30, 1, 2, 3, 8, 4, 8))
    )
    foreign = _left(tmp_path, "my other folder", 100, 30, now)
    for run, days in ((begun, 4), (ended, 8)):
        (run / "ranks.npy").write_bytes(b"half")
        os.utime(run, (now - 86_400 * days,) * 2)
    forget_old(tmp_path, but=own)
    assert set(tmp_path.iterdir()) == {own, young, older, begun, foreign}
    assert not any(path.exists() for path in (oldest, aged, ended))


def test_a_damaged_result_is_fitted_again(work, tmp_path):
    inputs, labelled, jobs = work
    url = _written(tmp_path, inputs, labelled)
    linear = next(job for job in jobs if job.member == "linear")
    finished = Finished(Path(url))
    fitted = next(Threads(1).run(inputs, labelled, [linear]))
    finished.put(fitted)
    kept = finished.get(linear)
    assert kept is not None
    assert kept.excess == fitted.excess
    np.testing.assert_array_equal(kept.excess_scores, fitted.excess_scores)
    (path,) = (Path(url) / "done").iterdir()
    path.write_bytes(path.read_bytes()[:200])
    assert finished.get(linear) is None


def test_a_fit_that_fails_names_its_job(work, tmp_path, monkeypatch):
    inputs, labelled, jobs = work

    def burst(*_):
        raise FloatingPointError("no such number")

    monkeypatch.setattr("vfr.workflows.train_jobs.fit_refit", burst)
    with pytest.raises(TrainingFailed, match=r"7d linear .*FloatingPointError: no such number"):
        run_walks(Threads(2), inputs, labelled, [job for job in jobs if job.horizon == "7d"][:1])


@pytest.fixture
def dies_once():
    """Return what runs a job in a worker, but kills the worker amid the first that comes."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test
    yield _dies_once
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def _dies_once(url, job):
    died = Path(url) / "died"
    if not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return run_job(url, job)


def test_processes_give_the_same_and_a_killed_one_costs_only_its_jobs(work, expected, tmp_path, monkeypatch, dies_once):
    inputs, labelled, jobs = work
    monkeypatch.setattr("vfr.adapters.compute.processes.run_job", dies_once)
    assert digest(run_walks(Processes(tmp_path, 2), inputs, labelled, jobs)) == expected
    assert [*tmp_path.glob("*/died")], "a worker was killed"


def test_a_cluster_gives_the_same_and_survives_a_killed_worker(work, expected, tmp_path, monkeypatch, dies_once):
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'vfr[cluster]'")
    inputs, labelled, jobs = work
    monkeypatch.setattr("vfr.adapters.compute.cluster.run_job", dies_once)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as cluster:
        compute = DaskCluster(cluster.scheduler_address, str(tmp_path))
        assert digest(run_walks(compute, inputs, labelled, jobs)) == expected
        assert [*tmp_path.glob("*/died")], "a worker was killed"
        monkeypatch.setattr("vfr.adapters.compute.cluster._results", lambda *_: pytest.fail("nothing is left to fit"))
        assert digest(run_walks(compute, inputs, labelled, jobs)) == expected
    assert not [*tmp_path.rglob("*.npy")]


def test_no_scheduler_is_said_with_its_address(work, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="needs Dask: pip install 'vfr[cluster]'")
    inputs, labelled, jobs = work
    monkeypatch.setattr("vfr.adapters.compute.cluster.CONNECT_S", 1)
    with pytest.raises(TrainingFailed, match=r"tcp://127.0.0.1:1: no Dask scheduler answers"):
        next(DaskCluster("tcp://127.0.0.1:1", str(tmp_path)).run(inputs, labelled, jobs))
