"""What trains, tunes and judges models on the current data, wired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vfr.errors import TrainingFailed
from vfr.typing import HORIZONS, Horizon

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import polars as pl

    from vfr.adapters.store.models import DirectoryModels
    from vfr.adapters.store.training_state import TrainingState
    from vfr.data.provider import Progress
    from vfr.data.snapshot import Snapshot
    from vfr.settings import Settings
    from vfr.workflows.evidence_filing import Filed
    from vfr.workflows.evidence_report import EvidenceReport
    from vfr.workflows.held import HeldDatasets
    from vfr.workflows.ledger import Ledger
    from vfr.workflows.train import TrainReport
    from vfr.workflows.train_ensemble import EnsembleStore
    from vfr.workflows.train_jobs import Compute
    from vfr.workflows.tuning import Tuned, TuningStore

__all__ = ["Learning"]

_FEW_CELLS: Final = 400_000
"""Sessions times symbols up to which threads are faster: starting processes costs seconds of imports each."""


@dataclass(frozen=True, slots=True, eq=False)
class Learning:
    """Training, tuning and evidence of one data home.

    Parameters
    ----------
    settings : Settings
    datasets : HeldDatasets
    models : DirectoryModels
    training : TrainingState
    """

    settings: Settings
    datasets: HeldDatasets
    models: DirectoryModels
    training: TrainingState

    def train(
        self,
        *,
        horizons: Sequence[Horizon] = tuple(HORIZONS),
        members: Sequence[str] | None = None,
        as_of: np.datetime64 | None = None,
        seed: int = 0,
        shadow: bool = False,
        starter: bool = False,
        override_rows: str = "",
        cluster: str | None = None,
        jobs: int | None = None,
        who: str = "train",
        progress: Progress | None = None,
    ) -> TrainReport:
        """Train on the current data set as the one training leader, and promote what passes the gates.

        `starter` judges on the newest years only, which is quick. The gates read outcomes, so the run is counted in the
        ledger of the data home.

        Raises
        ------
        TrainingFailed
            If another process trains, the data is too little, or a fit fails.
        InvalidField
            See `vfr.workflows.train.train`.
        """
        from vfr.workflows.train import check, train

        check(horizons, members, seed)  # Before this leads: what was never begun has not failed.
        with self.training.lead() as report:
            if report is None:
                raise TrainingFailed("another process is training; wait for it, or stop it")
            from vfr.workflows.train_recipe import DEFAULT, STARTER

            def tell(stage: str, fraction: float) -> None:
                report(stage, fraction)
                if progress is not None:
                    progress(stage, fraction)

            snapshot = self.datasets.snapshot()
            trained = train(
                snapshot,
                self.models,
                horizons=horizons,
                members=members,
                as_of=as_of,
                seed=seed,
                compute=self._compute(snapshot, cluster, jobs),
                tuning=self.tuning,
                progress=tell,
                who=who,
                shadow=shadow,
                override_rows=override_rows,
                evidence=self._report_on,
                ensembles=self.ensembles,
                recipe=STARTER if starter else DEFAULT,
            )
            self.ledger.append({"kind": "train", "who": who} | trained.to_dict())
            return trained

    def evidence(
        self,
        *,
        horizons: Sequence[Horizon] = ("7d",),
        members: Sequence[str] | None = None,
        classic: bool = False,
        release: bool = False,
        start: np.datetime64 | None = None,
        seed: int = 0,
        seeds: int = 1,
        ablate: Sequence[str] = (),
        replay: bool = False,
        against: Path | pl.DataFrame | None = None,
        out: Path | None = None,
        page: Callable[[Sequence[EvidenceReport]], str] | None = None,
        cluster: str | None = None,
        jobs: int | None = None,
        ledger: Ledger | None = None,
        commit: str = "",
        progress: Progress | None = None,
    ) -> tuple[EvidenceReport, ...]:
        """Judge the learners, or the classic score, on the current data; see `vfr.workflows.evidence`.

        The run is counted in `ledger`, by default the one of the data home, where the reports are kept too; `out` is a
        folder for another copy. `page` turns reports into HTML; without it there is Markdown and JSON only. `commit`
        names the code in the ledger, by default a hash of all of it.
        """
        from vfr.adapters.store.evidence_files import REPORTS, ReportFiles, code_version, outside_scores, write_report
        from vfr.workflows.evidence import evidence_reports

        theirs = None if against is None else outside_scores(against)
        snapshot = self.datasets.snapshot()
        reports = evidence_reports(
            snapshot,
            horizons=horizons,
            members=members,
            classic=classic,
            release=release,
            start=start,
            seed=seed,
            seeds=seeds,
            ablate=ablate,
            replay=replay,
            against=theirs,
            compute=self._compute(snapshot, cluster, jobs),
            tuning=self.tuning,
            ledger=ledger or self.ledger,
            reports=ReportFiles(self.settings.data_home / REPORTS, page),
            commit=commit or code_version(),
            progress=progress,
        )
        if out is not None:
            write_report(out, reports, page, {})
        return reports

    def tune(
        self,
        horizon: Horizon,
        member: str,
        *,
        trials: int = 30,
        until: np.datetime64 | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Tuned:
        """Search a member's hyper-parameters on training rows of the current data; see `vfr.workflows.tune.tune`.

        The search is counted in the ledger of the data home.
        """
        from vfr.workflows.tune import tune

        return tune(
            self.datasets.snapshot(),
            self.tuning,
            horizon=horizon,
            member=member,
            trials=trials,
            until=until,
            seed=seed,
            progress=progress,
            ledger=self.ledger,
        )

    @property
    def tuning(self) -> TuningStore:
        """Searches of the data home, and what they found."""
        from vfr.adapters.store.tuning import TuningFiles

        return TuningFiles(self.settings.data_home)

    @property
    def ensembles(self) -> EnsembleStore:
        """What the ensembles of the data home are served with."""
        from vfr.adapters.store.ensembles import EnsembleFiles

        return EnsembleFiles(self.settings.data_home)

    @property
    def ledger(self) -> Ledger:
        """Every run that read outcomes out of sample."""
        from vfr.adapters.store.ledger import FileLedger

        return FileLedger(self.settings.data_home / "evidence" / "ledger.jsonl")

    def reports(self) -> list[Filed]:
        """Return what is known of every evidence report that is kept, newest first."""
        from vfr.adapters.store.evidence_files import REPORTS, ReportFiles

        return ReportFiles(self.settings.data_home / REPORTS, None).listed()

    def _report_on(self, data_version: str, horizon: Horizon) -> str | None:
        """Return the id of the newest evidence report on a data version and horizon, for the cards of its models."""
        from vfr.adapters.store.evidence_files import latest_report

        return latest_report(self.settings.data_home, data_version, horizon)

    def _compute(self, snapshot: Snapshot, cluster: str | None, jobs: int | None) -> Compute:
        """Choose where folds are fitted: a cluster that was named, else processes, or threads where little is to do."""
        from vfr.workflows.train_jobs import Threads

        folder, workers = self.settings.data_home / "work", jobs or self.settings.ml_threads
        if cluster is not None:
            from vfr.adapters.compute.cluster import DaskCluster

            return DaskCluster(cluster, self.settings.work_url or str(folder))
        n_sessions, n_symbols = snapshot.panel.shape
        if n_sessions * n_symbols <= _FEW_CELLS:
            return Threads(workers)
        from vfr.adapters.compute.processes import Processes

        return Processes(folder, workers)
