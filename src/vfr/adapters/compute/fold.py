"""One job, by reference: what runs in another process or on another machine."""

from __future__ import annotations

from vfr.adapters.compute.input_files import open_inputs
from vfr.workflows.train_jobs import Fitted, FoldJob, fit_job, result_of

__all__ = ["run_job"]


def run_job(url: str, job: FoldJob) -> Fitted:
    """Fit a fold from the inputs under a URL.

    Raises
    ------
    TrainingFailed
        If fitting fails; names the job.
    """
    inputs, labelled = open_inputs(url)
    return result_of(lambda: fit_job(inputs, labelled[job.horizon], job), job)
