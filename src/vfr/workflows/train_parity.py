"""What a gate measures on the stored artifact: does it serve what was trained, and how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.clock import elapsed_ms, processor_ms
from vfr.data.snapshot import Snapshot
from vfr.errors import ArtifactCorrupt
from vfr.models.learner import Scorer
from vfr.models.learners import LEARNERS
from vfr.models.member import Member, StoredMember, open_member
from vfr.models.prediction import ModelCard
from vfr.typing import TARGETS, FloatArray, IntArray, Matrix32, Target
from vfr.validation.splits import Fold
from vfr.workflows.train_data import Inputs
from vfr.workflows.train_walk import Walk

__all__ = ["Checked", "Section", "check", "riddled", "sections"]

ROWS: Final = 10_000
"""Rows in which differences are looked for, at most; half of them riddled with unknown values."""

_SESSIONS: Final = 32
_CROSS_SECTIONS: Final = 256
"""Raw cross-sections held at once: a learner that looks back far gets fewer sessions."""

BUDGET_MS: Final = 1_000.0
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Raw features [L x N x F] of the last L sessions up to a row of the panel, as a request on that evening has."""

    row: int
    X: Matrix32


@dataclass(frozen=True, slots=True)
class Checked:
    """What was measured on a stored artifact; the fields of `vfr.validation.gates.GateFigures` of the same names."""

    parity: bool
    parity_difference: float
    parity_rows: int
    latency_ms: float
    latency_rows: int
    latency_median_ms: float
    latency_wall_ms: float


def sections(
    snapshot: Snapshot, inputs: Inputs, folds: Sequence[Fold], lookback: int, seed: int
) -> tuple[Section, ...]:
    """Compute the raw features of sessions from the whole history by the path that serves requests.

    Half of the sessions lie at the ends of training and test spans, half are drawn from all others that have features.

    Parameters
    ----------
    snapshot : Snapshot
    inputs : Inputs
        Made from that snapshot.
    folds : sequence of Fold
    lookback : int
        L, sessions a row looks back over.
    seed : int
    """
    from vfr.features import compute

    trading = snapshot.panel.trading()
    found = []
    for row in _rows(inputs, folds, lookback, seed).tolist():
        window = slice(max(row - lookback + 1, 0), row + 1)
        X = np.ascontiguousarray(compute(snapshot, window).values.transpose(1, 2, 0))
        X[~trading[window]] = np.nan
        found.append(Section(row, X))
    return tuple(found)


