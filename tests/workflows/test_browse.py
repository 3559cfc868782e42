"""Look-ups: what is found, in what order, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vfr.data.panel import Panel
from vfr.data.records import Securities
from vfr.errors import InvalidField, UnknownSector, UnknownSymbol
from vfr.workflows.browse import HistoryQuery, by_sector, history, search

SYMBOLS = ("AAPL", "APP", "BRK.B", "PAA", "XOM")
ABOUT = Securities(
    name=("Apple Inc.", "Applovin", "Berkshire Hathaway", "Plains All American", "Exxon Mobil"),
    sector=("Information Technology", "Information Technology", "Financials", "Energy", "Energy"),
    sub_industry=("",) * 5,
)


def found(text: str) -> list[str]:
    return [hit["symbol"] for hit in search(SYMBOLS, ABOUT, text)["results"]]


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("app", ["APP", "AAPL"]),
        ("AAPL", ["AAPL"]),
        ("brk-b", ["BRK.B"]),
        ("hathaway", ["BRK.B"]),
        ("all", ["PAA"]),
        ("mobil", ["XOM"]),
        ("zzz", []),
        ("%", []),
    ],
)
def test_the_best_match_is_first(text: str, symbols: list[str]) -> None:
    assert found(text) == symbols


def test_results_are_cut_but_all_are_counted() -> None:
    answer = search(SYMBOLS, ABOUT, "a", limit=2)
    assert (len(answer["results"]), answer["query"], answer["total"]) == (2, "a", 4)
    scores = [hit["matchScore"] for hit in search(SYMBOLS, ABOUT, "a")["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


@pytest.mark.parametrize("text", ["", "  ", "a\x00", "x" * 65, "\u202ea"])
def test_a_senseless_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match=r"^query: "):
        search(SYMBOLS, ABOUT, text)
    with pytest.raises(InvalidField, match=r"^sector: "):
        by_sector(SYMBOLS, ABOUT, text)


@pytest.mark.parametrize("text", ["energy", "ENERGY", "10"])
def test_sectors_by_any_spelling(text: str) -> None:
    answer = by_sector(SYMBOLS, ABOUT, text)
    assert answer["sector"] == "Energy"
    assert [s["symbol"] for s in answer["symbols"]] == ["PAA", "XOM"]


def test_an_unknown_sector() -> None:
    with pytest.raises(UnknownSector, match="Energy"):
        by_sector(SYMBOLS, ABOUT, "magic")


@pytest.fixture
def panel() -> Panel:
    close = np.array([[np.nan, 1.0], [10.0, 2.0], [np.nan, 3.0], [12.0, 4.0], [13.0, np.nan]])
    prices = {name: close.copy() for name in ("open", "high", "low", "close")}
    adjusted = close * np.array([[0.5], [0.5], [0.5], [1.0], [1.0]])
    sessions = np.array(["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08"], dtype="datetime64[D]")
    volume = np.full(close.shape, 100.0)
    return Panel(sessions, ("A", "B"), **prices, adj_close=adjusted, volume=volume, adjustment="split")


def bars(panel: Panel, symbol: str, **params: str) -> list[list[Any]]:
    answer = history(panel, HistoryQuery.parse(symbol, params))
    listed: list[list[Any]] = answer["bars"]
    return listed


def test_bars_begin_and_end_with_what_is_known(panel: Panel) -> None:
    listed = bars(panel, "a")
    assert [bar[0] for bar in listed] == ["2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08"]
    assert listed[1] == ["2020-01-06", None, None, None, None, 100.0]
    assert [bar[0] for bar in bars(panel, "B")][-1] == "2020-01-07"


def test_a_span_and_its_newest_bars(panel: Panel) -> None:
    params = {"from": "2020-01-04", "to": "2020-01-07"}
    assert [bar[0] for bar in bars(panel, "A", **params)] == ["2020-01-06", "2020-01-07"]
    assert [bar[0] for bar in bars(panel, "A", **params, limit="1")] == ["2020-01-07"]
    assert bars(panel, "A", to="2019-01-01") == []
    assert bars(panel, "A", **{"from": "2021-01-01"}) == []


def test_adjustment_for_dividends(panel: Panel) -> None:
    assert bars(panel, "A", adjustment="dividend-adjusted")[0][1:] == [5.0, 5.0, 5.0, 5.0, 100.0]
    assert bars(panel, "A", adjustment="raw")[0][4] == 10.0
    assert history(panel, HistoryQuery.parse("A", {}))["adjustment"] == "raw"


def test_an_adjustment_cannot_be_undone(panel: Panel) -> None:
    adjusted = replace(panel, adjustment="dividend")
    with pytest.raises(InvalidField, match="adjustment"):
        bars(adjusted, "A", adjustment="raw")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"adjustment": "split"}, "adjustment"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2020-02-30"}, "to"),
        ({"from": "2020-02-01", "to": "2020-01-01"}, "from"),
        ({"limit": "0"}, "limit"),
        ({"limit": "10001"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "\u0661"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
    ],
)
def test_a_wrong_parameter_is_named(params: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidField, match=f"^{field}: "):
        HistoryQuery.parse("AAPL", params)
    with pytest.raises(InvalidField, match=r"^symbol: "):
        HistoryQuery.parse("no ticker", {})


def test_an_unknown_symbol(panel: Panel) -> None:
    with pytest.raises(UnknownSymbol):
        bars(panel, "ZZZ")
