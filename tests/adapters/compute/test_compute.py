"""Folds give the same results wherever they are fitted, and survive what happens to their workers."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from vfr.adapters.compute.cluster import DaskCluster
from vfr.adapters.compute.finished import Finished
from vfr.adapters.compute.input_files import open_inputs, write_inputs
from vfr.adapters.compute.processes import Processes
from vfr.data import synthetic
from vfr.errors import TrainingFailed
from vfr.features import compute
from vfr.workflows.train import jobs_for
from vfr.workflows.train_data import counting, prepare, targets
from vfr.workflows.train_jobs import Threads, run_walks
from vfr.workflows.train_recipe import Recipe

SMALL = Recipe(min_train=250, refit_months=6, conformal=80)
HORIZONS = ("7d",)
MEMBERS = ("linear", "trees")


@pytest.fixture(scope="module")
def work():
    """Inputs, labels and jobs of two members at two horizons on a small market."""
    market = synthetic.snapshot(np.random.default_rng(7), n_sessions=460, n_symbols=40)
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


def test_threads_and_processes_give_what_one_thread_gives(work, expected, tmp_path):
    inputs, labelled, jobs = work
    assert digest(run_walks(Threads(3), inputs, labelled, jobs[::-1])) == expected
    assert digest(run_walks(Processes(tmp_path, 2), inputs, labelled, jobs)) == expected
    assert list(tmp_path.iterdir()) == [], "a finished run leaves nothing"


def test_a_job_is_small_and_its_inputs_are_mapped(work, tmp_path):
    inputs, labelled, jobs = work
    url = write_inputs(str(tmp_path), inputs, labelled)
    assert len(pickle.dumps(jobs[0])) < 2_000
    again, targets_again = open_inputs(url)
    assert isinstance(again.ranks, np.memmap)
    np.testing.assert_array_equal(again.ranks, inputs.ranks)
    np.testing.assert_array_equal(targets_again["7d"].rank, labelled["7d"].rank)
    assert write_inputs(str(tmp_path), inputs, labelled) == url, "named by content"


def test_a_run_goes_on_from_its_finished_jobs(work, expected, tmp_path):
    inputs, labelled, jobs = work
    running = Processes(tmp_path, 2).run(inputs, labelled, jobs)
    kept = [next(running) for _ in range(3)]
    running.close()
    (folder,) = tmp_path.iterdir()
    assert len(list((folder / "done").iterdir())) == 3
    seen = []
    walks = run_walks(Processes(tmp_path, 2), inputs, labelled, jobs, lambda stage, _: seen.append(stage))
    assert digest(walks) == expected
    titles = [part.job.title for part in kept]
    assert all(any(title in stage for stage in seen[:3]) for title in titles)


def test_a_damaged_result_is_fitted_again(work, tmp_path):
    inputs, labelled, jobs = work
    url = write_inputs(str(tmp_path), inputs, labelled)
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


def _killer(pids, when, stop):
    """Kill one worker as soon as there is something to lose."""
    while not stop.is_set():
        if when():
            os.kill(pids()[0], signal.SIGKILL)
            return
        time.sleep(0.02)


def test_a_killed_process_costs_only_its_jobs(work, expected, tmp_path):
    inputs, labelled, jobs = work
    stop = threading.Event()

    def workers():
        import psutil

        children = psutil.Process().children(recursive=True)
        return [c.pid for c in children if "popen_loky" in " ".join(c.cmdline())]

    killer = threading.Thread(target=_killer, args=(workers, lambda: any(tmp_path.glob("*/done/*.npz")), stop))
    killer.start()
    try:
        assert digest(run_walks(Processes(tmp_path, 2), inputs, labelled, jobs)) == expected
    finally:
        stop.set()
        killer.join()


def test_a_cluster_gives_the_same_and_survives_a_killed_worker(work, expected, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'vfr[cluster]'")
    inputs, labelled, jobs = work
    stop = threading.Event()
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as cluster:
        killer = threading.Thread(
            target=_killer,
            args=(
                lambda: [worker.pid for worker in cluster.workers.values()],
                lambda: any(tmp_path.glob("*/done/*.npz")),
                stop,
            ),
        )
        killer.start()
        try:
            walks = run_walks(DaskCluster(cluster.scheduler_address, str(tmp_path)), inputs, labelled, jobs)
        finally:
            stop.set()
            killer.join()
    assert digest(walks) == expected


def test_no_scheduler_is_said_with_its_address(work, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="needs Dask: pip install 'vfr[cluster]'")
    inputs, labelled, jobs = work
    monkeypatch.setattr("vfr.adapters.compute.cluster.CONNECT_S", 1)
    with pytest.raises(TrainingFailed, match=r"tcp://127.0.0.1:1: no Dask scheduler answers"):
        next(DaskCluster("tcp://127.0.0.1:1", str(tmp_path)).run(inputs, labelled, jobs))
