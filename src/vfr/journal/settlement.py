"""What came of a session's forecasts, by the label's own rule; no price after the label's end is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from vfr.data.panel import Panel
from vfr.features.labels import make
from vfr.features.matrix import Labels
from vfr.journal.records import LastReturns, Outcomes, Restatement
from vfr.typing import HORIZONS, BoolArray, FloatArray, Horizon

__all__ = ["ENOUGH", "GRACE", "restatements", "settle_session"]

GRACE: Final = 5
"""Sessions after a label's end in which a price that is missing may still come in."""

ENOUGH: Final = 0.95
"""Share of the names that must have an outcome before a session is settled earlier than that: the excess return is
taken over their median."""

SAME: Final = 1e-6
"""Returns closer than this are the same: adjusted prices are rounded, and rounded anew after each dividend."""


def settle_session(
    panel: Panel, counts: BoolArray, horizon: Horizon, as_of: np.datetime64, symbols: Sequence[str]
) -> Outcomes | None:
    """Return the outcomes that are known for good, None while there are none.

    Parameters
    ----------
    panel : Panel
        The data set as it is now; prices on one basis at both ends, whatever was split or paid between.
    counts : bool array, shape (T, N)
        Cells that count: index members at the time.
    horizon : Horizon
        The label of session t ends at session t + 1 + h.
    as_of : numpy.datetime64
        Session t.
    symbols : sequence of str
        Names forecast; any order.

    Returns
    -------
    Outcomes or None
        None until the label's end is in the panel. A name without a price at either end waits `GRACE` sessions more and
        is then unknown, with its reason; while fewer than `ENOUGH` of the names have an outcome, all wait as long.
    """
    span = HORIZONS[horizon] + 1
    row = int(np.searchsorted(panel.sessions, as_of))
    late = panel.sessions.size - 1 - (row + span)
    if late < 0:
        return None
    if panel.sessions[row] != as_of:
        return _never(horizon, as_of, symbols) if late >= GRACE else None
    window = panel.rows(row, row + span + 1)
    labels = make(window, horizon, universe=counts[row : row + span + 1])
    place = {symbol: n for n, symbol in enumerate(panel.symbols)}
    columns = np.array([place.get(symbol, -1) for symbol in symbols], dtype=np.int64)
    held = columns >= 0

    def of(values: FloatArray) -> FloatArray:
        return np.where(held, values[0, columns], np.nan)

    returns = of(labels.returns)
    known = np.isfinite(returns)
    if late < GRACE and known.mean() < ENOUGH:
        return None
    reason = tuple(None if known[k] else _reason(window, labels, int(columns[k])) for k in range(len(symbols)))
    chosen = np.flatnonzero(known | (late >= GRACE))
    found = Outcomes(
        horizon,
        as_of,
        labels.basis,
        tuple(symbols[k] for k in chosen.tolist()),
        returns[chosen],
        of(labels.direction)[chosen],
        of(labels.excess)[chosen],
        (held & counts[row, columns])[chosen],
        tuple(reason[k] for k in chosen.tolist()),
    )
    return found if chosen.size else None


def restatements(last: LastReturns, now: Outcomes) -> list[Restatement]:
    """Return the outcomes that newer data put differently from when they were last looked at.

    Parameters
    ----------
    last : LastReturns
    now : Outcomes
        Of the same session, any symbols. A name that it does not know restates nothing.
    """
    fresh = now.returns
    if now.symbols != last.symbols:
        place = {symbol: n for n, symbol in enumerate(now.symbols)}
        fresh = np.append(now.returns, np.nan)[[place.get(symbol, -1) for symbol in last.symbols]]
    moved = np.flatnonzero(np.isfinite(fresh) & ~(np.abs(fresh - last.returns) <= SAME))
    return [
        Restatement(now.horizon, now.as_of, last.symbols[k], float(fresh[k]), int(last.times[k]))
        for k in moved.tolist()
    ]


def _never(horizon: Horizon, as_of: np.datetime64, symbols: Sequence[str]) -> Outcomes:
    """Return unknown outcomes of a session that the data do not hold any more."""
    nothing = np.full(len(symbols), np.nan)
    why = "the data hold no such session any more"
    nobody = np.zeros(len(symbols), dtype=bool)
    return Outcomes(horizon, as_of, "", tuple(symbols), nothing, nothing, nothing, nobody, (why,) * len(symbols))


def _reason(window: Panel, labels: Labels, column: int) -> str:
    if column < 0:
        return "not in the data any more"
    price = window.open if labels.basis == "open" else window.adj_close
    closed = np.flatnonzero(np.isfinite(window.adj_close[:, column]))
    if not np.isfinite(price[1, column]):
        return f"no price on {window.sessions[1]}, where the return begins"
    last = f"; last close on {window.sessions[closed[-1]]}" if closed.size else ""
    return f"no price on {window.sessions[labels.span]}, where the return ends{last}"
