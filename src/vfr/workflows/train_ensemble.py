"""From members' out-of-fold predictions to what their ensemble is served with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from vfr.clock import utc_now
from vfr.data.snapshot import Snapshot
from vfr.ensemble.fit import OutOfFold, fit
from vfr.ensemble.fitted import Fitted
from vfr.errors import ArtifactCorrupt
from vfr.typing import FloatArray, Horizon
from vfr.workflows.train_data import Targets
from vfr.workflows.train_judge import Served, base_rates

__all__ = ["EnsembleStore", "fit_ensemble", "out_of_fold", "replaces"]


class EnsembleStore(Protocol):
    """Where what was fitted for ensembles lives: one per data set and horizon, replaced whole."""

    def save(self, fitted: Fitted) -> None:
        """Replace what was fitted before for the same data set and horizon."""

    def load(self, data_name: str, horizon: Horizon) -> Fitted | None:
        """Return what was fitted last, None if nothing was.

        Raises
        ------
        ArtifactCorrupt
            If it cannot be read as such.
        """

    def stamp(self) -> str:
        """Return a key that changes whenever an ensemble does; cheap enough for every request."""


def out_of_fold(snapshot: Snapshot, labelled: Targets, served: Mapping[str, Served]) -> OutOfFold:
    """Put members' out-of-fold predictions beside what came, on the cells that count."""

    def grids(name: str) -> FloatArray:
        return np.stack([getattr(one.prediction, name) for one in served.values()])

    labels, base = labelled.labels, base_rates(labelled)
    return OutOfFold(
        members=tuple(served),
        sessions=snapshot.sessions,
        p_up=grids("p_up"),
        expected=grids("expected_excess"),
        rank=np.stack([one.rank for one in served.values()]),
        direction=labels.direction,
        excess=labels.excess,
        base=base,
        cells=labelled.counts & np.isfinite(labels.excess) & np.isfinite(base),
    )


def fit_ensemble(
    snapshot: Snapshot, labelled: Targets, served: Mapping[str, Served], refit_rows: Sequence[int]
) -> Fitted:
    """Fit what the ensemble of one horizon needs, refit by refit; see `vfr.ensemble.fit.fit`.

    Parameters
    ----------
    snapshot : Snapshot
    labelled : Targets
    served : mapping
        Out-of-fold predictions by member, of two members at least.
    refit_rows : sequence of int
        First session tested by each refit.
    """
    now = utc_now().isoformat(timespec="seconds")
    made = out_of_fold(snapshot, labelled, served)
    return fit(labelled.labels.horizon, snapshot.name, snapshot.version, now, made, refit_rows)


def replaces(store: EnsembleStore, data_name: str, horizon: Horizon, members: Sequence[str]) -> bool:
    """Return whether an ensemble of these members takes the place of the one in use: only if it knows all of them.

    Training one member alone does not cost the others their record.
    """
    if len(members) < 2:
        return False
    try:
        before = store.load(data_name, horizon)
    except ArtifactCorrupt:
        return True
    return before is None or set(before.scores.members) <= set(members)
