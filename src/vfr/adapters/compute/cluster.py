"""Training jobs on a Dask cluster: inputs go by reference, a lost worker's jobs are given to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vfr.adapters.compute.finished import forget_old, go_on
from vfr.adapters.compute.fold import run_job
from vfr.adapters.compute.input_files import folder_of, url_of, write_inputs
from vfr.errors import TrainingFailed
from vfr.typing import Horizon
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_jobs import Fitted, FoldJob, longest_first

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["DaskCluster"]

CONNECT_S: Final = 10
RETRIES: Final = 2
"""How often a job is given out again beyond the times its workers died, which the scheduler counts itself."""

_SAME: Final = ("vfr", "numpy", "lightgbm", "xgboost-cpu", "scikit-learn")


@dataclass(frozen=True, slots=True)
class DaskCluster:
    """Runs jobs on the workers of a scheduler; implements `train_jobs.Compute`.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://10.0.0.5:8786``.
    storage : str
        Folder or fsspec URL that every worker can read: inputs are written there once. In a folder, finished jobs are
        kept for some days.
    """

    address: str
    storage: str

    def run(self, inputs: Inputs, labelled: Mapping[Horizon, Targets], jobs: Sequence[FoldJob]) -> Iterator[Fitted]:
        """Yield results as they are ready, those of an earlier run first; see `Compute.run`."""
        with self._client() as client:
            _alike(client)
            url = url_of(self.storage, inputs, labelled)

            def fit(missing: list[FoldJob]) -> Iterator[Fitted]:
                write_inputs(url, inputs, labelled)
                return _results(client, url, missing)

            folder = folder_of(url)
            if folder is None:
                yield from fit(longest_first(jobs))
                return
            forget_old(folder.parent, but=folder)
            yield from go_on(folder, jobs, fit)

    def _client(self) -> Client:
        try:
            from distributed import Client
        except ImportError as error:
            raise TrainingFailed("a cluster needs Dask: pip install 'vfr[cluster]'") from error
        try:
            return Client(self.address, timeout=CONNECT_S)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TypeError) as error:
            raise TrainingFailed(
                f"{self.address}: no Dask scheduler answers; start `dask scheduler` and give its tcp:// address"
            ) from error


def _results(client: Any, url: str, jobs: Sequence[FoldJob]) -> Iterator[Fitted]:
    from distributed import as_completed

    futures = {
        client.submit(run_job, url, job, pure=False, retries=RETRIES, priority=-number): job
        for number, job in enumerate(jobs)
    }
    try:
        for future in as_completed(futures):  # type: ignore[no-untyped-call]
            yield _result(future, futures[future])
            future.release()
    finally:
        client.cancel(list(futures))


def _result(future: Any, job: FoldJob) -> Fitted:
    from distributed import KilledWorker

    try:
        found = future.result()
    except KilledWorker as error:
        raise TrainingFailed(f"{job.title}: its workers died again and again, perhaps for lack of memory") from error
    except TrainingFailed:
        raise
    except Exception as error:
        raise TrainingFailed(f"{job.title}: failed on the cluster ({type(error).__name__}: {error})") from error
    if not isinstance(found, Fitted):
        raise TrainingFailed(f"{job.title}: the cluster gave {type(found).__name__}")
    return found


def _versions() -> dict[str, str]:
    from importlib import metadata

    from vfr.features import spec_hash

    return {name: metadata.version(name) for name in _SAME} | {"features": spec_hash()}


def _alike(client: Any) -> None:
    """Refuse workers of other versions: their folds would not be comparable.

    Raises
    ------
    TrainingFailed
        If there is no worker, or one differs; names it and what differs.
    """
    here = _versions()
    found = client.run(_versions, on_error="return")
    if not found:
        raise TrainingFailed("the cluster has no workers; start one with `dask worker SCHEDULER --nthreads 1`")
    for worker, there in found.items():
        if not isinstance(there, dict):
            raise TrainingFailed(f"{worker}: VFR cannot be imported there ({there}); install the same version on it")
        apart = [
            f"{name} {there.get(name)} instead of {mine}" for name, mine in here.items() if there.get(name) != mine
        ]
        if apart:
            raise TrainingFailed(f"{worker}: has {', '.join(apart)}; install the same versions everywhere")
