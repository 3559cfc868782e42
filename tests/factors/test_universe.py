"""The universe of a session and its sectors: members, symbols with a bar, and what every percentile takes from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.data.records import Membership
from vfr.factors import alternative, compute, fundamental
from vfr.factors.scores import Reason
from vfr.factors.universe import FEW_MEMBERS, sector_groups, universe

MARGIN, AMIHUD = "fundamental.quality.net_margin", "alternative.liquidity.amihud"


def members(snapshot, columns):
    member = np.zeros(snapshot.panel.shape, dtype=bool)
    member[:, columns] = True
    return replace(snapshot, membership=Membership("index", member, member.sum(axis=1), 0, ()))


def without_bars(snapshot, columns, since):
    fields = {}
    for name in ("open", "high", "low", "close", "adj_close", "volume"):
        fields[name] = getattr(snapshot.panel, name).copy()
        fields[name][since:, columns] = np.nan
    return replace(snapshot, panel=replace(snapshot.panel, **fields))


def margins(statements, n):
    """Statements with a net margin of column / 100."""
    return statements(*[(i, "2013-12-31", "2014-01-01", {"net_income": float(i), "revenue": 100.0}) for i in range(n)])


def spread(n):
    return 100.0 * (np.arange(n) + 0.5) / n


def test_the_universe_is_members_with_a_bar_or_else_every_symbol_with_one(market):
    snapshot = without_bars(market(n_symbols=30), [2], since=5)
    traded = np.isfinite(snapshot.panel.adj_close)
    rows = np.array([9, 3])
    np.testing.assert_array_equal(universe(snapshot, rows), traded[rows])
    known = universe(members(snapshot, slice(0, FEW_MEMBERS)), rows)
    assert known.sum(axis=1).tolist() == [30 - 1, FEW_MEMBERS], "nineteen members with a bar: the table is silent"
    np.testing.assert_array_equal(np.flatnonzero(known[1]), np.arange(FEW_MEMBERS))


def test_an_unknown_sector_is_no_group_among_known_ones():
    assert sector_groups(("B", "", "A", "B")).tolist() == [1, -1, 0, 1]
    assert sector_groups(("", "")).tolist() == [0, 0]
    assert sector_groups(()).size == 0


def test_symbols_without_a_sector_have_no_peers_where_others_have_one(market, statements):
    sector = ("",) * 6 + ("Energy",) * 5
    snapshot = market(n_symbols=11, sector=sector, fundamentals=margins(statements, 11))
    measured = fundamental.measure(snapshot, np.array([3]))[MARGIN]
    assert (measured.reason[0, :6] == Reason.SMALL_PEER_GROUP).all()
    np.testing.assert_allclose(measured.score[0, 6:], spread(5))


def test_a_dead_name_is_no_peer_of_fundamentals(market, statements):
    snapshot = without_bars(market(n_symbols=7, fundamentals=margins(statements, 7)), [0], since=5)
    measured = fundamental.measure(snapshot, np.array([4, 5]))[MARGIN]
    np.testing.assert_allclose(measured.score[0], spread(7))
    np.testing.assert_allclose(measured.score[1, 1:], spread(6))


def test_a_name_that_stopped_trading_is_no_peer_of_liquidity(market):
    snapshot = market(n_sessions=300, n_symbols=7)
    growth = np.where(np.arange(300) % 2 == 1, 1.1, 1.0)[:, None]
    volume = np.tile(1000.0 / np.arange(1, 8), (300, 1))
    panel = replace(snapshot.panel, adj_close=snapshot.panel.adj_close * growth, volume=volume)
    snapshot = without_bars(replace(snapshot, panel=panel), [0], since=299)
    measured = alternative.measure(snapshot, np.array([298, 299]))[AMIHUD]
    np.testing.assert_allclose(measured.score[0], spread(7))
    np.testing.assert_allclose(measured.score[1, 1:], spread(6))


def test_only_members_are_peers_and_others_are_placed_among_them(market, statements):
    snapshot = market(n_symbols=30, sector=("Energy",) * 30, fundamentals=margins(statements, 30))
    measured = fundamental.measure(members(snapshot, slice(5, 25)), np.array([3]))[MARGIN]
    np.testing.assert_allclose(measured.score[0, 5:25], spread(20))
    np.testing.assert_allclose(measured.score[0, 0], 100.0 * 0.5 / 21)
    silent = fundamental.measure(members(snapshot, slice(5, 24)), np.array([3]))[MARGIN]
    np.testing.assert_allclose(silent.score[0], spread(30))


@pytest.mark.parametrize("symbol", ["AAPL", "MSFT", "JPM"])
def test_real_large_caps_have_all_five_factors(real_snapshot, symbol):
    row = real_snapshot.panel.row(np.datetime64("2015-06-30"))
    scores = compute.score(real_snapshot, np.array([row]))
    known = np.isfinite(scores.score[:, 0, real_snapshot.panel.column(symbol)])
    factors = {name.split(".")[0] for name, present in zip(scores.names, known, strict=True) if present}
    assert factors == {"technical", "fundamental", "macro", "sentiment", "alternative"}
