"""The macro factor: readings by release date, ages, spreads and trends by hand, sensitivities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from vfr.data.records import Macro, MacroSeries
from vfr.factors import macro, macro_series
from vfr.factors.macro_sectors import SENSITIVITY
from vfr.factors.scores import Reason

DAYS = np.array(["2014-01-02", "2014-01-03", "2014-01-20"], dtype="datetime64[D]")


def daily(*pairs, delay=1):
    date = np.array([pair[0] for pair in pairs], dtype="datetime64[D]")
    return MacroSeries(date, date + delay, np.array([pair[1] for pair in pairs], dtype=np.float64), revised=False)


def monthly(start, values, delay=45):
    date = (np.datetime64(start, "M") + np.arange(len(values))).astype("datetime64[D]")
    return MacroSeries(date, date + delay, np.array(values, dtype=np.float64), revised=False)


def names(reading):
    return [Reason(int(code)).name for code in reading.reason]


def test_a_level_is_seen_from_its_release_until_its_maximum_age():
    series = Macro({"VIXCLS": daily(("2014-01-01", 10.0), ("2014-01-02", 20.0))})
    reading = macro_series.level(series, "VIXCLS", DAYS, macro_series.DAILY)
    np.testing.assert_array_equal(reading.value, [10.0, 20.0, np.nan])
    assert names(reading) == ["PRESENT", "PRESENT", "STALE"]
    np.testing.assert_array_equal(reading.date[:2], np.array(["2014-01-01", "2014-01-02"], dtype="datetime64[D]"))
    assert names(macro_series.level(series, "DGS10", DAYS, macro_series.DAILY)) == ["NO_INPUT"] * 3
    early = DAYS[:1] - 30
    assert names(macro_series.level(series, "VIXCLS", early, macro_series.DAILY)) == ["NO_HISTORY"]


def test_unknown_observations_and_late_corrections_of_old_dates_are_passed_over():
    date = np.array(["2014-01-01", "2013-12-20", "2014-01-02"], dtype="datetime64[D]")
    known = np.array(["2014-01-02", "2014-01-03", "2014-01-03"], dtype="datetime64[D]")
    series = Macro({"X": MacroSeries(date, known, np.array([1.0, 99.0, np.nan]), revised=False)})
    np.testing.assert_array_equal(macro_series.level(series, "X", DAYS[:2], macro_series.DAILY).value, [1.0, 1.0])


def vintages(*rows):
    """Return a series from rows (observation, released, value), as ALFRED lists them."""
    date, known = (np.array([row[i] for row in rows], dtype="datetime64[D]") for i in (0, 1))
    order = np.argsort(known, kind="stable")
    return MacroSeries(date[order], known[order], np.array([row[2] for row in rows])[order], revised=False)


def on(*days):
    return np.array(days, dtype="datetime64[D]")


def test_each_day_reads_the_vintage_of_that_day():
    jobs = vintages(
        ("2014-01-01", "2014-02-07", 6.6),
        ("2014-02-01", "2014-03-07", 6.7),
        ("2014-01-01", "2014-03-07", 6.5),
        ("2014-02-01", "2014-04-04", 6.8),
        ("2014-01-01", "2014-05-02", 6.4),  # an older month: the newest stays February
    )
    days = on("2014-04-03", "2014-02-07", "2014-03-07", "2014-02-06", "2014-05-02")
    reading = macro_series.level(Macro({"UNRATE": jobs}), "UNRATE", days, macro_series.MONTHLY)
    np.testing.assert_array_equal(reading.value, [6.7, 6.6, 6.7, np.nan, 6.8])
    assert reading.date.astype(str).tolist() == ["2014-02-01", "2014-01-01", "2014-02-01", "NaT", "2014-02-01"]
    assert names(reading) == ["PRESENT", "PRESENT", "PRESENT", "NO_HISTORY", "PRESENT"]


def test_a_year_over_year_growth_compares_vintages_in_force_on_the_day():
    first = [("2013-01-01", "2013-02-20", 200.0), ("2014-01-01", "2014-02-20", 210.0)]
    revised = [("2013-01-01", "2014-02-25", 205.0), ("2014-01-01", "2014-03-18", 213.2)]
    prices = Macro({"CPI": vintages(*first, *revised)})
    days = on("2014-02-20", "2014-02-24", "2014-02-25", "2014-03-18")
    reading = macro_series.growth_over_year(prices, "CPI", days, macro_series.MONTHLY)
    np.testing.assert_allclose(reading.value, [5.0, 5.0, 100 * (210 / 205 - 1), 4.0])
    assert set(reading.date.astype(str)) == {"2014-01-01"}
    # A year published late takes part from its own day on.
    late = Macro({"CPI": vintages(first[1], ("2013-01-01", "2014-03-01", 200.0))})
    reading = macro_series.growth_over_year(late, "CPI", on("2014-02-28", "2014-03-01"), macro_series.MONTHLY)
    np.testing.assert_allclose(reading.value, [np.nan, 5.0])
    assert names(reading) == ["NO_HISTORY", "PRESENT"]


def test_a_withdrawn_figure_uncovers_the_one_before_it():
    a = vintages(
        ("2014-01-01", "2014-01-02", 1.0),
        ("2014-01-02", "2014-01-03", 2.0),
        ("2014-01-02", "2014-01-04", np.nan),
        ("2014-01-02", "2014-01-06", 2.5),
    )
    days = on("2014-01-03", "2014-01-04", "2014-01-05", "2014-01-06")
    level = macro_series.level(Macro({"A": a}), "A", days, macro_series.DAILY)
    np.testing.assert_array_equal(level.value, [2.0, 1.0, 1.0, 2.5])
    assert level.date[1] == np.datetime64("2014-01-01")
    b = daily(("2014-01-01", 0.25), ("2014-01-02", 0.5))
    spread = macro_series.spread(Macro({"A": a, "B": b}), "A", "B", days, macro_series.DAILY)
    np.testing.assert_array_equal(spread.value, [1.5, 0.75, 0.75, 2.0])
    only = macro_series.level(
        Macro({"A": vintages(("2014-01-01", "2014-01-02", 1.0), ("2014-01-01", "2014-01-03", np.nan))}),
        "A",
        days[:1],
        macro_series.DAILY,
    )
    assert names(only) == ["NO_HISTORY"]


figure = st.sampled_from([1.0, 2.0, 3.0, np.nan])


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 8), figure), max_size=40))
def test_readings_equal_those_of_what_was_published_by_each_evening(rows):
    month = np.datetime64("2013-01")
    listed = sorted({(m, k): v for m, k, v in rows}.items(), key=lambda row: (row[0][1], row[0][0]))
    dates = np.array([(month + m).astype("datetime64[D]") for (m, _), _ in listed], dtype="datetime64[D]")
    known = np.array([np.datetime64("2014-04-20") + k for (_, k), _ in listed], dtype="datetime64[D]")
    inputs = Macro({"X": MacroSeries(dates, known, np.array([v for _, v in listed], dtype=float), revised=False)})
    days = np.datetime64("2014-04-19") + np.array([9, 0, 4, 5, 7])
    level = macro_series.level(inputs, "X", days, macro_series.MONTHLY)
    growth = macro_series.growth_over_year(inputs, "X", days, macro_series.MONTHLY)
    for i, day in enumerate(days):
        force = {m: v for (m, k), v in listed if np.datetime64("2014-04-20") + k <= day}
        force = {m: v for m, v in force.items() if np.isfinite(v)}
        newest = max(force, default=None)
        fresh = newest is not None and newest >= 12  # December ended more than 100 days before
        expected = force[newest] if fresh else np.nan
        year = 100 * (expected / force.get(newest - 12, np.nan) - 1) if fresh else np.nan
        np.testing.assert_array_equal(level.value[i], expected)
        np.testing.assert_array_equal(growth.value[i], year)


def test_a_spread_needs_both_series_on_the_same_date():
    series = Macro(
        {"A": daily(("2013-12-31", 3.0), ("2014-01-01", 4.0)), "B": daily(("2013-12-31", 1.0), ("2014-01-02", 9.0))}
    )
    reading = macro_series.spread(series, "A", "B", DAYS, macro_series.DAILY)
    np.testing.assert_array_equal(reading.value, [2.0, 2.0, np.nan])
    assert names(macro_series.spread(series, "A", "C", DAYS, macro_series.DAILY)) == ["NO_INPUT"] * 3


def test_growth_and_trend_compare_with_the_same_month_a_year_before():
    prices = Macro({"CPI": monthly("2012-10", [100.0] * 12 + [102.0, 103.0])})
    reading = macro_series.growth_over_year(prices, "CPI", DAYS, macro_series.MONTHLY)
    np.testing.assert_allclose(reading.value, [3.0, 3.0, 3.0])
    assert reading.date[0] == np.datetime64("2013-11-01")
    # Three-month averages: (7 + 7 + 8.5) / 3 = 7.5 against (6 + 6 + 6) / 3.
    jobs = Macro({"UNRATE": monthly("2012-09", [6.0] * 12 + [7.0, 7.0, 8.5])})
    trend = macro_series.change_over_year(jobs, "UNRATE", DAYS, macro_series.MONTHLY)
    np.testing.assert_allclose(trend.value, [1.5, 1.5, 1.5])


def test_a_missing_month_leaves_the_year_unknown():
    series = monthly("2012-10", [100.0] * 14)
    keep = np.arange(14) != 1
    gappy = Macro({"CPI": MacroSeries(series.date[keep], series.known_at[keep], series.value[keep], revised=False)})
    assert names(macro_series.growth_over_year(gappy, "CPI", DAYS[:1], macro_series.MONTHLY)) == ["NO_HISTORY"]


def test_a_monthly_observation_counts_for_a_hundred_days_after_its_month():
    series = Macro({"BAA": monthly("2014-01", [5.0], delay=75)})
    days = np.array(["2014-05-12", "2014-05-13"], dtype="datetime64[D]")
    assert names(macro_series.level(series, "BAA", days, macro_series.MONTHLY)) == ["PRESENT", "STALE"]


def test_the_first_series_that_is_known_is_read_and_gives_the_reason():
    series = Macro({"OLD": daily(("2013-12-01", 1.0)), "NEW": daily(("2014-01-01", 2.0))})
    absent, old, new = (macro_series.level(series, name, DAYS[:1], macro_series.DAILY) for name in ("NO", "OLD", "NEW"))
    assert names(macro_series.first_of(absent, old)) == ["STALE"]
    assert names(macro_series.first_of(old, absent)) == ["STALE"]
    assert macro_series.first_of(absent, old, new).value == [2.0]


def test_scores_by_hand(market):
    inputs = Macro(
        {
            "DGS10": daily(("2014-01-01", 3.0)),
            "DGS2": daily(("2014-01-01", 1.0)),
            "VIXCLS": daily(("2014-01-01", 18.88 * np.exp(0.35))),
            "BAA": monthly("2013-11", [5.45]),
            "AAA": monthly("2013-11", [4.0]),
            "CPILFESL": monthly("2012-11", [100.0] * 12 + [103.5]),
            "UNRATE": monthly("2012-09", [6.0] * 12 + [7.0] * 3),
        }
    )
    snapshot = market(sector=("Financials", "Utilities", "Energy", "Martian", "", "energy"), macro=inputs)
    out = macro.measure(snapshot, np.array([1]))
    expected = {
        # z = 1, -1, -1, 1, -1 and 50 % of the sensitivity.
        "rates.yield_curve": [1.0, -0.6, 0.3],
        "stress.vix": [-1.0, 0.4, -0.6],
        "stress.credit_spread": [-1.0, 0.4, -0.6],
        "prices.inflation": [-0.4, -0.5, 0.8],
        "labour.unemployment_trend": [-0.8, 0.5, -0.4],
    }
    for name, exposure in expected.items():
        measured = out[f"macro.{name}"]
        np.testing.assert_allclose(measured.score[0, :3], 100 * norm.cdf(0.5 * np.array(exposure)), err_msg=name)
        assert [Reason(int(code)).name for code in measured.reason[0, 3:]] == ["NOT_COVERED"] * 2 + ["PRESENT"]
        assert np.isnan(measured.value[0, 3:5]).all()
        assert np.isnat(measured.as_of[0, 3:5]).all()


def test_low_inflation_hurts_cyclicals_and_two_percent_is_neutral(market):
    cpi = monthly("2012-11", [100.0] * 12 + [99.5])
    sector = ("Energy", "Utilities", "Financials", "Energy", "Energy", "Energy")
    low = macro.measure(market(sector=sector, macro=Macro({"CPIAUCSL": cpi})), np.array([1]))
    score = low["macro.prices.inflation"].score[0]
    assert score[0] < score[2] < 50 < score[1]
    at_target = MacroSeries(cpi.date, cpi.known_at, np.array([100.0] * 12 + [102.0]), revised=False)
    neutral = macro.measure(market(sector=sector, macro=Macro({"CPIAUCSL": at_target})), np.array([1]))
    np.testing.assert_allclose(neutral["macro.prices.inflation"].score, 50.0)


def test_after_the_last_release_everything_is_stale(market):
    inputs = Macro({"VIXCLS": daily(("2013-12-01", 20.0)), "UNRATE": monthly("2012-01", [6.0] * 20)})
    out = macro.measure(market(macro=inputs), np.array([0, 5]))
    assert (out["macro.stress.vix"].reason == Reason.STALE).all()
    assert (out["macro.labour.unemployment_trend"].reason == Reason.STALE).all()
    assert (out["macro.rates.yield_curve"].reason == Reason.NO_INPUT).all()
    for measured in macro.measure(market(), np.array([0])).values():
        assert (measured.reason == Reason.NO_INPUT).all()


@given(st.floats(8, 80), st.floats(8, 80))
def test_fear_never_helps_a_cyclical_sector(low, high):
    low, high = min(low, high), max(low, high)
    scores = macro._INDICATORS[1].z(np.array([low, high]))
    assert scores[0] >= scores[1]


def test_every_gics_sector_has_an_exposure_in_bounds():
    assert len(SENSITIVITY) == 12
    for exposure in SENSITIVITY.values():
        assert all(-1 <= figure <= 1 for figure in exposure)


@pytest.mark.parametrize(("day", "present"), [("2015-06-30", 4), ("2019-06-28", 4), ("2008-10-31", 4)])
def test_real_series_give_a_macro_score(real_snapshot, day, present):
    row = np.array([real_snapshot.panel.row(np.datetime64(day))])
    out = macro.measure(real_snapshot, row)
    known = [name for name, measured in out.items() if np.isfinite(measured.score).mean() > 0.99]
    assert len(known) == present
    assert (out["macro.stress.credit_spread"].reason == Reason.NO_INPUT).all()
    curve = out["macro.rates.yield_curve"]
    assert (real_snapshot.sessions[row][:, None] - curve.as_of <= np.timedelta64(5, "D")).all()
