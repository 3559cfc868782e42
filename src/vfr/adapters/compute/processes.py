"""Training jobs in processes of this machine, through joblib."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Final

from vfr import clock
from vfr.adapters.compute.finished import Finished
from vfr.adapters.compute.fold import run_job
from vfr.adapters.compute.input_files import write_inputs
from vfr.errors import TrainingFailed
from vfr.typing import Horizon
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_jobs import Fitted, FoldJob, longest_first

__all__ = ["Processes"]

TRIES: Final = 3
"""How often the jobs of dead workers are started again before the run gives up."""

_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Workers share the cores by folds, not by threads of a library."""

KEPT_DAYS: Final = 7
"""Age at which what an abandoned run left is removed."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Runs jobs in worker processes that map their inputs from a folder; implements `train_jobs.Compute`.

    Parameters
    ----------
    folder : Path
        Where inputs and finished jobs lie while a run lasts.
    workers : int
    """

    folder: Path
    workers: int

    def run(self, inputs: Inputs, labelled: Mapping[Horizon, Targets], jobs: Sequence[FoldJob]) -> Iterator[Fitted]:
        """Yield results as they are ready, those of an earlier, killed run first; see `Compute.run`."""
        forget_old(self.folder)
        url = write_inputs(str(self.folder), inputs, labelled)
        finished = Finished(Path(url))
        missing = []
        for job in longest_first(jobs):
            kept = finished.get(job)
            if kept is None:
                missing.append(job)
            else:
                yield kept
        for fitted in self._persistently(url, missing):
            finished.put(fitted)
            yield fitted
        rmtree(url, ignore_errors=True)

    def _persistently(self, url: str, jobs: list[FoldJob]) -> Iterator[Fitted]:
        """Run jobs; where a worker dies, run again what it and its neighbours had not finished."""
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        for left in reversed(range(TRIES)):
            try:
                for fitted in self._pool(url, list(jobs)):
                    jobs.remove(fitted.job)
                    yield fitted
            except TerminatedWorkerError as error:
                if left == 0:
                    raise TrainingFailed(
                        f"workers died {TRIES} times, perhaps for lack of memory; {len(jobs)} jobs are left. "
                        "Run again with --jobs 1: it goes on from what is finished"
                    ) from error
            if not jobs:
                return

    def _pool(self, url: str, jobs: list[FoldJob]) -> Iterator[Fitted]:
        """Run jobs in joblib's own executor; where nobody listens any more, those that have not begun never do."""
        from joblib.externals.loky import as_completed, get_reusable_executor

        executor = get_reusable_executor(max_workers=self.workers, env=dict.fromkeys(_THREADS, "1"))
        waiting = [executor.submit(run_job, url, job) for job in jobs]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            for future in waiting:
                future.cancel()
            executor.shutdown(wait=True)


def forget_old(folder: Path) -> None:
    """Remove what runs left behind that were never finished, once it is old."""
    if not folder.is_dir():
        return
    for run in folder.iterdir():
        age = clock.utc_now().timestamp() - run.stat().st_mtime
        if run.is_dir() and age > KEPT_DAYS * 86_400:
            rmtree(run, ignore_errors=True)
