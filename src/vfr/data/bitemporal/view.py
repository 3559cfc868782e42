"""The tables of facts, as they were known at a moment, to a snapshot. The only way from the archive to an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from vfr.data.bitemporal.adjust import Dividends, adjusted
from vfr.data.bitemporal.facts import known_days, macro, securities, texts
from vfr.data.bitemporal.people import insiders, ratings
from vfr.data.bitemporal.statements import statements
from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.bitemporal.versions import as_of, known_by
from vfr.data.fingerprint import fingerprint
from vfr.data.panel import Panel
from vfr.data.records import Actions, Benchmark, Membership
from vfr.data.sessions import closes_utc, sessions_between
from vfr.data.snapshot import Snapshot
from vfr.data.universe import Listings, membership
from vfr.errors import NoData
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["BENCHMARK", "Tables", "preferred", "view"]

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
    bars = preferred("bars", tables["bars"], moment, sources).filter(pl.col("close").is_not_null())
    shares = bars.filter(pl.col("symbol") != BENCHMARK)
    if shares.is_empty():
        raise NoData(f"no price of {name} was known on {moment:%Y-%m-%d}")
    sessions = sessions_between(_day(shares["date"].min()), _day(shares["date"].max()))
    symbols = tuple(sorted(shares["symbol"].unique().to_list()))
    actions = preferred("actions", tables["actions"], moment, sources).filter(pl.col("value").is_not_null())
    panel, splits = _panel(sessions, symbols, shares, actions)
    closes_at = closes_utc(sessions)
    listings = Listings.of(panel)
    days = known_days(sessions, closes_at)
    made = Snapshot(
        name=name,
        version="",
        panel=panel,
        closes_at=closes_at,
        securities=securities(preferred("profile", tables["profile"], moment, sources), symbols),
        actions=splits if splits.column.size else None,
        fundamentals=statements(known_by(tables["fundamentals"], moment), listings.columns, days, splits, sources),
        macro=macro(known_by(tables["macro"], moment), days, sources),
        texts=texts(as_of("texts", tables["texts"], moment), listings.columns),
        membership=_membership(preferred("membership", tables["membership"], moment, sources), listings),
        benchmark=_benchmark(bars, actions, sessions),
        insiders=insiders(as_of("insiders", tables["insiders"], moment), listings.columns, days, sources),
        ratings=ratings(known_by(tables["ratings"], moment), listings.columns, days, sources),
    )
    return replace(made, version=fingerprint(made))


def preferred(kind: Kind, frame: pl.DataFrame, moment: datetime, sources: Sequence[str]) -> pl.DataFrame:
    """Return one row per fact: the version in force at a moment from the most trusted source that has one.

    A source that is not listed comes after those that are.
    """
    rank = {name: place for place, name in enumerate(sources)}
    key = [name for name in TABLES[kind].key if name != "source"]
    found = as_of(kind, frame, moment)
    if found["source"].n_unique() < 2:
        return found
    ranked = found.with_columns(_rank=pl.col("source").replace_strict(rank, default=len(rank), return_dtype=pl.Int32))
    return ranked.sort(*key, "_rank", "source").unique(key, keep="first", maintain_order=True).drop("_rank")


def _day(value: object) -> np.datetime64:
    return np.datetime64(str(value), "D")


def _panel(
    sessions: DateArray, symbols: tuple[str, ...], bars: pl.DataFrame, actions: pl.DataFrame
) -> tuple[Panel, Actions]:
    columns = {symbol: place for place, symbol in enumerate(symbols)}
    row, column = np.searchsorted(sessions, _days(bars, "date")), _columns(bars, columns)
    on = sessions[np.minimum(row, sessions.size - 1)] == _days(bars, "date")
    traded = {}
    for field in _FIELDS:
        traded[field] = np.full((sessions.size, len(symbols)), np.nan)
        traded[field][row[on], column[on]] = _figures(bars, field)[on]
    splits, dividends = _actions(actions, columns, sessions)
    return adjusted(sessions, symbols, traded, splits, dividends), splits


def _actions(actions: pl.DataFrame, columns: Mapping[str, int], sessions: DateArray) -> tuple[Actions, Dividends]:
    """Return the splits and dividends of known symbols with an ex-date inside the sessions."""
    span = pl.col("date").is_between(sessions[0].item(), sessions[-1].item())
    held = actions.filter(pl.col("symbol").is_in(list(columns)) & span).sort("date", "symbol")
    splits, paid = (held.filter(pl.col("action") == kind) for kind in ("split", "dividend"))
    return (
        Actions(_columns(splits, columns), _days(splits, "date"), _figures(splits, "value")),
        Dividends(_columns(paid, columns), _days(paid, "date"), _figures(paid, "value")),
    )


def _membership(frame: pl.DataFrame, listings: Listings) -> Membership | None:
    if frame.is_empty():
        return None
    index = str(frame["index"][0])
    of_index = frame.filter(pl.col("index") == index)
    made = membership(
        index, of_index["symbol"].to_list(), _days(of_index, "start_date"), _days(of_index, "end_date"), listings
    )
    return made if made.member.any() else None


def _benchmark(bars: pl.DataFrame, actions: pl.DataFrame, sessions: DateArray) -> Benchmark | None:
    own = bars.filter(pl.col("symbol") == BENCHMARK)
    if own.is_empty():
        return None
    inside = own.filter(pl.col("date").is_in(sessions.tolist()))
    panel, _ = _panel(sessions, (BENCHMARK,), inside, actions)
    return Benchmark(BENCHMARK, panel.close[:, 0], panel.adj_close[:, 0], price_only=False)


def _columns(frame: pl.DataFrame, columns: Mapping[str, int]) -> IntArray:
    place = frame["symbol"].replace_strict(columns, default=-1, return_dtype=pl.Int64)
    return np.asarray(place.to_numpy(), dtype=np.int64)


def _days(frame: pl.DataFrame, name: str) -> DateArray:
    return frame[name].to_numpy().astype("datetime64[D]")


def _figures(frame: pl.DataFrame, name: str) -> FloatArray:
    return np.array(frame[name].fill_null(np.nan).to_numpy(), dtype=np.float64)
