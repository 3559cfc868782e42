"""A small folder of tables, laid out as people bring them, made from a seeded market on real exchange sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vfr.data import synthetic
from vfr.data.records import Securities
from vfr.data.sessions import sessions_between
from vfr.data.snapshot import Snapshot
from vfr.factors.board import Board, InputStatus
from vfr.factors.scores import FactorScores

SYMBOLS = ("AAPL", "BRK.B", "JPM", "KO", "MSFT", "PG", "WMT", "XOM")


@pytest.fixture(scope="session")
def market() -> Snapshot:
    """A market of 120 sessions and 8 symbols with known names."""
    made = synthetic.snapshot(np.random.default_rng(11), n_sessions=120, n_symbols=8)
    sessions = sessions_between(np.datetime64("2016-01-04"), np.datetime64("2017-12-29"))[:120]
    panel = replace(made.panel, symbols=SYMBOLS, sessions=sessions)
    return replace(made, panel=panel, securities=Securities(SYMBOLS, made.securities.sector, SYMBOLS))


@pytest.fixture(scope="session")
def price_frame(market: Snapshot) -> pl.DataFrame:
    """The market's bars as a long table, sorted by symbol and day."""
    panel = market.panel
    column, row = np.nonzero(np.isfinite(panel.close.T))
    fields = ("open", "high", "low", "close", "adj_close", "volume")
    figures = {name: getattr(panel, name)[row, column] for name in fields}
    return pl.DataFrame({"symbol": np.array(panel.symbols)[column], "date": panel.sessions[row]} | figures).fill_nan(
        None
    )


@pytest.fixture
def folder(tmp_path: Path, price_frame: pl.DataFrame) -> Path:
    """A folder with every table."""
    made = tmp_path / "My Data"
    made.mkdir()
    price_frame.write_parquet(made / "prices.parquet")
    days = price_frame["date"].unique().sort()
    pl.DataFrame({"date": days, "close": range(100, 100 + len(days))}).write_csv(made / "benchmark.csv")
    (made / "securities.csv").write_text("symbol,name,sector\nAAPL,Apple Inc.,Technology\nbrk-b,Berkshire,Financials\n")
    (made / "sp500_membership.csv").write_text(
        "symbol,start_date,end_date\nAAPL,2000-01-03,\nKO,2016-03-01,2016-05-02\n"
    )
    (made / "corporate_actions.csv").write_text(
        "symbol,date,action,value,applied\nAAPL,2016-03-01,split,7,True\nKO,2016-03-01,split,2,False\n"
        "JPM,2016-03-02,dividend,0.4,True\nWMT,2020-03-02,split,3,True\n"
    )
    (made / "fundamentals.csv").write_text(
        "symbol,period_end,filing_date,total_revenue,net_income,estimated_shares_outstanding\n"
        "AAPL,2015-12-31,2016-02-20,1000,100,50\nAAPL,2015-12-31,2016-03-20,1001,101,50\nKO,2015-12-31,2016-02-11,5,-1,0\n"
    )
    (made / "macro.csv").write_text(
        "series,date,value,available_date\nDGS10,2016-01-04,2.2,2016-01-05\nDGS10,2016-01-05,,\n".replace(
            ",,\n", ",,2016-01-06\n"
        )
    )
    (made / "texts.csv").write_text(
        "symbol,created_at,text\nAAPL,2016-02-01T20:59:59Z,great\nAAPL,2016-02-01T20:59:59Z,great\nZZZ,2016-02-01T10:00:00Z,?\n"
    )
    return made


def empty_board(snapshot: Snapshot) -> Board:
    """A board with one sub-factor that knows nothing."""
    n = len(snapshot.symbols)
    nothing = np.full((1, 1, n), np.nan)
    no_day = np.full((1, 1, n), np.datetime64("NaT"), dtype="datetime64[D]")
    names, reason = ("technical.trend.nothing",), np.ones((1, 1, n), dtype=np.int8)
    scores = FactorScores(names, snapshot.sessions[-1:], snapshot.symbols, nothing, nothing, reason, no_day, nothing[0])
    price = snapshot.panel.close[-1].copy()
    inputs = {"prices": InputStatus(True, "test", str(snapshot.as_of))}
    return Board(
        snapshot.name,
        snapshot.version,
        snapshot.as_of,
        snapshot.panel.adjustment,
        snapshot.securities,
        scores,
        price,
        price * 0,
        np.full(n, snapshot.as_of),
        inputs,
    )


@pytest.fixture
def board() -> Callable[[Snapshot], Board]:
    """What prepares a board, without computing any factor."""
    return empty_board
