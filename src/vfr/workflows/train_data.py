"""What a training run works on: ranked features, market state, labels, and the cells that count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.features.matrix import FeatureMatrix, Labels
from vfr.models.design import Design, session_ranks
from vfr.models.scale import SCALE_FEATURES
from vfr.typing import BoolArray, FloatArray, Horizon, IntArray, Matrix32, Target

__all__ = ["Inputs", "Targets", "counting", "prepare", "targets"]

_FEW_MEMBERS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything known at each of R sessions about each of N symbols, ready for the learners.

    `ranks` [R, N, K] and `state` [R, S] are the design of `design`; `volatility` [R, N, V] holds the raw values of
    `scale_features`; `known` [R, N] marks cells that can be predicted; `sample` [N, F] is the last raw cross-section.
    """

    design: Design
    spec: str
    ranks: Matrix32
    state: Matrix32
    volatility: FloatArray
    scale_features: tuple[str, ...]
    known: BoolArray
    sample: Matrix32

    def rows(self, r: IntArray, n: IntArray, target: Target) -> Matrix32:
        """Return the design rows of the given cells, shape (len(r), K) or (len(r), K + S)."""
        X = self.ranks[r, n]
        return X if target == "excess" else np.concatenate([X, self.state[r]], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Labels of one horizon over the same cells; `rank` [R, N] is the excess return's rank within its session.

    `counts` [R, N] marks the cells that figures are computed on: index members at the time, where membership is known.
    """

    labels: Labels
    rank: FloatArray
    counts: BoolArray


def prepare(matrix: FeatureMatrix, priced: BoolArray) -> Inputs:
    """Rank a feature matrix and take from it what calibration needs raw; only priced cells [R x N] can be predicted."""
    design = Design.of(matrix.names, matrix.values)
    ranks = design.rank(matrix.values)
    names = tuple(name for name in SCALE_FEATURES if name in design.ranked)
    chosen = [matrix.values[matrix.names.index(name)] for name in names]
    shape = matrix.values.shape[1:]
    volatility = np.stack(chosen, axis=-1).astype(np.float64) if chosen else np.empty((*shape, 0))
    return Inputs(
        design=design,
        spec=matrix.spec,
        ranks=ranks,
        state=design.state(matrix.values),
        volatility=volatility,
        scale_features=names,
        known=np.asarray(np.isfinite(ranks).any(axis=2) & priced),
        sample=np.ascontiguousarray(matrix.values[:, -1, :].T),
    )


def counting(snapshot: Snapshot) -> tuple[BoolArray, bool]:
    """Return [T x N] cells that count, and whether they are index members.

    Sessions for which the data set knows fewer than 20 members (before or after its membership table) count every
    priced symbol: silence of the table is not an empty index.
    """
    priced = np.isfinite(snapshot.panel.adj_close)
    if snapshot.membership is None:
        return priced, False
    member = snapshot.membership.member & priced
    silent = member.sum(axis=1) < _FEW_MEMBERS
    return np.where(silent[:, None], priced, member), not bool(silent.all())


def targets(snapshot: Snapshot, horizon: Horizon, counts: BoolArray) -> Targets:
    """Label every cell; the excess return is over the median of the cells that count."""
    from vfr.features.labels import make

    labels = make(snapshot.panel, horizon, universe=counts)
    return Targets(labels, session_ranks(labels.excess), counts)
