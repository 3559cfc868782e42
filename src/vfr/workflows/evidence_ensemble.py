"""Ways to combine members, beside each member, the leader so far and equal weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.ensemble.fit import Combination, Combined, OutOfFold, apply_stages
from vfr.ensemble.fitted import Fitted
from vfr.ensemble.weights import weights_by_session
from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.typing import FloatArray
from vfr.validation import metrics
from vfr.validation.correlation import rank_ic
from vfr.validation.forecast_comparison import DieboldMariano, diebold_mariano
from vfr.workflows.evidence_data import Judged, Study, interval, mean_test, session_mean
from vfr.workflows.evidence_direction import COVERAGES, curve, right_sign, skill
from vfr.workflows.evidence_excess import confidence_deciles
from vfr.workflows.evidence_report import Cell, Table
from vfr.workflows.replay import replay
from vfr.workflows.train_data import Targets
from vfr.workflows.train_ensemble import fit_ensemble, out_of_fold
from vfr.workflows.train_judge import Served

__all__ = ["EQUAL", "LEADER", "WEIGHTED", "combinations", "ensemble"]

EQUAL: Final = "equal weight"
WEIGHTED: Final = "learned weights"
LEADER: Final = "leader so far"

_NAMES: Final[Mapping[Combination, str]] = {
    "equal": EQUAL,
    "dynamic": WEIGHTED,
    "hard_voting": "hard voting",
    "stacking": "stacking",
    "leader": LEADER,
}
"""Soft voting with one vote each is the equal pool; one row is enough for both."""

_LEVEL: Final = 0.05
_TINY: Final = 1e-6


def ensemble(
    study: Study,
    snapshot: Snapshot,
    labelled: Targets,
    served: Mapping[str, Served],
    refit_rows: Sequence[int],
    *,
    broken: bool = False,
) -> tuple[Table, ...]:
    """Fit the ensemble refit by refit, and judge every way to combine by what it would have answered.

    Parameters
    ----------
    study : Study
    snapshot : Snapshot
    labelled : Targets
    served : mapping
        Out-of-fold predictions by member; nothing is said of fewer than two.
    refit_rows : sequence of int
        First session tested by each refit.
    broken : bool
        Replay the record with each member broken half-way, too.
    """
    if len(served) < 2:
        return ()
    record = out_of_fold(snapshot, labelled, served)
    fitted = fit_ensemble(snapshot, labelled, served, refit_rows)
    answers = apply_stages(fitted, record, refit_rows)
    level = study.models[0].prediction.level
    ways = [_judged(name, answers[way], level) for way, name in _NAMES.items()]
    members = [model for model in study.models if model.name in served]
    weighted = next(way for way in ways if way.name == WEIGHTED)
    known = bool(np.isfinite(weighted.prediction.confidence[study.cells]).any())
    return (
        *combinations(study, [*members, *ways]),
        *((confidence_deciles(study, weighted),) if known else ()),
        _weights(study, fitted),
        _stackers(fitted),
        *(_replayed(study, record, refit_rows) if broken else ()),
    )


def _replayed(study: Study, record: OutOfFold, refit_rows: Sequence[int]) -> tuple[Table, ...]:
    judged = np.flatnonzero(study.cells.any(axis=1))
    refits = np.zeros((record.sessions.size, len(record.members)), dtype=bool)
    refits[list(refit_rows)] = True
    middle = int(judged[judged.size // 2])
    return replay(record, study.horizon, study.rng, start=middle, refits=refits).tables()


def _judged(name: str, answer: Combined, level: float) -> Judged:
    """Return what a way to combine answered; the ends of its intervals are judged with the members'."""
    nothing = np.full(answer.p_up.shape, np.nan)
    prediction = Prediction(answer.p_up, answer.expected, nothing, nothing, answer.confidence, level)
    return Judged(name, prediction, session_ranks(answer.expected))


def _weights(study: Study, fitted: Fitted) -> Table:
    held = weights_by_session(fitted.scores, study.sessions, fitted.horizon)
    rows: list[tuple[Cell, ...]] = []
    for year in np.unique(study.years[study.cells.any(axis=1)]):
        of_year = held[study.years == year]
        for m, member in enumerate(fitted.scores.members):
            column = of_year[:, m]
            rows.append((str(int(year)), member, float(column.mean()), float(column.min()), float(column.max())))
    note = (
        f"Weights that would have answered, from outcomes that had matured; equal is {1 / held.shape[1]:.2f}. Health, "
        "which takes weight from a member that breaks, is not in them."
    )
    return Table("Learned weights by year", ("year", "model", "weight", "least", "most"), tuple(rows), note)


def _stackers(fitted: Fitted) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for stage in fitted.stages:
        stacker = stage.stacker
        if stacker is not None:
            pairs = zip(stacker.members, stacker.excess.tolist(), strict=True)
            weights = ", ".join(f"{member} {weight:.2f}" for member, weight in pairs)
            rows.append((str(stage.effective), stacker.beats_equal, weights, stacker.verdict))
    note = "A stacker answers from its day on where it beat equal weights on later dates of its own; else weights do."
    return Table("Stackers", ("from", "in use", "coefficients of the excess", "verdict"), tuple(rows), note)