def _rows(inputs: Inputs, folds: Sequence[Fold], lookback: int, seed: int) -> IntArray:
    known = np.flatnonzero(inputs.known.any(axis=1))
    names = inputs.known.shape[1]
    most = max(min(ROWS // (2 * names), _SESSIONS, _CROSS_SECTIONS // lookback), 2)
    ends = [row for fold in folds for row in (fold.train[-1], *fold.test[:1], *fold.test[-1:])]
    edges = np.intersect1d(np.array([*known[:1], *ends, *known[-1:]], dtype=np.int64), known)
    at = np.unique(np.linspace(0, edges.size - 1, min(most // 2, edges.size)).round().astype(np.int64))
    chosen = edges[at]
    others = np.setdiff1d(known, chosen)
    drawn = np.random.default_rng(seed).permutation(others)[: most - chosen.size]
    return np.sort(np.concatenate([chosen, drawn]))


def check(
    inputs: Inputs,
    fitted: Member,
    card: ModelCard,
    files: Mapping[str, bytes],
    found: Sequence[Section],
    walk: Walk | None = None,
) -> Checked:
    """Compare what a version scored when it was trained with what its stored artifact scores, and time that.

    Parameters
    ----------
    inputs : Inputs
        What it was trained from.
    fitted : Member
        The version in memory.
    card, files : ModelCard, mapping
        The artifact as it will be stored.
    found : sequence of Section
        Of at least its learner's lookback.
    walk : Walk, optional
        Its out-of-fold scores, which were given by the models as they had just been fitted, wherever that was.

    Returns
    -------
    Checked
        The largest absolute difference of any raw score: of the training inputs against the raw features of a request;
        of the member in memory against the stored one on rows riddled with unknown values; and of the walk against its
        refits as they are kept, for a rise (of the excess a walk keeps ranks, which near ties would turn over).
        Infinite where one knows a score and the other does not.
    """
    try:
        stored = open_member(card, files)
    except ArtifactCorrupt:
        nothing = float("nan")
        return Checked(False, nothing, 0, nothing, 0, nothing, nothing)
    worst, rows = 0.0, 0
    lookback = LEARNERS[fitted.name].lookback
    for section in found:
        X = section.X[-lookback:]
        served = stored.member.scores(X)
        holes = riddled(X, np.random.default_rng(section.row))
        mine, theirs = fitted.scores(holes), stored.member.scores(holes)
        trained = _trained(inputs, fitted, section.row)
        for target in TARGETS:
            # A name of which the version reads no feature is not forecast, though some other feature of it is known.
            asked = np.isfinite(served[target])
            worst = max(worst, _apart(trained[target][asked], served[target][asked]))
            worst = max(worst, _apart(mine[target], theirs[target]))
        rows += int(asked.sum() + np.isfinite(theirs["excess"]).sum())
        worst = max(worst, _apart_from_walk(fitted, walk, section.row, X))
    took = _latency(stored, _one_name(fitted, found, lookback))
    return Checked(True, worst, rows, took.processor_p99, took.rows, took.wall_median, took.wall_p99)


def _apart_from_walk(fitted: Member, walk: Walk | None, row: int, X: Matrix32) -> float:
    """Return how far the kept refit of a session is from what it scored out of fold; 0 where none judged it."""
    if walk is None:
        return 0.0
    for refit in walk.refits:
        if refit.fold.test[0] <= row <= refit.fold.test[-1]:
            kept = Member(fitted.name, refit.direction, refit.excess, refit.design, fitted.calibrated)
            served = kept.scores(X)["direction"]
            asked = np.isfinite(served)
            return _apart(walk.direction[row][asked], served[asked])
    return 0.0


def _one_name(fitted: Member, found: Sequence[Section], lookback: int) -> Matrix32:
    """Return the row of the first name of the newest section that can be forecast, [L x M x F]; M is 0 or 1."""
    X = found[-1].X[-lookback:]
    name = np.flatnonzero(fitted.design.predictable(X[-1]))[:1]
    return X[:, name]


def _trained(inputs: Inputs, fitted: Member, row: int) -> dict[Target, FloatArray]:
    """Return the scores of one session's names from the inputs of training, NaN where none are known."""
    learner = LEARNERS[fitted.name]
    n = np.flatnonzero(inputs.known[row])
    found: dict[Target, FloatArray] = {}
    scorers: dict[Target, Scorer] = {"direction": fitted.direction, "excess": fitted.excess}
    for target, scorer in scorers.items():
        columns = learner.columns(fitted.design.columns(target))
        found[target] = np.full(inputs.known.shape[1], np.nan)
        if n.size:
            X = inputs.rows(np.full(n.size, row), n, columns, learner.lookback)
            found[target][n] = scorer.score(X)
    return found


def _apart(a: FloatArray, b: FloatArray) -> float:
    """Return the largest distance; infinite where only one of two is known."""
    one = np.isfinite(a)
    if not np.array_equal(one, np.isfinite(b)):
        return float("inf")
    return float(np.abs(a[one] - b[one]).max(initial=0.0))


def riddled(X: Matrix32, rng: np.random.Generator) -> Matrix32:
    """Return rows with values made unknown: of each name a share of its own, from none to all.

    Parameters
    ----------
    X : float32 array, shape (..., N, F)
    """
    share = rng.random((X.shape[-2], 1))
    return np.where(rng.random(X.shape) < share, np.float32(np.nan), X)


@dataclass(frozen=True, slots=True)
class _Latency:
    """Percentiles of the time of predicting one name, in milliseconds; NaN where none could be."""

    processor_p99: float = float("nan")
    wall_median: float = float("nan")
    wall_p99: float = float("nan")
    rows: int = 0


def _latency(stored: StoredMember, row: Matrix32) -> _Latency:
    """Predict one name again and again for a second, or a thousand times.

    Time on the processor says what the model costs; by the clock, its tail says what else the machine did meanwhile.
    """
    if row.shape[1] == 0:
        return _Latency()
    for _ in range(3):
        stored.predict(row)
    wall: list[float] = []
    busy: list[float] = []
    began = elapsed_ms()
    while not wall or (elapsed_ms(began) < BUDGET_MS and len(wall) < _MOST):
        start, started = elapsed_ms(), processor_ms()
        stored.predict(row)
        busy.append(processor_ms() - started)
        wall.append(elapsed_ms(start))
    p99 = [float(np.quantile(times, 0.99, method="higher")) for times in (busy, wall)]
    return _Latency(p99[0], float(np.median(wall)), p99[1], len(wall))
