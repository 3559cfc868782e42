"""Market values: the split basis of share counts, and what is not believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.data.snapshot import Snapshot
from vfr.factors.scores import Reason
from vfr.factors.shares import market_cap, market_value, shares_on_price_basis


def test_market_cap_is_price_times_shares_from_the_day_the_statement_is_known(market, statements):
    known = statements((0, "2013-10-31", "2014-01-03", {"shares": 5e6}))
    cap = market_cap(market(fundamentals=known), np.arange(4))
    np.testing.assert_array_equal(cap[:, 0], [np.nan, np.nan, 5e8, 5e8])
    assert np.isnan(cap[:, 1:]).all()


def test_a_later_split_rolls_the_count_to_the_price_basis(market, statements, splits):
    known = statements((0, "2013-12-31", "2014-01-02", {"shares": 1e6}))
    snapshot = market(fundamentals=known, actions=splits((0, "2014-01-06", 7.0)))
    # 100 USD is the price after the 7:1 split, so before it the share traded at 700.
    np.testing.assert_allclose(market_cap(snapshot, np.array([2, 6]))[:, 0], 7e8)


@pytest.mark.parametrize(("reported", "expected"), [(102.0, 204.0), (204.0, 204.0)])
def test_a_split_before_filing_is_settled_by_the_count_before(statements, splits, reported, expected):
    known = statements(
        (0, "2012-12-31", "2013-03-31", {"shares": 100.0}), (0, "2013-12-31", "2014-03-31", {"shares": reported})
    )
    shares = shares_on_price_basis(known, splits((0, "2014-02-10", 2.0)))
    np.testing.assert_allclose(shares, [200.0, expected])


def test_a_split_before_filing_without_a_count_before_is_unknown(statements, splits):
    known = statements((0, "2013-12-31", "2014-03-31", {"shares": 100.0}))
    assert np.isnan(shares_on_price_basis(known, splits((0, "2014-02-10", 2.0)))).all()
    np.testing.assert_array_equal(shares_on_price_basis(known, splits((1, "2014-02-10", 2.0))), [100.0])


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([100, 105, 110], [100, 105, 110]),
        ([100, 500, 110], [100, np.nan, 110]),
        ([100, 250, 255], [100, np.nan, 255]),
        ([100, 20, 30], [100, np.nan, np.nan]),
        ([100, -5, 110], [100, np.nan, 110]),
        ([np.nan, 0, 110], [np.nan, np.nan, 110]),
    ],
)
def test_a_count_that_jumps_is_believed_once_repeated(statements, counts, expected):
    rows = [(0, f"{2010 + i}-12-31", f"{2011 + i}-03-31", {"shares": float(n)}) for i, n in enumerate(counts)]
    np.testing.assert_array_equal(shares_on_price_basis(statements(*rows), None), expected)


def test_a_restatement_corrects_a_count_and_confirms_none(statements):
    def shares(*counts):
        return shares_on_price_basis(
            statements(*((0, f"{year}-12-31", day, {"shares": float(n)}) for year, day, n in counts)), None
        ).tolist()

    old = (2012, "2013-03-31", 100)
    np.testing.assert_array_equal(shares(old, (2013, "2014-03-31", 900), (2013, "2014-06-30", 110)), [100, np.nan, 110])
    repeated = shares(old, (2013, "2014-03-31", 900), (2013, "2014-06-30", 900), (2014, "2015-03-31", 905))
    np.testing.assert_array_equal(repeated, [100, np.nan, np.nan, 905])
    # A late word on 2012 does not become what 2014 is compared with.
    late = shares(old, (2013, "2014-03-31", 190), (2012, "2014-06-30", 101), (2014, "2015-03-31", 370))
    np.testing.assert_array_equal(late, [100, 190, 101, 370])


def test_a_count_restated_after_a_split_keeps_its_basis(statements, splits):
    known = statements(
        (0, "2013-12-31", "2014-02-01", {"shares": 100.0}),
        (0, "2013-12-31", "2014-06-01", {"shares": 100.0}),  # repeated as it was
        (0, "2013-12-31", "2014-08-01", {"shares": 204.0}),  # restated for the split
    )
    np.testing.assert_allclose(shares_on_price_basis(known, splits((0, "2014-05-01", 2.0))), [200.0, 200.0, 204.0])


def test_restating_does_not_make_a_statement_young(market, statements):
    known = statements(
        (0, "2012-07-01", "2012-09-27", {"shares": 5.0}), (0, "2012-07-01", "2013-09-27", {"shares": 6.0})
    )
    value = market_value(market(fundamentals=known), np.array([0]))
    assert value.reason[0, 0] == Reason.STALE


def test_counts_years_apart_are_not_compared(statements):
    known = statements(
        (0, "2003-06-30", "2003-09-28", {"shares": 10.0}), (0, "2013-06-30", "2013-09-28", {"shares": 99.0})
    )
    np.testing.assert_array_equal(shares_on_price_basis(known, None), [10.0, 99.0])


def test_a_disbelieved_count_hides_the_one_before_it_and_a_missing_one_does_not(market, statements):
    old = (0, "2012-12-31", "2013-03-31", {"shares": 1e6})
    wrong = statements(old, (0, "2013-12-31", "2014-01-03", {"shares": 9e6}))
    absent = statements(old, (0, "2013-12-31", "2014-01-03", {"net_income": 1.0}))
    rows = np.array([1, 4])
    np.testing.assert_array_equal(market_cap(market(fundamentals=wrong), rows)[:, 0], [1e8, np.nan])
    np.testing.assert_array_equal(market_cap(market(fundamentals=absent), rows)[:, 0], [1e8, 1e8])


def test_reasons_of_an_unknown_market_value(market, statements):
    known = statements(
        (0, "2013-10-31", "2014-01-01", {"shares": 5.0}),
        (1, "2013-10-31", "2014-01-01", {"shares": -5.0}),
        (2, "2012-07-01", "2012-09-27", {"shares": 5.0}),
        (3, "2012-07-01", "2012-09-28", {"shares": 5.0}),
        (4, "2012-07-01", "2012-09-28", {"shares": 5.0}),
    )
    snapshot = market(fundamentals=known)
    close = snapshot.panel.close.copy()
    close[:, 4] = np.nan
    snapshot = replace(snapshot, panel=replace(snapshot.panel, close=close))
    reasons = [Reason(int(code)).name for code in market_value(snapshot, np.array([0])).reason[0]]
    # 2012-09-28 is 460 days before 2014-01-01.
    assert reasons == ["PRESENT", "UNUSABLE", "STALE", "PRESENT", "UNUSABLE", "NOT_COVERED"]
    without = market_value(market(), np.array([0, 1]))
    assert np.isnan(without.usd).all()
    assert (without.reason == Reason.NO_INPUT).all()


def test_a_gap_of_up_to_five_sessions_is_bridged_by_the_last_close(market, statements):
    snapshot = market(fundamentals=statements((0, "2013-10-31", "2014-01-01", {"shares": 5.0})))
    close = snapshot.panel.close.copy()
    close[0, 0], close[2:, 0], close[1, 0] = np.nan, np.nan, 70.0
    snapshot = replace(snapshot, panel=replace(snapshot.panel, close=close))
    np.testing.assert_array_equal(market_cap(snapshot, np.array([0, 1, 6, 7]))[:, 0], [np.nan, 350.0, 350.0, np.nan])


def test_closes_adjusted_for_dividends_give_no_market_value(market, statements):
    known = statements((0, "2013-10-31", "2014-01-01", {"shares": 5.0}))
    value = market_value(market(fundamentals=known, panel={"adjustment": "dividend"}), np.array([3]))
    assert np.isnan(value.usd).all()
    assert value.reason[0, 0] == Reason.UNUSABLE


def test_apple_before_its_split_is_worth_about_500_billion(real_snapshot: Snapshot):
    snapshot, day = real_snapshot, np.datetime64("2013-12-31")
    row, apple = np.array([snapshot.panel.row(day)]), snapshot.panel.column("AAPL")
    cap = market_cap(snapshot, row)[0, apple]
    assert 480e9 < cap < 560e9
    statements = snapshot.fundamentals
    known = np.flatnonzero((statements.column == apple) & (statements.known_at <= day))[-1]
    assert 10 < cap / statements.values["net_income"][known] < 18
    per_share = statements.values["eps"][known] / snapshot.actions.factor_after(
        np.array([apple]), statements.period_end[known : known + 1]
    )
    assert 10 < snapshot.panel.close[row[0], apple] / per_share[0] < 18


def test_no_market_value_jumps_at_a_split(real_snapshot: Snapshot):
    snapshot = real_snapshot
    jumps = {}
    for column, day, ratio in zip(snapshot.actions.column, snapshot.actions.date, snapshot.actions.ratio, strict=True):
        row = int(np.searchsorted(snapshot.sessions, day))
        if ratio > 1.9 and np.datetime64("2013-06-01") < day < np.datetime64("2016-12-31"):
            before, after = market_cap(snapshot, np.array([row - 1, row]))[:, column]
            jumps[snapshot.symbols[column]] = after / before
    known = [jump for jump in jumps.values() if np.isfinite(jump)]
    assert len(known) >= 15
    assert max(known) < 1.15
    assert min(known) > 0.85
