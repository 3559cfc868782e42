"""How sectors did: returns, relative strength and volatility of equal-weighted sectors, and their best scored names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vfr.data.panel import Panel
from vfr.factors.board import Board
from vfr.scoring.composite import score
from vfr.scoring.table import DEFAULT, ScoreTable
from vfr.typing import BoolArray, FloatArray

__all__ = ["sector_rankings"]

SPANS: Final = {"oneDay": 1, "fiveDay": 5, "oneMonth": 21, "threeMonth": 63}
"""Sessions of each span of returns."""

VOLATILITY_SESSIONS: Final = 63
YEAR: Final = 252
TOP: Final = 5
DIGITS: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class _Sector:
    name: str
    members: BoolArray
    returns: dict[str, float]
    strength: float
    volatility: float


def sector_rankings(panel: Panel, board: Board, table: ScoreTable = DEFAULT) -> dict[str, Any]:
    """Rank the sectors of the last session by relative strength, strongest first.

    Parameters
    ----------
    panel : Panel
        Of the same data version as `board`: N symbols in the same order.
    board : Board
    table : ScoreTable
        Of the classic score that `topSymbols` are chosen by.

    Returns
    -------
    dict
        ``{rankings: [{sector, rank, returns {oneDay, fiveDay, oneMonth, threeMonth, yearToDate}, relativeStrength,
        volatility, members, topSymbols}], asOf}``. Fractions; None where unknown. `members` counts the names that
        traded at the last session.

    Notes
    -----
    A return is the mean total return of the sector's names that traded at both ends of the span: of today's members,
    without those that left the market, so it is no record of a tradable index. `relativeStrength` is the sector's
    three-month return less that of all names of all sectors. `volatility` is the standard deviation of the sector's
    equal-weighted daily returns over 63 sessions, annualised by the square root of 252. A symbol without a sector
    counts nowhere. Sectors without a three-month return come last, by name.
    """
    trading = np.isfinite(panel.adj_close[-1])
    sector_of = np.array(board.securities.sector)
    names = sorted(set(sector_of[trading]) - {""})
    spans = SPANS | {"yearToDate": _sessions_this_year(panel)}
    returns = {span: _returns(panel.adj_close, sessions) for span, sessions in spans.items()}
    market = _mean(returns["threeMonth"][trading & (sector_of != "")])
    daily = _daily(panel.adj_close[-VOLATILITY_SESSIONS - 1 :])
    sectors = []
    for name in names:
        members = trading & (sector_of == name)
        own = {span: _mean(values[members]) for span, values in returns.items()}
        sectors.append(_Sector(name, members, own, own["threeMonth"] - market, _volatility(daily[:, members])))
    sectors.sort(key=lambda s: (np.isnan(s.strength), -s.strength if np.isfinite(s.strength) else 0.0, s.name))
    composite = score(board, table).composite
    return {
        "rankings": [_row(s, n, board.scores.symbols, composite) for n, s in enumerate(sectors, start=1)],
        "asOf": str(board.as_of),
    }


def _sessions_this_year(panel: Panel) -> int:
    """Return how many sessions back the last one of the year before lies; beyond the panel where it has none."""
    first = np.searchsorted(panel.sessions, panel.sessions[-1].astype("datetime64[Y]").astype("datetime64[D]"))
    return int(panel.sessions.size - first)


def _returns(close: FloatArray, sessions: int) -> FloatArray:
    """Return the total return over so many sessions [N], NaN without a price at both ends."""
    if sessions >= close.shape[0]:
        return np.full(close.shape[1], np.nan)
    return np.asarray(close[-1] / close[-1 - sessions] - 1.0)


def _daily(close: FloatArray) -> FloatArray:
    return np.asarray(close[1:] / close[:-1] - 1.0)


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _volatility(daily: FloatArray) -> float:
    """Return the annualised volatility of an equal-weighted sector; NaN with fewer sessions than it is defined over."""
    means = np.array([_mean(row) for row in daily])
    known = means[np.isfinite(means)]
    return float(known.std(ddof=1) * np.sqrt(YEAR)) if known.size >= VOLATILITY_SESSIONS else float("nan")


def _row(sector: _Sector, rank: int, symbols: tuple[str, ...], composite: FloatArray) -> dict[str, Any]:
    scored = np.flatnonzero(sector.members & np.isfinite(composite))
    best = sorted(scored.tolist(), key=lambda column: (-composite[column], symbols[column]))[:TOP]
    return {
        "sector": sector.name,
        "rank": rank,
        "returns": {span: _known(value) for span, value in sector.returns.items()},
        "relativeStrength": _known(sector.strength),
        "volatility": _known(sector.volatility),
        "members": int(sector.members.sum()),
        "topSymbols": [symbols[column] for column in best],
    }


def _known(value: float) -> float | None:
    return round(value, DIGITS) if np.isfinite(value) else None
