"""The tables of facts, as they were known at a moment, to a snapshot. The only way from the archive to an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from vfr.data.bitemporal.adjust import Dividends, adjusted
from vfr.data.bitemporal.arrays import columns_of, days_of, figures_of
from vfr.data.bitemporal.evenings import known_days
from vfr.data.bitemporal.facts import macro, securities, texts
from vfr.data.bitemporal.members import members
from vfr.data.bitemporal.people import insiders, ratings
from vfr.data.bitemporal.sources import of_bars, preferred
from vfr.data.bitemporal.statements import statements
from vfr.data.bitemporal.tables import Kind
from vfr.data.bitemporal.versions import as_of, known_by
from vfr.data.fingerprint import fingerprint
from vfr.data.panel import Panel
from vfr.data.records import Actions, Benchmark
from vfr.data.sessions import closes_utc, sessions_between
from vfr.data.snapshot import Snapshot
from vfr.data.universe import Listings
from vfr.errors import NoData
from vfr.typing import DateArray

__all__ = ["BENCHMARK", "Tables", "view"]

Tables = Mapping[Kind, pl.DataFrame]
"""Every table by kind, rows in stored order."""

BENCHMARK: Final = "SPY"
"""The fund that stands for the market; it has bars like a share, and is no column of the panel."""

_FIELDS: Final = ("open", "high", "low", "close", "volume")


def view(tables: Tables, moment: datetime, *, name: str, sources: Sequence[str]) -> Snapshot:
    """Return everything that was public at a moment.

    Parameters
    ----------
    tables : mapping of Kind to polars.DataFrame
        Rows known later take no part, whatever they are: deleting them changes nothing.
    moment : datetime
        Aware, UTC.
    name : str
        Of the data set.
    sources : sequence of str
        Providers in order of trust: where several know a fact, the first one counts; others fill what it lacks.

    Returns
    -------
    Snapshot
        Prices are split-adjusted to its last session (an as-traded close of 1 000 that split 10:1 the day after is
        1 000 on the day, and 100 in the view of the day after). Statements and macro figures keep every version known,
        so that the snapshot can be cut back further. Its `version` is the content hash.

    Raises
    ------
    NoData
        If no bar was public by then.
    """
    held = as_of("bars", tables["bars"], moment).filter(pl.col("close").is_not_null())
    bars = preferred("bars", held, sources)
    shares = bars.filter(pl.col("symbol") != BENCHMARK)
    if shares.is_empty():
        raise NoData(f"no price of {name} was known by {moment:%Y-%m-%d %H:%M} UTC")
    sessions = sessions_between(_day(shares["date"].min()), _day(shares["date"].max()))
    symbols = tuple(sorted(shares["symbol"].unique().to_list()))
    actions = of_bars(as_of("actions", tables["actions"], moment), held, sources)
    panel, splits = _panel(sessions, symbols, shares, actions)
    closes_at = closes_utc(sessions)
    listings = Listings.of(panel)
    days = known_days(sessions, closes_at)
    made = Snapshot(
        name=name,
        version="",
        panel=panel,
        closes_at=closes_at,
        securities=securities(preferred("profile", as_of("profile", tables["profile"], moment), sources), symbols),
        actions=splits if splits.column.size else None,
        fundamentals=statements(known_by(tables["fundamentals"], moment), listings.columns, days, splits, sources),
        macro=macro(known_by(tables["macro"], moment), days, sources),
        texts=texts(known_by(tables["texts"], moment), listings.columns),
        membership=members(as_of("membership", tables["membership"], moment), listings, sources),
        benchmark=_benchmark(bars, actions, sessions),
        insiders=insiders(as_of("insiders", tables["insiders"], moment), listings.columns, days, sources),
        ratings=ratings(known_by(tables["ratings"], moment), listings.columns, days, sources),
    )
    return replace(made, version=fingerprint(made))


def _day(value: object) -> np.datetime64:
    return np.datetime64(str(value), "D")


def _panel(
    sessions: DateArray, symbols: tuple[str, ...], bars: pl.DataFrame, actions: pl.DataFrame
) -> tuple[Panel, Actions]:
    columns = {symbol: place for place, symbol in enumerate(symbols)}
    row, column = np.searchsorted(sessions, days_of(bars, "date")), columns_of(bars, columns)
    on = sessions[np.minimum(row, sessions.size - 1)] == days_of(bars, "date")
    traded = {}
    for field in _FIELDS:
        traded[field] = np.full((sessions.size, len(symbols)), np.nan)
        traded[field][row[on], column[on]] = figures_of(bars, field)[on]
    splits, dividends = _actions(actions, columns, sessions)
    return adjusted(sessions, symbols, traded, splits, dividends), splits


def _actions(actions: pl.DataFrame, columns: Mapping[str, int], sessions: DateArray) -> tuple[Actions, Dividends]:
    """Return the splits and dividends of known symbols with an ex-date inside the sessions."""
    span = pl.col("date").is_between(sessions[0].item(), sessions[-1].item())
    held = actions.filter(pl.col("symbol").is_in(list(columns)) & span).sort("date", "symbol")
    splits, paid = (held.filter(pl.col("action") == kind) for kind in ("split", "dividend"))
    return (
        Actions(columns_of(splits, columns), days_of(splits, "date"), figures_of(splits, "value")),
        Dividends(columns_of(paid, columns), days_of(paid, "date"), figures_of(paid, "value")),
    )


def _benchmark(bars: pl.DataFrame, actions: pl.DataFrame, sessions: DateArray) -> Benchmark | None:
    own = bars.filter(pl.col("symbol") == BENCHMARK)
    if own.is_empty():
        return None
    inside = own.filter(pl.col("date").is_in(sessions.tolist()))
    panel, _ = _panel(sessions, (BENCHMARK,), inside, actions)
    return Benchmark(BENCHMARK, panel.close[:, 0], panel.adj_close[:, 0], price_only=False)
