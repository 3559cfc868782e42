"""A seeded, invented market with every kind of input: for tests, look-ahead checks and benchmarks. Never for advice."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data import synthetic_inputs, synthetic_people
from vfr.data.panel import Panel
from vfr.data.records import Actions, Securities
from vfr.data.snapshot import Snapshot
from vfr.typing import DateArray, FloatArray, TimeArray

__all__ = ["SECTORS", "snapshot"]

SECTORS: Final = (
    "Information Technology",
    "Financials",
    "Health Care",
    "Energy",
    "Industrials",
    "Consumer Staples",
)

_START: Final = np.datetime64("2016-01-04", "D")


def snapshot(rng: np.random.Generator, *, n_sessions: int = 700, n_symbols: int = 60) -> Snapshot:
    """Return a snapshot in which no input is missing, yet every input has holes.

    Sessions are plain weekdays from 2016-01-04, each closing at 21:00 UTC. Symbol 0 splits 2:1 and symbol 2 splits
    7:1; symbol 3 lists late, symbol 4 delists early, symbol 6 misses a few bars and the last symbol has no statements,
    no insiders and no analysts.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of randomness: one newly seeded in the same way gives the same snapshot, bit for bit.
    n_sessions : int
        Sessions T, at least 40.
    n_symbols : int
        Symbols N, at least 8.

    Returns
    -------
    Snapshot
        Named ``synthetic``, version ``synthetic``.

    Raises
    ------
    ValueError
        If the sizes are too small for the holes described.

    Examples
    --------
    >>> snapshot(np.random.default_rng(1), n_sessions=50, n_symbols=8).panel.shape
    (50, 8)
    """
    if n_sessions < 40 or n_symbols < 8:
        raise ValueError("a synthetic snapshot needs at least 40 sessions and 8 symbols")
    sessions = np.busday_offset(_START, np.arange(n_sessions))
    symbols = tuple(f"SYN{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(n_symbols))
    market = rng.normal(4e-4, 0.009, n_sessions)
    panel = _panel(rng, sessions, symbols, market)
    closes_at: TimeArray = (sessions.astype("datetime64[h]") + 21).astype("datetime64[s]")
    actions = Actions(np.array([0, 2]), sessions[[n_sessions // 3, n_sessions // 2]], np.array([2.0, 7.0]))
    sector = tuple(SECTORS[i % len(SECTORS)] for i in range(n_symbols))
    names = tuple(f"Synthetic {s} Inc." for s in symbols)
    # A generator of their own: what was drawn for the others before these came stays as it was.
    [own] = rng.spawn(1)
    return Snapshot(
        name="synthetic",
        version="synthetic",
        panel=panel,
        closes_at=closes_at,
        securities=Securities(names, sector, tuple(f"{s} Services" for s in sector)),
        actions=actions,
        fundamentals=synthetic_inputs.fundamentals(rng, panel, actions),
        macro=synthetic_inputs.macro(rng, sessions),
        texts=synthetic_inputs.texts(rng, panel, closes_at),
        membership=synthetic_inputs.membership(panel),
        benchmark=synthetic_inputs.benchmark(panel, market),
        insiders=synthetic_people.insiders(own, panel),
        ratings=synthetic_people.ratings(own, panel),
    )


def _panel(rng: np.random.Generator, sessions: DateArray, symbols: tuple[str, ...], market: FloatArray) -> Panel:
    shape = t, n = sessions.size, len(symbols)
    beta, risk = rng.uniform(0.6, 1.5, n), rng.uniform(0.008, 0.02, n)
    by_sector = rng.normal(0.0, 0.005, (t, len(SECTORS)))[:, np.arange(n) % len(SECTORS)]
    returns = market[:, None] * beta + by_sector + rng.normal(0.0, risk, shape)
    adj_close = rng.uniform(15.0, 200.0, n) * np.exp(np.cumsum(returns, axis=0))
    close = np.round(adj_close * _dividends(sessions, n), 4)
    opened = np.round(close * np.exp(-returns * rng.uniform(0.2, 0.9, shape)), 4)
    high = np.round(np.maximum(opened, close) * (1 + rng.exponential(0.004, shape)), 4)
    low = np.round(np.minimum(opened, close) * (1 - np.minimum(rng.exponential(0.004, shape), 0.2)), 4)
    volume = np.round(rng.lognormal(13.5, 0.8, n) * rng.lognormal(0.0, 0.3, shape))
    fields = {"open": opened, "high": high, "low": low, "close": close, "adj_close": adj_close, "volume": volume}
    for array in fields.values():
        array[: t // 4, 3] = np.nan
        array[4 * t // 5 :, 4] = np.nan
        array[[t // 2, t // 2 + 1, t // 2 + 6], 6] = np.nan
    volume[t // 3 : t // 3 + 3, 7] = np.nan
    return Panel(sessions=sessions, symbols=symbols, adjustment="split", **fields)


def _dividends(sessions: DateArray, n: int) -> FloatArray:
    """Return close / adj_close, [T x N]: even symbols pay 0.6 % on the first session of each quarter."""
    quarter = sessions.astype("datetime64[M]").astype(np.int64) // 3
    paid = np.diff(quarter, prepend=quarter[0]) > 0
    later = paid[::-1].cumsum()[::-1] - paid
    factor = (1 - 0.006) ** -later.astype(np.float64)
    return np.where(np.arange(n) % 2 == 0, factor[:, None], 1.0)
