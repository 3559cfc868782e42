"""Invented inputs beside prices for `vfr.data.synthetic`: statements, macro series, texts, membership."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.items import ITEMS
from vfr.data.panel import Panel
from vfr.data.records import Actions, Benchmark, Fundamentals, Macro, MacroSeries, Membership, Texts
from vfr.data.restate import restate
from vfr.typing import DateArray, FloatArray, TimeArray

__all__ = ["benchmark", "fundamentals", "macro", "membership", "texts"]

_WORDS: Final = (
    ("strong growth beats estimates", "record profit upgrade", "gain on excellent outlook", "bullish breakout rally"),
    ("weak sales miss estimates", "loss widens downgrade", "decline on poor outlook", "bearish selloff lawsuit"),
    ("annual meeting on monday", "conference call at noon", "files routine statement", "opens office in ohio"),
)

_DAILY: Final = {
    "VIXCLS": (17.0, 1.1),
    "DGS10": (2.5, 0.04),
    "DGS2": (1.5, 0.03),
    "DGS3MO": (1.0, 0.02),
    "DFF": (0.9, 0.01),
}
_MONTHLY: Final = {
    "CPIAUCSL": (235.0, 0.3),
    "UNRATE": (4.8, 0.08),
    "FEDFUNDS": (0.9, 0.03),
    "AAA": (3.8, 0.06),
    "BAA": (4.8, 0.08),
}

_RESTATED: Final = {"revenue": 0.94, "net_income": 0.85, "total_assets": 0.97, "shares": 1.02}
"""Items that a restatement changes, and by what factor."""


def fundamentals(rng: np.random.Generator, panel: Panel, actions: Actions) -> Fundamentals:
    """Return annual statements of all but the last symbol; some lose money, one hides its share count.

    Share counts and `eps` are as reported, on the split basis of the period's end; the last symbol has none at all.
    Every fourth symbol restates some items of each statement a hundred days later, and another fourth when the next
    statement is out already.
    """
    n = len(panel.symbols) - 1
    first = panel.sessions[0].astype("datetime64[Y]") - 2
    years = np.arange(first, panel.sessions[-1].astype("datetime64[Y]"))
    period_end = np.repeat((years + 1).astype("datetime64[D]") - 1, n)
    column = np.tile(np.arange(n), years.size)
    known_at = period_end + np.tile(rng.integers(60, 95, n), years.size)
    growth = np.exp(np.cumsum(rng.normal(0.05, 0.1, (years.size, n)), axis=0)).ravel()
    values = _statement(rng, np.tile(rng.lognormal(22.5, 1.0, n), years.size) * growth, column)
    shares = np.tile(rng.lognormal(19.5, 0.8, n), years.size) / actions.factor_after(column, period_end)
    values["eps"] = values["net_income"] / shares
    values["shares"] = np.where(column == 1, np.nan, shares)
    late = np.array([0, 0, 100, 375])[column % 4]
    again = np.flatnonzero(late)
    nothing = np.full(again.size, np.nan)
    restated = {k: values[k][again] * _RESTATED[k] if k in _RESTATED else nothing for k in ITEMS}
    return restate(
        np.concatenate([column, column[again]]),
        np.concatenate([period_end, period_end[again]]),
        np.concatenate([known_at, (known_at + late)[again]]),
        {k: np.concatenate([values[k], restated[k]]) for k in ITEMS},
    )


def _statement(rng: np.random.Generator, revenue: FloatArray, column: np.ndarray) -> dict[str, FloatArray]:
    def share(low: float, high: float) -> FloatArray:
        """Draw a figure per statement as a share of revenue."""
        return np.asarray(rng.uniform(low, high, revenue.size) * revenue)

    gross, expenses, depreciation, interest = share(0.3, 0.6), share(0.1, 0.25), share(0.02, 0.08), share(0.0, 0.04)
    operating = gross - expenses - np.where(column % 11 == 5, 0.5 * revenue, 0.0)
    net = 0.75 * (operating - interest)
    assets = share(0.8, 2.5)
    liabilities = assets * rng.uniform(0.3, 0.8, revenue.size)
    return {
        "revenue": revenue,
        "gross_profit": gross,
        "operating_income": operating,
        "ebit": operating + share(-0.01, 0.01),
        "net_income": net,
        "depreciation": depreciation,
        "total_assets": assets,
        "total_liabilities": liabilities,
        "total_equity": assets - liabilities,
        "current_assets": assets * 0.4,
        "current_liabilities": liabilities * rng.uniform(0.2, 0.6, revenue.size),
        "cash": assets * rng.uniform(0.02, 0.2, revenue.size),
        "long_term_debt": liabilities * 0.4,
        "short_term_debt": liabilities * 0.05,
        "cfo": net + depreciation + share(-0.03, 0.03),
        "capex": -share(0.02, 0.1),
        "interest_expense": interest,
        "inventory": np.where(column % 7 == 3, np.nan, assets * 0.1),
        "receivables": assets * 0.12,
        "goodwill": assets * 0.1,
        "intangibles": assets * 0.05,
    }


def macro(rng: np.random.Generator, sessions: DateArray) -> Macro:
    """Return daily and monthly random walks from three years before the first session; released with a delay.

    Unemployment is revised a month after each release, so that it holds two vintages of every observation.
    """
    begin = sessions[0].astype("datetime64[M]") - 36
    days = np.arange(begin.astype("datetime64[D]"), sessions[-1] + 1)
    days = days[np.is_busday(days)]
    months = np.arange(begin, sessions[-1].astype("datetime64[M]")).astype("datetime64[D]")
    series = {name: _walk(rng, days, *level, delay=1) for name, level in _DAILY.items()}
    series |= {name: _walk(rng, months, *level, delay=45) for name, level in _MONTHLY.items()}
    cpi = series["CPIAUCSL"]
    trend = cpi.value * np.exp(0.0017 * np.arange(cpi.value.size))
    series["CPIAUCSL"] = MacroSeries(cpi.date, cpi.known_at, trend, revised=True)
    series["UNRATE"] = _revised_later(series["UNRATE"])
    return Macro(series)


def _revised_later(first: MacroSeries) -> MacroSeries:
    """Add a second vintage of each observation, a little higher in even months and lower in odd ones."""
    factor = np.where(np.arange(first.value.size) % 2 == 0, 1.02, 0.99)
    known_at = np.concatenate([first.known_at, first.known_at + 30])
    order = np.argsort(known_at, kind="stable")
    date, value = np.tile(first.date, 2), np.concatenate([first.value, first.value * factor])
    return MacroSeries(date[order], known_at[order], value[order], revised=False)


def _walk(rng: np.random.Generator, dates: DateArray, level: float, step: float, *, delay: int) -> MacroSeries:
    value = np.empty(dates.size)
    current = level
    for i, shock in enumerate(rng.normal(0.0, step, dates.size)):
        current = max(current + shock + 0.02 * (level - current), 0.1 * level)
        value[i] = current
    return MacroSeries(dates, dates + delay, value, revised=False)


def texts(rng: np.random.Generator, panel: Panel, closes_at: TimeArray) -> Texts:
    """Return about 24 texts a session about three quarters of the symbols, before and after the close."""
    count = 24 * panel.sessions.size
    row = rng.integers(0, panel.sessions.size, count)
    created = closes_at[row] + rng.integers(-8 * 3600, 8 * 3600, count).astype("timedelta64[s]")
    order = np.argsort(created, kind="stable")
    column = rng.integers(0, max(1, 3 * len(panel.symbols) // 4), count)
    kind, pick = rng.integers(0, len(_WORDS), count), rng.integers(0, 4, count)
    lines = tuple(f"{panel.symbols[column[i]].lower()} {_WORDS[kind[i]][pick[i]]}" for i in order)
    return Texts(column[order], created[order].astype("datetime64[s]"), lines)


def membership(panel: Panel) -> Membership:
    """Return an index that every fifth symbol joins halfway and every ninth leaves at three quarters."""
    t, n = panel.shape
    member = np.ones((t, n), dtype=np.bool_)
    member[: t // 2, ::5] = False
    member[3 * t // 4 :, 4::9] = False
    return Membership("SYNTHETIC", member, member.sum(axis=1) + 2, renamed=1, unreconciled=("GONE1", "GONE2"))


def benchmark(panel: Panel, market: FloatArray) -> Benchmark:
    """Return a fund that earns the market's log returns, shape (T,), of which 2 % a year as dividends."""
    total = 200.0 * np.exp(np.cumsum(market))
    held_back = np.exp(-0.02 / 252 * np.arange(panel.sessions.size))
    return Benchmark("MKT", total * held_back, total * held_back[-1], price_only=False)
