"""The fundamental factor: ratios by hand, sector percentiles, staleness, reasons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.factors import fundamental
from vfr.factors.scores import Reason

ITEMS = {
    "revenue": 500.0,
    "gross_profit": 200.0,
    "operating_income": 90.0,
    "net_income": 60.0,
    "depreciation": 30.0,
    "total_assets": 800.0,
    "total_equity": 300.0,
    "current_assets": 240.0,
    "current_liabilities": 120.0,
    "cash": 50.0,
    "long_term_debt": 100.0,
    "short_term_debt": 50.0,
    "cfo": 80.0,
    "shares": 10.0,
}
LAST_YEAR = ITEMS | {"revenue": 400.0, "net_income": 40.0, "total_assets": 1000.0}
# 10 shares at 100 USD: market value 1000, enterprise value 1000 + 150 - 50 = 1100.
BY_HAND = {
    "value.earnings_yield": 0.06,
    "value.book_to_price": 0.3,
    "value.sales_to_price": 0.5,
    "value.ebitda_to_ev": 120 / 1100,
    "quality.return_on_equity": 0.2,
    "quality.gross_profitability": 0.25,
    "quality.operating_margin": 0.18,
    "quality.net_margin": 0.12,
    "quality.leverage": 150 / 800,
    "quality.current_ratio": 2.0,
    "quality.accruals": -20 / 800,
    "growth.revenue": 0.25,
    "growth.earnings": 0.02,
}
LOW_IS_GOOD = {"quality.leverage", "quality.accruals"}


def years(column, **changed):
    """Two annual statements, the second with changes."""
    return (
        (column, "2012-12-31", "2013-03-31", LAST_YEAR),
        (column, "2013-12-31", "2014-01-01", ITEMS | changed),
    )


def names(measured):
    return [Reason(int(code)).name for code in measured.reason[0]]


def test_every_ratio_by_hand(market, statements):
    snapshot = market(fundamentals=statements(*years(0)))
    out = fundamental.measure(snapshot, np.array([3]))
    assert set(out) == {f"fundamental.{name}" for name in BY_HAND} == {sub.name for sub in fundamental.SUB_FACTORS}
    for name, expected in BY_HAND.items():
        measured = out[f"fundamental.{name}"]
        assert measured.value[0, 0] == pytest.approx(expected, rel=1e-12), name
        assert names(measured) == ["SMALL_PEER_GROUP"] + ["NOT_COVERED"] * 5


def test_scores_are_percentiles_within_the_sector(market, statements):
    rows = [row for column in range(10) for row in years(column, net_income=10.0 * column)]
    snapshot = market(n_symbols=10, sector=("Energy", "Materials") * 5, fundamentals=statements(*rows))
    out = fundamental.measure(snapshot, np.array([3]))
    score = out["fundamental.value.earnings_yield"].score[0]
    np.testing.assert_allclose(score[::2], [10, 30, 50, 70, 90])
    np.testing.assert_allclose(score[1::2], [10, 30, 50, 70, 90])
    # Higher income at the same cash flow means more accruals, which is bad.
    np.testing.assert_allclose(out["fundamental.quality.accruals"].score[0, ::2], [90, 70, 50, 30, 10])


def test_a_loss_maker_ranks_lowest_on_value_and_does_not_drop_out(market, statements):
    rows = [row for column in range(5) for row in years(column, net_income=10.0 * column, total_equity=100.0 * column)]
    rows += years(5, net_income=-200.0, total_equity=-50.0)
    out = fundamental.measure(market(fundamentals=statements(*rows)), np.array([3]))
    for name in ("value.earnings_yield", "value.book_to_price", "growth.earnings"):
        score = out[f"fundamental.{name}"].score[0]
        assert score[5] == score.min() > 0
    assert names(out["fundamental.quality.return_on_equity"])[5] == "UNUSABLE"


def test_a_sector_below_five_peers_has_no_percentile(market, statements):
    rows = [row for column in range(6) for row in years(column)]
    snapshot = market(sector=("Energy",) * 4 + ("Materials",) * 2, fundamentals=statements(*rows))
    for measured in fundamental.measure(snapshot, np.array([3])).values():
        assert names(measured) == ["SMALL_PEER_GROUP"] * 6
        assert np.isfinite(measured.value).all()


def test_symbols_without_a_sector_are_each_others_peers(market, statements):
    rows = [row for column in range(6) for row in years(column)]
    snapshot = market(sector=("",) * 6, fundamentals=statements(*rows))
    for measured in fundamental.measure(snapshot, np.array([3])).values():
        np.testing.assert_array_equal(measured.score, 50.0)


def test_items_that_mean_nothing_for_financials_are_not_covered(market, statements):
    rows = [row for column in range(6) for row in years(column)]
    snapshot = market(sector=("Financials",) * 6, fundamentals=statements(*rows))
    out = fundamental.measure(snapshot, np.array([3]))
    covered = {name.removeprefix("fundamental.") for name, m in out.items() if np.isfinite(m.score).all()}
    assert covered == {
        "value.earnings_yield",
        "value.book_to_price",
        "value.sales_to_price",
        "quality.return_on_equity",
        "quality.net_margin",
        "growth.revenue",
        "growth.earnings",
    }
    assert {r for name, m in out.items() if name[12:] not in covered for r in names(m)} == {"NOT_COVERED"}


def test_statements_count_for_460_days_after_they_became_known(market, statements):
    rows = [row for column in range(6) for row in years(column)]
    snapshot = market(n_sessions=350, fundamentals=statements(*rows))
    day = np.datetime64("2014-01-01") + 460
    last = int(np.searchsorted(snapshot.sessions, day, side="right")) - 1
    for measured in fundamental.measure(snapshot, np.array([last, last + 1])).values():
        assert np.isfinite(measured.score[0]).all()
        assert (measured.as_of[0] == np.datetime64("2014-01-01")).all()
        assert (measured.reason[1] == Reason.STALE).all()
        assert np.isnat(measured.as_of[1]).all()


@pytest.mark.parametrize(
    ("changed", "name", "reason"),
    [
        ({"revenue": np.nan}, "value.sales_to_price", "NOT_COVERED"),
        ({"revenue": 0.0}, "quality.net_margin", "UNUSABLE"),
        ({"total_equity": -1.0}, "quality.return_on_equity", "UNUSABLE"),
        ({"shares": -1.0}, "value.earnings_yield", "UNUSABLE"),
        ({"cash": 2000.0}, "value.ebitda_to_ev", "UNUSABLE"),
        ({"current_liabilities": 0.0}, "quality.current_ratio", "UNUSABLE"),
    ],
)
def test_what_is_missing_says_why(market, statements, changed, name, reason):
    known = statements((0, "2013-12-31", "2014-01-01", ITEMS | changed))
    out = fundamental.measure(market(fundamentals=known), np.array([3]))
    assert names(out[f"fundamental.{name}"])[0] == reason
    assert names(out["fundamental.growth.revenue"])[0] == "NOT_COVERED"


def test_without_statements_there_is_no_input(market):
    for measured in fundamental.measure(market(), np.array([0, 3])).values():
        assert (measured.reason == Reason.NO_INPUT).all()


def test_a_late_publication_of_an_older_period_changes_nothing(market, statements):
    late = (0, "2011-12-31", "2014-01-02", ITEMS | {"revenue": 1.0})
    rows = np.arange(6)
    before = fundamental.measure(market(fundamentals=statements(*years(0))), rows)
    after = fundamental.measure(market(fundamentals=statements(*years(0), late)), rows)
    for name in before:
        np.testing.assert_array_equal(before[name].value, after[name].value)


@given(st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6, unique=True))
def test_scores_follow_the_order_of_the_ratio(incomes):
    from vfr.data.panel import Panel
    from vfr.data.records import Fundamentals, Securities
    from vfr.data.snapshot import Snapshot

    n, day = len(incomes), np.array(["2014-01-02"], dtype="datetime64[D]")
    price, symbols = np.full((1, n), 10.0), tuple("ABCDEF")
    panel = Panel(day, symbols, price, price, price, price, price, price, "split")
    values = {"net_income": np.array(incomes), "shares": np.full(n, 7.0)}
    known = Fundamentals(np.arange(n), np.repeat(day - 90, n), np.repeat(day, n), values)
    securities = Securities(symbols, ("Energy",) * n, ("",) * n)
    closes_at = (day.astype("datetime64[h]") + 21).astype("datetime64[s]")
    snapshot = Snapshot("x", "1", panel, closes_at, securities, fundamentals=known)
    score = fundamental.measure(snapshot, np.array([0]))["fundamental.value.earnings_yield"].score[0]
    earned = values["net_income"] / 70.0
    for i in range(n):
        for j in range(n):
            assert (score[i] < score[j]) == (earned[i] < earned[j])


def test_real_statements_give_scores_until_they_are_stale(real_snapshot):
    panel = real_snapshot.panel
    rows = np.array([panel.row(np.datetime64(day)) for day in ("2015-06-30", "2019-06-28")])
    apple, bank = panel.column("AAPL"), panel.column("JPM")
    for name, measured in fundamental.measure(real_snapshot, rows).items():
        assert np.isfinite(measured.score[0]).mean() > 0.55, name
        assert np.isfinite(measured.score[0, apple]), name
        assert np.isfinite(measured.score[0, bank]) or measured.reason[0, bank] == Reason.NOT_COVERED, name
        assert measured.reason[1, apple] == measured.reason[1, bank] == Reason.STALE, name
        assert np.isnan(measured.score[1]).all(), name


def test_real_loss_makers_have_low_earnings_yields(real_snapshot):
    row = np.array([real_snapshot.panel.row(np.datetime64("2016-06-30"))])
    measured = fundamental.measure(real_snapshot, row)["fundamental.value.earnings_yield"]
    loss = measured.value[0] < 0
    assert loss.sum() > 20
    assert np.nanmean(measured.score[0, loss]) < 20
    assert np.nanmean(measured.score[0, ~loss]) > 50
