"""Results of finished jobs, kept until the run is done: a killed run goes on from them."""

from __future__ import annotations

import io
from dataclasses import asdict
from hashlib import sha256
from importlib import metadata
from json import dumps
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np

from vfr.adapters.store.replace import replace_file
from vfr.workflows.train_jobs import Fitted, FoldJob

__all__ = ["Finished"]

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


def _version(name: str) -> str:
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return name
