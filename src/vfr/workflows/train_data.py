"""What a training run works on: ranked features, market state, labels, and the cells that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.factors.universe import FEW_MEMBERS
from vfr.features.matrix import FeatureMatrix, Labels
from vfr.models.design import Design, session_ranks
from vfr.models.learners import LEARNERS
from vfr.models.scale import SCALE_FEATURES
from vfr.typing import BoolArray, DateArray, FloatArray, Horizon, IntArray, Matrix32

__all__ = ["Inputs", "Targets", "counting", "prepare", "targets"]

_MIN_KNOWN = 0.5
"""Share of the cells a feature must be known in: less would teach when its source began, not what moves prices."""

_AT_ONCE = 4096
"""Rows that are gathered together: all columns of so few stay in the processor's cache until some are chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything known at each of R sessions about each of N symbols, ready for the learners.

    `ranks` [R, N, K] and `state` [R, S] hold every feature of `design`; `coverage` [R, K + S] is the share of cells up
    to each session in which each was known; `volatility` [R, N, V] holds the raw values of `scale_features`; `known`
    [R, N] marks cells that can be predicted; `sample` [L, N, F] holds the last raw cross-sections, as many as the
    farthest-looking learner reads, of the names that trade.
    """

    sessions: DateArray
    design: Design
    spec: str
    ranks: Matrix32
    state: Matrix32
    coverage: FloatArray
    volatility: FloatArray
    scale_features: tuple[str, ...]
    known: BoolArray
    sample: Matrix32

    def design_at(self, row: int) -> Design:
        """Return the design of a version trained on rows up to `row`: the features known well enough by then."""
        enough = self.coverage[row] >= _MIN_KNOWN
        ranked = tuple(compress(self.design.ranked, enough))
        market = tuple(compress(self.design.market, enough[len(self.design.ranked) :]))
        return Design(self.design.names, ranked, market)

    def rows(self, r: IntArray, n: IntArray, columns: Sequence[str], lookback: int = 1) -> Matrix32:
        """Return the rows of the given cells, shape (m, C), or (m, L, C) over the last L sessions, oldest first.

        Columns are features of the design; sessions before the first are unknown.
        """
        ranked = np.flatnonzero(np.isin(self.design.ranked, columns))
        market = np.flatnonzero(np.isin(self.design.market, columns))
        out = np.empty((r.size, lookback, ranked.size + market.size), dtype=np.float32)
        for start in range(0, r.size, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            for step, back in enumerate(reversed(range(lookback))):
                then = r[part] - back
                seen = np.maximum(then, 0)
                rows = out[part, step]
                rows[:, : ranked.size] = self.ranks[seen, n[part]][:, ranked]
                rows[:, ranked.size :] = self.state[seen][:, market]
                rows[then < 0] = np.nan
        return out[:, 0] if lookback == 1 else out


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Labels of one horizon over the same cells.

    `rank` [R, N] is what learners of the excess target learn: the rank within its session of the return beyond the
    name's sector. Every figure is still computed on the excess return itself.

    `counts` [R, N] marks the cells that figures are computed on: index members at the time, where membership is known.
    """

    labels: Labels
    rank: FloatArray
    counts: BoolArray


def prepare(matrix: FeatureMatrix, trading: BoolArray) -> Inputs:
    """Rank a feature matrix and take from it what calibration needs raw.

    Only cells [R x N] that trade are ranked and predicted, here as when a forecast is served: a name that left the
    market keeps statements for a while, and must not hold a place among those that can still be bought.
    """
    design = Design.of(matrix.names, matrix.values)
    ranks = design.rank(matrix.values, trading)
    state = design.state(matrix.values)
    names = tuple(name for name in SCALE_FEATURES if name in design.ranked)
    chosen = [matrix.values[matrix.names.index(name)] for name in names]
    shape = matrix.values.shape[1:]
    volatility = np.stack(chosen, axis=-1).astype(np.float64) if chosen else np.empty((*shape, 0))
    return Inputs(
        sessions=matrix.sessions,
        design=design,
        spec=matrix.spec,
        ranks=ranks,
        state=state,
        coverage=_coverage(ranks, state),
        volatility=volatility,
        scale_features=names,
        known=np.asarray(np.isfinite(ranks).any(axis=2)),
        sample=_sample(matrix, trading),
    )


def _sample(matrix: FeatureMatrix, trading: BoolArray) -> Matrix32:
    """Return the last raw cross-sections of the names that trade at the end, unknown where they did not trade."""
    last = slice(-max(learner.lookback for learner in LEARNERS.values()), None)
    values = np.where(trading[last, :, None], matrix.values[:, last].transpose(1, 2, 0), np.float32(np.nan))
    return np.ascontiguousarray(values[:, trading[-1]])


def _coverage(ranks: Matrix32, state: Matrix32) -> FloatArray:
    """Return [R x K + S]: up to each session, the share of the cells with any feature in which each was known."""
    known = np.isfinite(ranks)
    names = known.any(axis=2).sum(axis=1)
    found = np.concatenate([known.sum(axis=1), np.isfinite(state) * names[:, None]], axis=1)
    return np.asarray(found.cumsum(axis=0) / np.maximum(names.cumsum(), 1)[:, None], dtype=np.float64)


def counting(snapshot: Snapshot) -> tuple[BoolArray, bool]:
    """Return [T x N] cells that count, and whether they are index members.

    Sessions for which the data set knows fewer than 20 members (before or after its membership table) count every
    priced symbol: silence of the table is not an empty index.
    """
    priced = np.isfinite(snapshot.panel.adj_close)
    if snapshot.membership is None:
        return priced, False
    member = snapshot.membership.member & priced
    silent = member.sum(axis=1) < FEW_MEMBERS
    return np.where(silent[:, None], priced, member), not bool(silent.all())


def targets(snapshot: Snapshot, horizon: Horizon, counts: BoolArray) -> Targets:
    """Label every cell; the excess return is over the median of the cells that count."""
    from vfr.features.labels import make
    from vfr.features.peers import sector_numbers
    from vfr.features.relative import beyond_sector

    labels = make(snapshot.panel, horizon, universe=counts)
    own = beyond_sector(labels.excess, sector_numbers(snapshot.securities.sector))
    return Targets(labels, session_ranks(own), counts)
