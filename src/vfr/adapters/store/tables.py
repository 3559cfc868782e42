"""A snapshot as parquet tables: the durable form, readable by any tool."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vfr.data.panel import PRICE_FIELDS, Panel
from vfr.data.people import GRADES, Insiders, Ratings
from vfr.data.snapshot import Snapshot
from vfr.typing import BoolArray

__all__ = ["write_tables"]

_LEVEL: Final = 3


def write_tables(folder: Path, snapshot: Snapshot) -> None:
    """Write ``prices, securities`` and whatever else the snapshot holds as zstd parquet, laid out like an import."""
    frames = {"prices": _prices(snapshot.panel), "securities": _securities(snapshot)}
    symbols = np.array(snapshot.symbols)
    if (a := snapshot.actions) is not None:
        frames["corporate_actions"] = pl.DataFrame({"symbol": symbols[a.column], "date": a.date, "value": a.ratio})
    if (f := snapshot.fundamentals) is not None:
        key = {"symbol": symbols[f.column], "period_end": f.period_end, "known_at": f.known_at}
        frames["fundamentals"] = pl.DataFrame(key | dict(f.values))
    if (m := snapshot.macro) is not None and m.series:
        frames["macro"] = pl.concat(
            pl.DataFrame({"date": s.date, "value": s.value, "available_date": s.known_at}).with_columns(
                series=pl.lit(n)
            )
            for n, s in m.series.items()
        )
    if (t := snapshot.texts) is not None:
        frames["texts"] = pl.DataFrame(
            {"symbol": symbols[t.column], "created_at": t.created_at.astype("datetime64[ms]"), "text": list(t.text)}
        )
    if (b := snapshot.benchmark) is not None:
        frames["benchmark"] = pl.DataFrame({"date": snapshot.sessions, "close": b.close, "adj_close": b.adj_close})
    if snapshot.membership is not None:
        frames["membership"] = _intervals(snapshot.membership.member, snapshot)
    if snapshot.insiders is not None:
        frames["insiders"] = _insiders(snapshot.insiders, symbols)
    if snapshot.ratings is not None:
        frames["ratings"] = _ratings(snapshot.ratings, symbols)
    for name, frame in frames.items():
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=_LEVEL)


def _prices(panel: Panel) -> pl.DataFrame:
    known = np.isfinite(panel.close.T)
    column, row = np.nonzero(known)
    bars = {name: getattr(panel, name).T[known] for name in (*PRICE_FIELDS, "volume")}
    symbol = pl.Series(np.array(panel.symbols)).gather(column.astype(np.uint32))
    return pl.DataFrame({"symbol": symbol, "date": panel.sessions[row]} | bars).fill_nan(None)


def _securities(snapshot: Snapshot) -> pl.DataFrame:
    s = snapshot.securities
    columns = {"symbol": list(snapshot.symbols), "name": list(s.name), "sector": list(s.sector)}
    return pl.DataFrame(columns | {"sub_industry": list(s.sub_industry)})


def _insiders(i: Insiders, symbols: NDArray[np.str_]) -> pl.DataFrame:
    owner = np.array(i.owners, dtype=np.str_)[i.owner]
    who = {"symbol": symbols[i.column], "date": i.date, "known_at": i.known_at, "owner": owner, "manager": i.manager}
    return pl.DataFrame(who | {"code": i.code, "shares": i.shares, "price": i.price}).fill_nan(None)


def _ratings(r: Ratings, symbols: NDArray[np.str_]) -> pl.DataFrame:
    key = {"symbol": symbols[r.column], "date": r.date, "known_at": r.known_at}
    counts = {grade: r.counts[:, k] for k, grade in enumerate(GRADES)}
    return pl.DataFrame(key | counts | {"target_mean": r.target_mean}).fill_nan(None)


def _intervals(member: BoolArray, snapshot: Snapshot) -> pl.DataFrame:
    """Return the runs of membership: first session in, first session out (null while still in)."""
    edges = np.diff(member.astype(np.int8), axis=0, prepend=0, append=0).T
    column, begin = np.nonzero(edges == 1)
    _, stop = np.nonzero(edges == -1)
    end = np.append(snapshot.sessions, np.datetime64("NaT"))[stop]
    symbol = np.array(snapshot.symbols)[column]
    return pl.DataFrame({"symbol": symbol, "start_date": snapshot.sessions[begin], "end_date": end})
