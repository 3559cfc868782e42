"""An outside score, judged on the same rows as the models: what each of them gains over it, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vfr.data.snapshot import Snapshot
from vfr.errors import InvalidField, UnsupportedHorizon
from vfr.models.design import session_ranks
from vfr.typing import BoolArray, DateArray, FloatArray, Horizon, IntArray
from vfr.validation.bootstrap import ratio_interval
from vfr.validation.correlation import rank_ic
from vfr.validation.forecast_comparison import DieboldMariano, diebold_mariano
from vfr.workflows.evidence_data import Judged, Ranked, Study, mean_test, session_mean
from vfr.workflows.evidence_direction import right_sign
from vfr.workflows.evidence_report import Cell, Table
from vfr.workflows.query import parse_horizon

__all__ = ["FIELD", "OutsideScores", "gains", "losses_of_ranks", "placed"]

FIELD: Final = "against"
"""Name of the argument, in errors."""

_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class OutsideScores:
    """Scores somebody else made, one row for each date, symbol and perhaps horizon, in any order.

    Parameters
    ----------
    name : str
        What to call them in tables.
    dates : datetime64[D] array, shape (n,)
        Session at whose close a score was known.
    symbols : str array, shape (n,)
    scores : float64 array, shape (n,)
        Higher is better, in any unit; NaN is unknown.
    horizons : str array, shape (n,), optional
        1d, 7d or 30d; without it a score is judged at every horizon.
    """

    name: str
    dates: DateArray
    symbols: NDArray[np.str_]
    scores: FloatArray
    horizons: NDArray[np.str_] | None = None


def placed(outside: OutsideScores, snapshot: Snapshot, horizon: Horizon) -> Ranked:
    """Put outside scores on the sessions and symbols of a snapshot, ranked within each session.

    Raises
    ------
    InvalidField
        If a score is infinite, a horizon is unknown, a row is there twice, or nothing is left at this horizon, date
        and symbol; names the column and the fix.
    """
    chosen = np.isfinite(outside.scores) & _of_horizon(outside, horizon)
    if np.isinf(outside.scores).any():
        raise InvalidField(FIELD, "score: infinite values; leave such rows out or make them null")
    if not chosen.any():
        raise InvalidField(FIELD, f"score: no known value at horizon {horizon}; add rows for it")
    rows, on_session = _places(outside.dates[chosen], snapshot.sessions)
    columns, priced = _columns(outside.symbols[chosen], snapshot.symbols)
    known = on_session & priced
    if not known.any():
        raise InvalidField(FIELD, _no_match(outside, chosen, on_session, priced, snapshot))
    r, n = rows[known], columns[known]
    _once(outside, chosen, known, r * len(snapshot.symbols) + n)
    grid = np.full((snapshot.sessions.size, len(snapshot.symbols)), np.nan)
    grid[r, n] = outside.scores[chosen][known]
    return Ranked(outside.name, session_ranks(grid))


def _of_horizon(outside: OutsideScores, horizon: Horizon) -> BoolArray:
    if outside.horizons is None:
        return np.ones(outside.scores.size, dtype=bool)
    chosen = np.zeros(outside.scores.size, dtype=bool)
    for spelled in np.unique(outside.horizons):
        try:
            parsed = parse_horizon("horizon", str(spelled))
        except UnsupportedHorizon as error:
            raise InvalidField(FIELD, f"{error}; not {str(spelled)!r}") from None
        if parsed == horizon:
            chosen |= outside.horizons == spelled
    return chosen


def _places(dates: DateArray, sessions: DateArray) -> tuple[IntArray, BoolArray]:
    rows = np.searchsorted(sessions, dates).clip(max=sessions.size - 1)
    return rows, np.asarray(sessions[rows] == dates)


def _columns(symbols: NDArray[np.str_], known: tuple[str, ...]) -> tuple[IntArray, BoolArray]:
    place = {symbol: n for n, symbol in enumerate(known)}
    spelled, number = np.unique(symbols, return_inverse=True)
    columns = np.array([place.get(str(s).strip().upper(), -1) for s in spelled], dtype=np.int64)[number]
    return columns, columns >= 0


def _no_match(
    outside: OutsideScores, chosen: BoolArray, on_session: BoolArray, priced: BoolArray, snapshot: Snapshot
) -> str:
    if not priced.any():
        return f"symbol: none is in the data ({str(outside.symbols[chosen][0])!r}, ...); use its tickers"
    if not on_session.any():
        first, last = snapshot.sessions[0], snapshot.sessions[-1]
        return f"date: none is a session of the data ({outside.dates[chosen][0]}, ...); they run from {first} to {last}"
    return "date and symbol: no row has both a session and a symbol of the data"


def _once(outside: OutsideScores, chosen: BoolArray, known: BoolArray, cell: IntArray) -> None:
    order = np.argsort(cell, kind="stable")
    twice = np.flatnonzero(np.diff(cell[order]) == 0)
    if twice.size:
        row = np.flatnonzero(chosen)[known][order[twice[0]]]
        what = f"{outside.symbols[row]} on {outside.dates[row]}"
        raise InvalidField(FIELD, f"date, symbol: {what} is there more than once; keep one row each")


def gains(study: Study, reference: Ranked) -> tuple[Table, ...]:
    """Return what each model gains over a reference, and tests of equal loss, on the rows both know."""
    return _gain(study, reference), _equal_loss(study, reference)


def _gain(study: Study, reference: Ranked) -> Table:
    cells = study.cells & np.isfinite(reference.rank)
    rows: list[tuple[Cell, ...]] = []
    for basis, outcome in study.outcomes.items():
        theirs = rank_ic(reference.rank, outcome, cells)
        for model in study.models:
            ours = rank_ic(model.rank, outcome, cells)
            known = np.isfinite(ours - theirs)
            gain = (ours - theirs)[known]
            test = mean_test(study, gain)
            got = ratio_interval(gain, np.ones(gain.size), block=study.block, rng=study.rng)
            means = (mean_test(study, ours[known]).mean, mean_test(study, theirs[known]).mean)
            rows.append((model.name, basis, *means, test.mean, test.t, got.low, got.high, test.n))
    share = float(cells.sum() / max(int(study.cells.sum()), 1))
    note = (
        f"Rank IC of each model and of {reference.name} on the same rows: {share:.0%} of those judged have a score of "
        "both. t: Newey-West; interval: 95 %, date blocks. A gain counts from t 2. Whether the outside score was made "
        "without a look ahead cannot be seen from here."
    )
    heads = ("model", "returns", "rank IC", f"rank IC of {reference.name}", "gain", "t", "low", "high", "dates")
    return Table(f"Gain over the reference ({reference.name})", heads, tuple(rows), note)


def losses_of_ranks(study: Study, score: Judged | Ranked, cells: BoolArray) -> dict[str, FloatArray]:
    """Return the average loss of each session by name: of squared rank errors, and of wrong signs."""
    came = session_ranks(np.where(cells, study.excess, np.nan))
    said = session_ranks(np.where(cells, score.rank, np.nan))
    return {
        "squared error of ranks": session_mean((came - said) ** 2, cells),
        "share of wrong signs": session_mean(1.0 - right_sign(study, score.rank), cells),
    }


def _equal_loss(study: Study, reference: Ranked) -> Table:
    cells = study.cells & np.isfinite(reference.rank)
    theirs = losses_of_ranks(study, reference, cells)
    rows: list[tuple[Cell, ...]] = []
    for model in study.models:
        for loss, ours in losses_of_ranks(study, model, cells).items():
            test = diebold_mariano(ours, theirs[loss], study.h)
            rows.append((model.name, loss, test.mean, test.statistic, test.p, test.n, _verdict(test, reference.name)))
    note = (
        "Diebold and Mariano's test on the mean loss of each session, with the correction of Harvey, Leybourne and "
        f"Newbold, lag at least 1.5 h. Difference below 0: the model has the smaller loss. {reference.name} says no "
        "probability, so losses are of ranks and signs of the excess return."
    )
    heads = ("model", "loss", "difference", "statistic", "p", "dates", "verdict")
    return Table(f"Diebold-Mariano against the reference ({reference.name})", heads, tuple(rows), note)


def _verdict(test: DieboldMariano, reference: str) -> str:
    if not test.p < _LEVEL:
        return "not distinguishable"
    return "the model is better" if test.mean < 0 else f"{reference} is better"
