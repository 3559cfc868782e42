"""Portfolios: target weights into fills, and fills into returns and turnover, for every phase of rebalancing.

Arrays [R x N] of sessions and names, oldest first, NaN for unknown. Prices are adjusted for splits and dividends
throughout, so a dividend is in the price ratio and credited nowhere else. Importing this module loads numba; import it
inside the function that computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.kernels import kernel
from vfr.typing import BoolArray, FloatArray, IntArray

__all__ = ["PATIENCE", "Backtest", "break_even_cost", "equal_weights", "quantile_weights", "simulate"]

PATIENCE: Final = 5
"""Sessions an order waits for a price, and after which a name without one is taken to have left the market."""

_BPS: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """What one rule of weights earned before costs, one row for each phase of rebalancing.

    Parameters
    ----------
    gross : float64 array, shape (P, R)
        Return of each session, close to close, before costs; 0 in cash.
    traded : float64 array, shape (P, R)
        Value bought plus value sold in each session, over the value of the portfolio at that moment.
    """

    gross: FloatArray
    traded: FloatArray

    def phases(self, cost: float) -> FloatArray:
        """Return [P x R]: returns after costs, in basis points of the value traded, paid out of every holding alike."""
        return np.asarray((1.0 + self.gross) * (1.0 - cost * _BPS * self.traded) - 1.0)

    def net(self, cost: float) -> FloatArray:
        """Return [R]: returns after costs of equal capital in every phase."""
        return np.asarray(self.phases(cost).mean(axis=0))

    @property
    def turnover(self) -> FloatArray:
        """Value bought plus value sold in each session over portfolio value, the mean of the phases, shape (R,)."""
        return np.asarray(self.traded.mean(axis=0))

    def window(self, start: int, stop: int) -> Backtest:
        """Return the sessions [start, stop)."""
        return Backtest(self.gross[:, start:stop], self.traded[:, start:stop])


def equal_weights(eligible: BoolArray, *, least: int = 1) -> FloatArray:
    """Return the same weight for every eligible name of a session, summing to 1.

    Parameters
    ----------
    eligible : bool array, shape (R, N)
    least : int
        Eligible names below which a session makes no decision: its row is NaN.

    Examples
    --------
    >>> equal_weights(np.array([[True, False, True], [False, True, False]]), least=2).tolist()
    [[0.5, 0.0, 0.5], [nan, nan, nan]]
    """
    count = eligible.sum(axis=1, keepdims=True)
    return np.where(count >= least, eligible / np.maximum(count, 1), np.nan)


def quantile_weights(score: FloatArray, eligible: BoolArray, *, groups: int, long_short: bool = False) -> FloatArray:
    """Return equal weights in the group of highest scores, and minus as much in the lowest for a long-short portfolio.

    Parameters
    ----------
    score : float64 array, shape (R, N)
        Equal scores are told apart by column.
    eligible : bool array, shape (R, N)
        A name without a score is not eligible whatever this says.
    groups : int
        Groups of a session's names as equal in size as can be, 5 for fifths.
    long_short : bool
        Long 1 and short 1 of the value of the portfolio, which itself stays in cash.

    Returns
    -------
    float64 array, shape (R, N)
        0 for names not held. A session with fewer than two names per group makes no decision: its row is NaN.

    Examples
    --------
    >>> score = np.array([[4.0, 1.0, 3.0, 2.0]])
    >>> quantile_weights(score, np.ones((1, 4), dtype=bool), groups=2, long_short=True).tolist()
    [[0.5, -0.5, 0.5, -0.5]]
    """
    usable = eligible & np.isfinite(score)
    count = usable.sum(axis=1, keepdims=True)
    order = np.argsort(np.where(usable, score, np.inf), axis=1, kind="stable")
    place = np.empty(score.shape, dtype=np.int64)
    np.put_along_axis(place, order, np.arange(score.shape[1])[None, :], axis=1)
    group = np.where(usable, place * groups // np.maximum(count, 1), -1)
    top = equal_weights(group == groups - 1)
    held = top - equal_weights(group == 0) if long_short else top
    return np.where(count >= 2 * groups, held, np.nan)


def simulate(
    weights: FloatArray, opens: FloatArray, closes: FloatArray, *, every: int, start: int = 0, delay: int = 1
) -> Backtest:
    """Hold target weights, rebalanced every few sessions, once from each of the possible starting sessions.

    Parameters
    ----------
    weights : float64 array, shape (R, N)
        Target weights decided after the close of a session, as shares of the value of the portfolio; what they do not
        sum to stays in cash, which earns nothing. A NaN row decides nothing: what is held stays.
    opens, closes : float64 arrays, shape (R, N)
        Prices adjusted for splits and dividends. Where there are no opens, fills are at closes.
    every : int
        Sessions between decisions: P = `every` phases, of which phase p decides at sessions start + p, + `every`, ...
    start : int
        First session that may decide.
    delay : int
        Sessions from a decision to its fills: 1 for the next open.

    Returns
    -------
    Backtest
        Each phase begins in cash.

    Raises
    ------
    ValueError
        If shapes differ, a row of weights is NaN in part, or a number of sessions makes no sense.

    Notes
    -----
    Shares held drift between decisions. Orders are sized at the opens of the session of their fills (at its closes
    where no name in question opens), so that holdings have the target weights then. An order of a name without that
    price is filled at its next one, open or close, a purchase for the same amount of money, a sale for the same
    number of shares; later decisions replace it. A name without any price for `PATIENCE` sessions has left the
    market: its orders lapse and what is held of it is closed at the last price, which counts as traded. That is an
    assumption: what a delisting paid is unknown. A portfolio that loses everything returns -1 and stays in cash.

    Shares may be fractional; money in transit between a sale that waits and a purchase that does not is lent freely.

    Examples
    --------
    Two names swap places every session at constant prices, so that 2 of every 1 USD is traded:

    >>> swap = np.tile(np.eye(2), (3, 1))
    >>> done = simulate(swap, np.ones((6, 2)), np.ones((6, 2)), every=1)
    >>> done.turnover.tolist()
    [0.0, 1.0, 2.0, 2.0, 2.0, 2.0]
    >>> (done.net(10.0) * 1e4).round(9).tolist()
    [0.0, -10.0, -20.0, -20.0, -20.0, -20.0]
    """
    if not weights.shape == opens.shape == closes.shape:
        raise ValueError(f"weights, opens and closes differ in shape: {weights.shape} {opens.shape} {closes.shape}")
    if every < 1 or delay < 1 or start < 0:
        raise ValueError(f"need every >= 1, delay >= 1 and start >= 0, got {every}, {delay}, {start}")
    unknown = np.isnan(weights)
    if (unknown.any(axis=1) != unknown.all(axis=1)).any():
        raise ValueError("weights: a row that is NaN in part decides about some names only")
    gross, traded = np.zeros((2, every, weights.shape[0]))
    wanted, at_open, at_close = (np.ascontiguousarray(a, dtype=np.float64) for a in (weights, opens, closes))
    for phase in range(every):
        _run(wanted, at_open, at_close, start + phase, every, delay, gross[phase], traded[phase])
    return Backtest(gross, traded)


def break_even_cost(model: Backtest, benchmark: Backtest) -> float:
    """Return the cost in basis points of the value traded at which both have the same mean return after costs.

    Returns
    -------
    float
        Negative when the model earns less before costs but trades more: no cost is low enough. NaN when it does not
        trade more than the benchmark: costs do not decide between them.

    Examples
    --------
    >>> model = Backtest(np.array([[0.002, 0.0]]), np.array([[0.0, 1.0]]))
    >>> round(break_even_cost(model, Backtest(np.zeros((1, 2)), np.zeros((1, 2)))), 9)
    20.0
    """
    drag = _drag(model) - _drag(benchmark)
    gain = float(model.gross.mean() - benchmark.gross.mean())
    return gain / drag / _BPS if drag > 0 else float("nan")


def _drag(held: Backtest) -> float:
    """Return the mean return lost per unit of cost; net returns are linear in it."""
    return float(((1.0 + held.gross) * held.traded).mean())


@kernel
def _run(
    weights: FloatArray,
    opens: FloatArray,
    closes: FloatArray,
    start: int,
    every: int,
    delay: int,
    gross: FloatArray,
    traded: FloatArray,
) -> None:
    """Run one phase. `cut` holds shares still to be given up, `money` the amounts still to be invested, per name."""
    n = closes.shape[1]
    units, cut, money, mark = np.zeros(n), np.zeros(n), np.zeros(n), np.full(n, np.nan)
    silent = np.zeros(n, dtype=np.int64)
    cash, before, waiting = 1.0, 1.0, False
    for d in range(closes.shape[0]):
        t = d - delay
        due = t >= start and (t - start) % every == 0 and not np.isnan(weights[t, 0])
        if due or waiting:
            _quote(opens[d], mark)
            if due and _opens(opens[d], weights[t], units):
                _order(weights[t], _value(cash, units, mark), units, mark, cut, money)
                due, waiting = False, True
            if waiting:
                cash, traded[d], waiting = _fill(opens[d], cash, units, mark, cut, money)
        _quote(opens[d], mark)
        _quote(closes[d], mark)
        if due:
            _order(weights[t], _value(cash, units, mark), units, mark, cut, money)
        if due or waiting:
            cash, share, waiting = _fill(closes[d], cash, units, mark, cut, money)
            traded[d] += share
        cash, share = _leave(opens[d], closes[d], silent, cash, units, mark, cut, money)
        traded[d] += share
        value = _value(cash, units, mark)
        if value <= 0.0:
            gross[d] = -1.0
            return
        gross[d] = value / before - 1.0
        before = value


@kernel
def _quote(prices: FloatArray, mark: FloatArray) -> None:
    """Mark every name to its last known price."""
    for i in range(mark.size):
        if not np.isnan(prices[i]):
            mark[i] = prices[i]


@kernel
def _opens(prices: FloatArray, weights: FloatArray, units: FloatArray) -> bool:
    """Tell whether any name that is held or wanted has an open."""
    asked = (units != 0.0) | (weights != 0.0)
    return bool(np.any(asked & ~np.isnan(prices)))


@kernel
def _value(cash: float, units: FloatArray, mark: FloatArray) -> float:
    for i in range(units.size):
        if units[i] != 0.0:
            cash += units[i] * mark[i]
    return cash


@kernel
def _order(
    weights: FloatArray, value: float, units: FloatArray, mark: FloatArray, cut: FloatArray, money: FloatArray
) -> None:
    """Replace all orders: what leads toward zero is counted in shares, what leads away from it in money."""
    for i in range(units.size):
        held = units[i] * mark[i] if units[i] != 0.0 else 0.0
        wanted = weights[i] * value
        if held * wanted <= 0.0:
            cut[i], money[i] = -units[i], wanted
        elif abs(wanted) < abs(held):
            cut[i], money[i] = units[i] * (wanted / held - 1.0), 0.0
        else:
            cut[i], money[i] = 0.0, wanted - held


@kernel
def _fill(
    prices: FloatArray, cash: float, units: FloatArray, mark: FloatArray, cut: FloatArray, money: FloatArray
) -> tuple[float, float, bool]:
    """Fill the orders that have a price; return cash, the share of value traded and whether any order waits."""
    value = _value(cash, units, mark)
    traded, waiting = 0.0, False
    for i in range(units.size):
        if cut[i] == 0.0 and money[i] == 0.0:
            continue
        if np.isnan(prices[i]):
            waiting = True
            continue
        cash -= cut[i] * prices[i] + money[i]
        traded += abs(cut[i]) * prices[i] + abs(money[i])
        units[i] += cut[i] + money[i] / prices[i]
        cut[i], money[i] = 0.0, 0.0
    return cash, (traded / value if value > 0.0 else 0.0), waiting


@kernel
def _leave(
    opens: FloatArray,
    closes: FloatArray,
    silent: IntArray,
    cash: float,
    units: FloatArray,
    mark: FloatArray,
    cut: FloatArray,
    money: FloatArray,
) -> tuple[float, float]:
    """Count sessions without a price; close at the last one what has left the market, and drop its orders."""
    gone = 0.0
    for i in range(units.size):
        if not (np.isnan(opens[i]) and np.isnan(closes[i])):
            silent[i] = 0
            continue
        silent[i] += 1
        if silent[i] < PATIENCE:
            continue
        cut[i], money[i] = 0.0, 0.0
        if units[i] != 0.0:
            gone += abs(units[i]) * mark[i]
            cash += units[i] * mark[i]
            units[i] = 0.0
    value = _value(cash, units, mark)
    return cash, (gone / value if value > 0.0 else 0.0)
