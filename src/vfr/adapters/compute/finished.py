"""Results of finished jobs: a run that was killed, or failed before its versions were stored, goes on from them.

They outlive the run, as only the caller knows when everything made of them is stored. Inputs go when the last job is
done; results go when they are old, or when those of newer runs need their place.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib import metadata
from json import dumps
from pathlib import Path
from shutil import rmtree
from typing import Final
from zipfile import BadZipFile

import numpy as np

from vfr import clock
from vfr.adapters.compute.input_files import drop_inputs, has_inputs, is_run
from vfr.adapters.store.replace import replace_file
from vfr.workflows.train_jobs import Fitted, FoldJob, longest_first

__all__ = ["Finished", "forget_old", "go_on"]

KEPT_DAYS: Final = 7
"""Age at which what a run left is removed."""

KEPT_BYTES: Final = 1 << 30
"""Most that results of runs without a job left may take: 16 bytes a name and session, for each member and horizon."""

_LIBRARIES: Final = ("vfr", "numpy", "lightgbm", "xgboost-cpu", "scikit-learn", "torch", "onnx")


class Finished:
    """Finished jobs of one run.

    Parameters
    ----------
    folder : Path
        The run's folder, named by the content of its inputs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "done"
        self._libraries = [_version(name) for name in _LIBRARIES]

    def get(self, job: FoldJob) -> Fitted | None:
        """Return a job's result, None where it has none or it cannot be read."""
        try:
            with np.load(io.BytesIO(self._file(job).read_bytes()), allow_pickle=False) as found:
                return Fitted(
                    job=job,
                    direction=found["direction"].tobytes(),
                    excess=found["excess"].tobytes(),
                    direction_scores=found["direction_scores"],
                    excess_scores=found["excess_scores"],
                    n_rows=int(found["n_rows"]),
                    seconds=float(found["seconds"]),
                )
        except (OSError, ValueError, KeyError, BadZipFile):
            return None

    def put(self, fitted: Fitted) -> None:
        """Keep a result; in one step, so that a kill leaves it whole or absent."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            direction=np.frombuffer(fitted.direction, dtype=np.uint8),
            excess=np.frombuffer(fitted.excess, dtype=np.uint8),
            direction_scores=fitted.direction_scores,
            excess_scores=fitted.excess_scores,
            n_rows=fitted.n_rows,
            seconds=fitted.seconds,
        )
        replace_file(self._file(fitted.job), buffer.getvalue())

    def _file(self, job: FoldJob) -> Path:
        """Name a result by all it depends on beside the inputs, versions of the code that makes it included."""
        body = dumps([asdict(job), self._libraries], sort_keys=True)
        return self._folder / f"{sha256(body.encode()).hexdigest()[:20]}.npz"


def go_on(folder: Path, jobs: Sequence[FoldJob], fit: Callable[[list[FoldJob]], Iterator[Fitted]]) -> Iterator[Fitted]:
    """Yield the results that a run's folder keeps, then those that `fit` gives for the other jobs, and keep them.

    Where no job is left, `fit` is not called. The inputs are removed when the last job is done.
    """
    finished = Finished(folder)
    missing = []
    for job in longest_first(jobs):
        kept = finished.get(job)
        if kept is None:
            missing.append(job)
        else:
            yield kept
    if missing:
        for fitted in fit(missing):
            finished.put(fitted)
            yield fitted
    drop_inputs(folder)


def forget_old(root: Path, but: Path) -> None:
    """Remove what runs left in a folder once it is old, and the oldest results where there are too many.

    Nothing of `but` is removed, nor anything young of a run that still has its inputs, as it may be running.
    """
    if not root.is_dir():
        return
    now, left = clock.utc_now().timestamp(), KEPT_BYTES
    runs = [run for run in root.iterdir() if is_run(run) and run != but]
    for changed, run in sorted(((run.stat().st_mtime, run) for run in runs), reverse=True):
        done = not has_inputs(run)
        left -= sum(file.stat().st_size for file in run.rglob("*.npz")) if done else 0
        if now - changed > KEPT_DAYS * 86_400 or (done and left < 0):
            rmtree(run, ignore_errors=True)


def _version(name: str) -> str:
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return name
