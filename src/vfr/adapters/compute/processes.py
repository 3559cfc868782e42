"""Training jobs in processes of this machine, through joblib."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vfr.adapters.compute.finished import forget_old, go_on
from vfr.adapters.compute.fold import run_job
from vfr.adapters.compute.input_files import url_of, write_inputs
from vfr.errors import TrainingFailed
from vfr.typing import Horizon
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_jobs import Fitted, FoldJob

__all__ = ["Processes", "keep_worker"]

TRIES: Final = 3
"""How often the jobs of dead workers are started again before the run gives up."""

_ANY_SIZE: Final = 1 << 62
"""Of a worker, in bytes."""

_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Workers share the cores by folds, not by threads of a library."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Runs jobs in worker processes that map their inputs from a folder; implements `train_jobs.Compute`.

    Parameters
    ----------
    folder : Path
        Where inputs lie while a run lasts, and finished jobs for some days more.
    workers : int
    """

    folder: Path
    workers: int

    def run(self, inputs: Inputs, labelled: Mapping[Horizon, Targets], jobs: Sequence[FoldJob]) -> Iterator[Fitted]:
        """Yield results as they are ready, those of an earlier run first; see `Compute.run`."""
        url = url_of(str(self.folder), inputs, labelled)

        def fit(missing: list[FoldJob]) -> Iterator[Fitted]:
            write_inputs(url, inputs, labelled)
            return self._persistently(url, missing)

        forget_old(self.folder, but=Path(url))
        yield from go_on(Path(url), jobs, fit)

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

        threads = dict.fromkeys(_THREADS, "1")
        executor = get_reusable_executor(max_workers=self.workers, env=threads, initializer=keep_worker)
        waiting = [executor.submit(run_job, url, job) for job in jobs]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            for future in waiting:
                future.cancel()
            executor.shutdown(wait=True)


def keep_worker() -> None:
    """Let this worker take another job after one that grew it by more than 300 MB, which joblib takes for a leak.

    It is inputs that are mapped and libraries that are loaded; a new worker loads them again for several seconds.
    """
    from joblib.externals.loky import process_executor

    process_executor._MAX_MEMORY_LEAK_SIZE = _ANY_SIZE  # noqa: SLF001 - there is no public setting
