"""Tallies of matured sessions: made once as outcomes are settled, so that a report reads sums and no single stock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, get_args

import numpy as np

from vfr.journal.tallies import COMPOSITES, JUDGED_SUMS, Tally
from vfr.typing import BoolArray, FloatArray, Horizon
from vfr.validation.correlation import rank_ic
from vfr.workflows.journalled import matured

if TYPE_CHECKING:
    from vfr.journal.journal import Journal
    from vfr.journal.records import ForecastRecord, Outcomes
    from vfr.workflows.journalled import Matured

__all__ = ["keep_tallies", "tallied", "tallies"]

_AT_ONCE: Final = 60
"""Sessions read together: a journal of years is tallied in moderate memory."""


def tallied(
    journal: Journal, data_name: str, horizon: Horizon, since: str = "", *, stocks: bool = False
) -> list[Tally]:
    """Return the tally of every matured session from an ISO day on, oldest first; what is not kept yet is computed.

    Parameters
    ----------
    journal : Journal
    data_name : str
    horizon : Horizon
    since : str
    stocks : bool
        With the figures of single stocks.

    Raises
    ------
    DataError
        If the journal cannot be used.
    """
    kept, wanting = journal.tallies(data_name, horizon, since, stocks=stocks)
    made = [one for part in _parts(wanting) for one in _made(journal, data_name, horizon, part)]
    return sorted([*kept, *made], key=lambda one: one.as_of) if made else kept


def keep_tallies(journal: Journal, data_name: str, horizon: Horizon) -> int:
    """Tally the matured sessions that are not yet; return how many were kept.

    Raises
    ------
    DataError
        If the journal cannot be used.
    """
    _, wanting = journal.tallies(data_name, horizon)
    parts = (_made(journal, data_name, horizon, part) for part in _parts(wanting))
    return sum(journal.keep_tallies(data_name, horizon, part) for part in parts)


def tallies(horizon: Horizon, forecasts: Sequence[ForecastRecord], outcomes: Sequence[Outcomes]) -> list[Tally]:
    """Return the tally of each forecast whose outcomes are there, on index members at the time.

    Parameters
    ----------
    horizon : Horizon
    forecasts : sequence of ForecastRecord
        One of each session, oldest first.
    outcomes : sequence of Outcomes
    """
    record = matured(horizon, forecasts, outcomes)
    came = {one.as_of: len(one.symbols) for one in outcomes}
    made = [one for one in forecasts if one.as_of in came]
    everyone = [_judged(record, record.p_up, record.expected)]
    everyone += [_judged(record, *grids) for grids in zip(record.member_p_up, record.member_rank, strict=True)]
    composites = [_composite(record, name) for name in COMPOSITES]
    whole = _Whole(record, everyone, composites)
    return [whole.tally(r, one, came[one.as_of]) for r, one in enumerate(made)]


class _Judged:
    """Sums of one forecaster over the cells it is judged on, one row per session."""

    def __init__(self, cells: BoolArray, p_up: FloatArray, sums: FloatArray) -> None:
        self.cells = cells
        self.p_up = np.where(cells, p_up, np.nan)
        self.sums = sums


class _Whole:
    """Everything of a record, from which the tally of a session is taken."""

    def __init__(
        self, record: Matured, everyone: Sequence[_Judged], composites: Sequence[tuple[FloatArray, FloatArray]]
    ) -> None:
        self._record = record
        self._everyone = everyone
        self._composites = composites
        cells = everyone[0].cells
        inside = (record.excess >= record.low) & (record.excess <= record.high)
        self._inside = (cells & inside).sum(axis=1)
        self._confident = cells & np.isfinite(record.confidence)
        self._right = np.sign(record.expected) == np.sign(record.excess)

    def tally(self, r: int, one: ForecastRecord, outcomes: int) -> Tally:
        record = self._record
        asked = [self._everyone[0], *(self._everyone[1 + record.members.index(name)] for name in one.members)]
        p_up = np.stack([judged.p_up[r] for judged in asked])
        shown = np.flatnonzero(np.isfinite(p_up).any(axis=0))
        known = np.flatnonzero(self._confident[r])
        # In order, so that those of many sessions are merged and not sorted anew.
        known = known[np.argsort(record.confidence[r, known], kind="stable")]
        return Tally(
            as_of=one.as_of,
            versions=one.versions,
            members=one.members,
            model_ids=one.model_ids,
            timely=one.timely,
            level=one.level,
            outcomes=outcomes,
            judged=np.stack([judged.sums[r] for judged in asked]),
            inside=float(self._inside[r]),
            composites=np.stack([sums[r] for sums, _ in self._composites]),
            tiers=np.stack([tiers[r] for _, tiers in self._composites]),
            confidence=record.confidence[r, known],
            right=self._right[r, known],
            symbols=tuple(record.symbols[n] for n in shown.tolist()),
            p_up=p_up[:, shown],
            direction=record.direction[r, shown],
            base=one.base_rate,
        )


def _judged(record: Matured, p_up: FloatArray, score: FloatArray) -> _Judged:
    cells = record.counted & np.isfinite(p_up) & np.isfinite(score) & np.isfinite(record.base)
    rose = record.direction > 0.5
    summed = (
        np.ones(cells.shape),
        (p_up > 0.5) == rose,
        (record.base > 0.5) == rose,
        (p_up - record.direction) ** 2,
        (record.base - record.direction) ** 2,
        record.base,
        record.direction,
        np.sign(score) == np.sign(record.excess),
    )
    sums = [np.where(cells, values, 0.0).sum(axis=1) for values in summed]
    found = np.column_stack([*sums, rank_ic(score, record.excess, cells)])
    return _Judged(cells, p_up, found.reshape(cells.shape[0], len(JUDGED_SUMS)))


def _composite(record: Matured, name: str) -> tuple[FloatArray, FloatArray]:
    """Return sums of a composite score, (R, 3), and of each of its recommendations, (R, T, 5)."""
    from vfr.scoring.table import Recommendation

    score: FloatArray = getattr(record, name)
    cells = record.counted & np.isfinite(score)
    beats = record.excess > 0
    whole = np.column_stack([rank_ic(score, record.excess, cells), cells.sum(axis=1), (cells & beats).sum(axis=1)])
    tiers = getattr(record, f"{name}_tier")
    summed = (np.ones(cells.shape), record.excess, beats, record.direction, record.base)
    rows = [
        [np.where(mine, values, 0.0).sum(axis=1) for values in summed]
        for mine in (cells & (tiers == tier) for tier in get_args(Recommendation))
    ]
    return whole, np.array(rows).transpose(2, 0, 1)


def _made(journal: Journal, data_name: str, horizon: Horizon, days: Sequence[str]) -> list[Tally]:
    first, last = days[0], days[-1]
    outcomes = journal.outcomes(data_name, horizon, first, last)
    return [
        one
        for one in tallies(horizon, journal.forecasts(data_name, horizon, first, last), outcomes)
        if str(one.as_of) in days
    ]


def _parts(days: Sequence[str]) -> list[Sequence[str]]:
    return [days[k : k + _AT_ONCE] for k in range(0, len(days), _AT_ONCE)]
