"""The best of several: is it better than a benchmark, given that it was chosen, and would choosing have paid."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr.typing import FloatArray
from vfr.validation.forecast_comparison import superior_predictive_ability
from vfr.validation.overfitting import backtest_overfitting
from vfr.workflows.evidence_against import losses_of_ranks
from vfr.workflows.evidence_data import Ranked, Study, session_mean
from vfr.workflows.evidence_report import Cell, Table
from vfr.workflows.train_metrics import probability_above

if TYPE_CHECKING:
    from vfr.workflows.evidence_backtest import Portfolios

__all__ = ["overfitting_of_all", "superior_ability"]

_LEVEL: Final = 0.05
_BLOCKS: Final = 16


def superior_ability(study: Study, reference: Ranked | None) -> Table:
    """Hansen's test of all models at once against what needs none of them, and against a reference."""
    said = [m.prediction.p_up for m in study.models]
    rows = [_brier_row(study, "ex-ante base rate of a rise", study.base, said, study.direction)]
    if study.excess_base is not None:
        said = [probability_above(m.prediction.confidence, m.rank) for m in study.models]
        above = (study.excess > 0).astype(np.float64)
        rows.append(_brier_row(study, "ex-ante base rate of an excess above 0", study.excess_base, said, above))
    if reference is not None:
        cells = study.cells & np.isfinite(reference.rank)
        [(loss, theirs), *_] = losses_of_ranks(study, reference, cells).items()
        ours = [losses_of_ranks(study, m, cells)[loss] for m in study.models]
        rows.append(_row(study, reference.name, loss, theirs, ours))
    heads = ("benchmark", "loss", "models", "best", "its gain", "p lower", "p", "p upper", "dates", "verdict")
    note = (
        "Hansen's test for superior predictive ability: p of the best of these models being no better than the "
        "benchmark, given that it is the best of several; one mean loss per session, stationary bootstrap of blocks of "
        f"{max(2 * study.h, 5)} sessions on average. Lower and upper: Hansen's bounds. Gain: mean loss of the "
        "benchmark less the model's."
    )
    return Table("Superior predictive ability", heads, tuple(rows), note)


def _brier_row(
    study: Study, benchmark: str, base: FloatArray, said: Sequence[FloatArray], y: FloatArray
) -> tuple[Cell, ...]:
    theirs, *ours = (session_mean((p - y) ** 2, study.cells) for p in (base, *said))
    return _row(study, benchmark, "Brier", theirs, ours)


def _row(study: Study, benchmark: str, loss: str, theirs: FloatArray, ours: Sequence[FloatArray]) -> tuple[Cell, ...]:
    models = np.stack(ours, axis=1)
    test = superior_predictive_ability(theirs, models, study.h, rng=study.rng)
    gain = np.nanmean(theirs[:, None] - models, axis=0) if test.n else np.full(len(ours), np.nan)
    best = int(np.argmax(gain))
    verdict = "better than the benchmark" if test.consistent < _LEVEL and gain[best] > 0 else "not distinguishable"
    figures = (test.lower, test.consistent, test.upper, test.n)
    return (benchmark, loss, len(ours), study.models[best].name, float(gain[best]), *figures, verdict)


def overfitting_of_all(found: Mapping[str, Portfolios], outside: Collection[str] = ()) -> Table:
    """Select among all models, horizons and seeds in half of the time, and look at the other half.

    Parameters
    ----------
    found : mapping of str to Portfolios
        By what tells them apart, such as a horizon.
    outside : collection of str
        Models among them that nobody here chose from: an outside reference.
    """
    from vfr.workflows.evidence_backtest import HEADLINE_COST

    first = max(held.sessions[0] for held in found.values())
    last = min(held.sessions[-1] for held in found.values())
    tried = []
    for held in found.values():
        chosen = (held.sessions >= first) & (held.sessions <= last)
        tried += [held.top(m).net(HEADLINE_COST)[chosen] for m in held.models if m not in outside]
    heads = ("configurations", "sessions", "probability of overfitting", "degradation", "probability of loss")
    note = (
        f"Top fifth of every model at {', '.join(found)}, after {HEADLINE_COST:g} bps; combinatorially symmetric cross-"
        f"validation over {_BLOCKS} blocks, read as above."
    )
    title = "Overfitting over models, horizons and seeds"
    try:
        got = backtest_overfitting(np.stack(tried, axis=1), blocks=_BLOCKS)
    except ValueError as error:
        return Table(title, heads, (), f"Not available: {error}.")
    row = (len(tried), got.rows, got.probability, got.slope, got.loss)
    return Table(title, heads, (row,), note)
