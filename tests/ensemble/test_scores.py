from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from vfr.ensemble.scores import from_array, joined, score_dates, to_array

NAN = np.nan


def made(rng, members=3, sessions=8, names=40):
    rank = rng.uniform(-0.5, 0.5, (members, sessions, names))
    p_up = rng.uniform(0.4, 0.7, rank.shape)
    excess = rng.normal(size=(sessions, names))
    direction = (excess + 0.1 > 0).astype(float)
    days = np.arange("2015-01-05", "2015-01-13", dtype="datetime64[D]")
    return {
        "members": ("linear", "lightgbm", "trees"),
        "p_up": p_up,
        "rank": rank,
        "direction": direction,
        "excess": excess,
        "base": np.full(excess.shape, 0.54),
        "cells": rng.random(excess.shape) < 0.8,
        "sessions": days,
    }


def test_every_figure_is_the_plain_average_over_the_names_that_count():
    case = made(np.random.default_rng(0))
    found = score_dates(**case)
    for d in range(8):
        use = case["cells"][d]
        came = case["direction"][d][use]
        base = np.full(use.sum(), 0.54)
        assert found.cells[d] == use.sum()
        assert found.base_log_loss[d] == pytest.approx(-np.mean(np.where(came > 0, np.log(base), np.log(1 - base))))
        assert found.base_brier[d] == pytest.approx(np.mean((base - came) ** 2))
        for m in range(3):
            p, rank = case["p_up"][m, d][use], case["rank"][m, d][use]
            assert found.log_loss[d, m] == pytest.approx(-np.mean(np.where(came > 0, np.log(p), np.log(1 - p))))
            assert found.brier[d, m] == pytest.approx(np.mean((p - came) ** 2))
            assert found.ic[d, m] == pytest.approx(spearmanr(rank, case["excess"][d][use]).statistic)
            assert found.accuracy[d, m] == pytest.approx(np.mean((rank > 0) == (case["excess"][d][use] > 0)))


def test_sessions_without_names_that_count_or_predictions_are_left_out():
    case = made(np.random.default_rng(1))
    case["cells"][[0, 5]] = False
    case["rank"][:, 3] = NAN
    found = score_dates(**case)
    assert found.dates.tolist() == np.delete(case["sessions"], [0, 3, 5]).tolist()
    assert found.ic.shape == (5, 3)


def test_a_member_is_judged_on_the_names_it_predicted_and_not_at_all_on_less_than_half():
    case = made(np.random.default_rng(2))
    case["cells"][:] = True
    case["p_up"][0, 0, :20] = NAN
    case["rank"][1, 0, :21] = NAN
    found = score_dates(**case)
    came, p = case["direction"][0, 20:], case["p_up"][0, 0, 20:]
    assert found.brier[0, 0] == pytest.approx(np.mean((p - came) ** 2))
    assert np.isnan([found.log_loss[0, 1], found.brier[0, 1], found.ic[0, 1], found.accuracy[0, 1]]).all()
    assert np.isfinite(found.ic[1:]).all()


def test_outcomes_of_names_that_do_not_count_are_not_read():
    case = made(np.random.default_rng(3))
    before = to_array(score_dates(**case))
    for name in ("direction", "excess"):
        case[name][~case["cells"]] = NAN
    np.testing.assert_array_equal(to_array(score_dates(**case)), before)


def test_a_certain_probability_that_failed_costs_a_finite_loss():
    case = made(np.random.default_rng(4))
    case["p_up"][0], case["direction"][:] = 1.0, 0.0
    found = score_dates(**case)
    assert np.isfinite(found.log_loss).all()
    np.testing.assert_allclose(found.log_loss[:, 0], -np.log(1e-12), rtol=1e-4)


def test_later_dates_are_appended_and_members_matched_by_name():
    case = made(np.random.default_rng(5))
    whole = score_dates(**case)
    early = from_array(whole.members, to_array(whole)[:5])
    other = {**case, "members": ("trees", "lstm", "linear")}
    late = score_dates(**other)
    both = joined(early, late)
    assert both.members == ("linear", "lightgbm", "trees", "lstm")
    assert both.dates.tolist() == whole.dates.tolist()
    np.testing.assert_array_equal(both.ic[:5], np.column_stack([whole.ic[:5], np.full(5, NAN)]))
    np.testing.assert_array_equal(both.ic[5:, [2, 3, 0]], late.ic[5:])
    assert np.isnan(both.ic[5:, 1]).all()
    np.testing.assert_array_equal(both.base_brier, whole.base_brier)
    nothing = from_array(("linear",), np.empty((0, 8)))
    assert joined(nothing, late).dates.tolist() == late.dates.tolist()
    assert joined(late, nothing).dates.tolist() == late.dates.tolist()


def test_without_any_member_there_is_no_date():
    case = made(np.random.default_rng(9))
    none = score_dates(**{**case, "members": (), "p_up": case["p_up"][:0], "rank": case["rank"][:0]})
    assert (none.members, none.dates.size, none.ic.shape) == ((), 0, (0, 0))
    whole = score_dates(**case)
    np.testing.assert_array_equal(to_array(joined(whole, none)), to_array(whole))


def test_a_record_survives_being_one_array():
    whole = score_dates(**made(np.random.default_rng(6)))
    array = to_array(whole)
    again = from_array(whole.members, array)
    np.testing.assert_array_equal(to_array(again), array)
    assert again.dates.dtype == np.dtype("datetime64[D]")
    np.testing.assert_array_equal(again.accuracy, whole.accuracy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a[:, :-1], "another shape"),
        (lambda a: a[0], "another shape"),
        (lambda a: a[::-1], "increasing"),
        (lambda a: np.column_stack([a[:, 0] + 0.5, a[:, 1:]]), "whole days"),
        (lambda a: np.column_stack([np.full(len(a), NAN), a[:, 1:]]), "whole days"),
    ],
)
def test_an_array_that_is_no_record_is_refused(change, words):
    whole = score_dates(**made(np.random.default_rng(7)))
    with pytest.raises(ValueError, match=words):
        from_array(whole.members, change(to_array(whole)))