def combinations(study: Study, models: Sequence[Judged]) -> tuple[Table, ...]:
    """Judge members and ways to combine them on the same cells.

    Parameters
    ----------
    study : Study
    models : sequence of Judged
        Members and combinations, `EQUAL` and `LEADER` among them; all made of what was known at the time.
    """
    return _figures(study, models), _tests(study, models), _coverages(study, models)


def _figures(study: Study, models: Sequence[Judged]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for model in models:
        cells = study.cells & np.isfinite(model.prediction.p_up) & np.isfinite(model.rank)
        p, y = model.prediction.p_up[cells], study.direction[cells]
        ic = mean_test(study, rank_ic(model.rank, study.excess, cells))
        gain = skill(study, model.prediction.p_up, study.direction, study.base)
        got = interval(study, right_sign(study, model.rank), cells)
        figures = (metrics.brier(p, y), gain.estimate, gain.low, gain.high, metrics.log_loss(p, y))
        rows.append((model.name, ic.mean, ic.t, *figures, got.estimate, got.low, got.high))
    base, y = study.base[study.cells], study.direction[study.cells]
    rows.append(("ex-ante base rate", None, None, metrics.brier(base, y), 0.0, None, None, metrics.log_loss(base, y)))
    rows[-1] = (*rows[-1], None, None, None)
    heads = ("model", "rank IC", "t", "Brier", "skill", "skill low", "skill high", "log loss")
    note = (
        "Members first, then ways to combine them, each with weights, stackers and leaders that were known at the "
        "time. Skill: over the ex-ante base rate. Sign right: of the predicted excess return; one half is a coin. "
        "Intervals: 95 %, date blocks."
    )
    return Table("Ensemble", (*heads, "sign right", "low", "high"), tuple(rows), note)


def _tests(study: Study, models: Sequence[Judged]) -> Table:
    losses = {model.name: _log_loss(study, model) for model in models}
    ranks = {model.name: rank_ic(model.rank, study.excess, study.cells) for model in models}
    rows: list[tuple[Cell, ...]] = []
    for benchmark in (LEADER, EQUAL):
        for model in models:
            if model.name != benchmark:
                row = _against(study, model.name, benchmark, losses, ranks)
                rows.append((model.name, benchmark, *row))
    heads = ("model", "against", "log loss", "DM", "p", "rank IC", "t", "verdict")
    note = (
        "Mean differences from the benchmark on the same sessions: of log loss (below 0 is better; Diebold and "
        "Mariano, one average loss per date, small-sample correction) and of rank IC (above 0 is better; Newey-West "
        f"t). The verdict names the side that an error probability of {_LEVEL:.0%} per line supports: of so many lines "
        "one in twenty says something by chance. The leader so far is the member with the best matured record before "
        "each refit."
    )
    return Table("Ensemble against the leader so far and equal weight", heads, tuple(rows), note)


def _against(
    study: Study, name: str, benchmark: str, losses: Mapping[str, FloatArray], ranks: Mapping[str, FloatArray]
) -> tuple[Cell, ...]:
    loss = diebold_mariano(losses[name], losses[benchmark], study.h)
    gain = mean_test(study, ranks[name] - ranks[benchmark])
    return (loss.mean, loss.statistic, loss.p, gain.mean, gain.t, _verdict(loss, gain.t))


def _verdict(loss: DieboldMariano, t: float) -> str:
    """Say which of the two figures tells the two apart, and how; silence is no verdict in favour of either."""
    parts = []
    if loss.p < _LEVEL:
        parts.append(f"log loss {'better' if loss.mean < 0 else 'worse'}")
    if abs(t) > 1.96:
        parts.append(f"rank IC {'better' if t > 0 else 'worse'}")
    return ", ".join(parts) or "not distinguishable"


def _log_loss(study: Study, model: Judged) -> FloatArray:
    """Return the mean log loss of P(up) of each session, shape (R,)."""
    p = np.clip(model.prediction.p_up, _TINY, 1.0 - _TINY)
    loss = -np.where(study.direction > 0, np.log(p), np.log1p(-p))
    return session_mean(loss, study.cells & np.isfinite(p))


def _coverages(study: Study, models: Sequence[Judged]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for model in models:
        for nominal, point in zip(COVERAGES, curve(study, model), strict=True):
            lift = point.lift
            row = (point.coverage, point.dates, point.accuracy, point.rule, lift.estimate, lift.low, lift.high)
            rows.append((model.name, f"{nominal:.0%}", *row))
    heads = ("model", "coverage", "share", "dates", "accuracy", "base-rate rule", "lift", "low", "high")
    note = (
        "Direction, most certain calls first, bars fixed on earlier outcomes; lift over the ex-ante base-rate rule on "
        "the same rows, 95 % intervals that hold at once for a model's rows (max-T)."
    )
    return Table("Ensemble: direction accuracy at fixed coverages", heads, tuple(rows), note)
