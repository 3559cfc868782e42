from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from vfr.validation.bootstrap import ratio_interval
from vfr.validation.coverage_curve import certainty_thresholds, coverage_curve

SHARES = (1.0, 0.5, 0.1)


def _case(seed: int, sessions: int = 300, names: int = 8):
    rng = np.random.default_rng(seed)
    shape = (sessions, names)
    certainty, cells = rng.random(shape), rng.random(shape) < 0.8
    hit, rule = ((rng.random(shape) < p).astype(float) for p in (0.5 + 0.3 * certainty, 0.5))
    return certainty, cells, np.repeat(np.arange(2001.0, 2004.0), sessions // 3), hit, rule


@examples(40)
@given(seed=st.integers(0, 999), span=st.integers(0, 120))
def test_the_bar_of_a_year_is_a_quantile_of_what_was_known_before_it(seed, span):
    certainty, cells, years, *_ = _case(seed)
    bars = certainty_thresholds(certainty, cells, years, span, SHARES)
    for begin in (0, 100, 200):
        known = [certainty[t, n] for t in range(300) for n in range(8) if cells[t, n] and t + span < begin]
        expected = [np.quantile(known, 1 - share) for share in SHARES] if known else [np.nan] * 3
        assert np.allclose(bars[:, begin], expected, equal_nan=True)
        year = bars[:, begin : begin + 100]
        assert np.array_equal(year, np.repeat(year[:, :1], 100, axis=1), equal_nan=True)


def test_what_happens_later_does_not_move_an_earlier_bar():
    certainty, cells, years, *_ = _case(1)
    before = certainty_thresholds(certainty, cells, years, 6, SHARES)
    certainty[94:], cells[94:] = 9.0, True
    after = certainty_thresholds(certainty, cells, years, 6, SHARES)
    assert np.array_equal(before[:, :200], after[:, :200], equal_nan=True)
    assert (after[:, 200:] > before[:, 200:]).any()


def test_cells_are_counted_one_by_one():
    certainty, cells, years, hit, rule = _case(2)
    bars = certainty_thresholds(certainty, cells, years, 2, SHARES)
    curve = coverage_curve(hit, rule, certainty, bars, cells, years, block=5, rng=np.random.default_rng(0))
    for point, bar in zip(curve, bars, strict=True):
        chosen = [(t, n) for t in range(300) for n in range(8) if cells[t, n] and certainty[t, n] >= bar[t]]
        assert point.coverage == pytest.approx(len(chosen) / cells.sum())
        assert point.dates == len({t for t, _ in chosen})
        assert point.periods == len({years[t] for t, _ in chosen}) == 2
        assert point.accuracy == pytest.approx(np.mean([hit[c] for c in chosen]))
        assert point.rule == pytest.approx(np.mean([rule[c] for c in chosen]))
        assert point.lift.estimate == pytest.approx(point.accuracy - point.rule)
    assert [point.coverage for point in curve] == pytest.approx([2 / 3, 1 / 3, 0.067], abs=0.02)
    assert curve[2].accuracy > curve[0].accuracy
    assert curve[0].lift.low > 0


def test_intervals_that_hold_at_once_are_wider_than_those_that_hold_alone():
    certainty, cells, years, hit, rule = _case(3)
    bars = certainty_thresholds(certainty, cells, years, 2, SHARES)
    curve = coverage_curve(hit, rule, certainty, bars, cells, years, block=5, rng=np.random.default_rng(0))
    chosen = cells & (certainty >= bars[2][:, None])
    top, bottom = np.where(chosen, hit - rule, 0.0).sum(axis=1), chosen.sum(axis=1).astype(float)
    alone = ratio_interval(top, bottom, block=5, rng=np.random.default_rng(0))
    assert curve[2].lift.high - curve[2].lift.low > alone.high - alone.low


def test_calls_as_good_as_the_rule_have_no_lift_however_accurate():
    certainty, cells, years, _, rule = _case(4)
    bars = certainty_thresholds(certainty, cells, years, 2, SHARES)
    for point in coverage_curve(rule, rule, certainty, bars, cells, years, block=5, rng=np.random.default_rng(0)):
        assert (point.lift.low, point.lift.estimate, point.lift.high) == (0.0, 0.0, 0.0)


def test_where_no_cell_clears_the_bar_nothing_is_known():
    certainty, cells, years, hit, rule = _case(5)
    bars = np.full((2, 300), np.nan)
    bars[1] = 0.0
    none, every = coverage_curve(hit, rule, certainty, bars, cells, years, block=5, rng=np.random.default_rng(0))
    assert (none.coverage, none.dates, none.periods) == (0.0, 0, 0)
    assert np.isnan([none.accuracy, none.rule, none.lift.estimate]).all()
    assert every.coverage == 1.0
    nothing = coverage_curve(
        hit, rule, certainty, bars, np.zeros_like(cells), years, block=5, rng=np.random.default_rng(0)
    )
    assert [point.dates for point in nothing] == [0, 0]
    assert np.isnan(nothing[1].lift.low)
