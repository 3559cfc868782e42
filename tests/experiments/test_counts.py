from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from statsmodels.stats.contingency_tables import mcnemar as oracle
from statsmodels.stats.proportion import proportion_confint
from tests.experiments.made import experiment

from vfr.experiments.counts import mcnemar, sample_ratio, share


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_exact_test(first, second):
    expected = oracle([[7, first], [second, 9]], exact=True).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected)


@given(st.integers(1, 500), st.data())
def test_shares_have_wilsons_interval(of, data):
    count = data.draw(st.integers(0, of))
    found = share(count, of)
    low, high = proportion_confint(count, of, method="wilson")
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_nobody_has_no_share():
    assert np.isnan(share(0, 0).share)


def test_the_sample_ratio_is_pearsons_test_over_all_arms_and_the_holdout():
    one = experiment(shares={"classic": 0.4, "ml": 0.4, "shadow": 0.2}, holdout=0.1)
    seen = {"classic": 350, "ml": 370, "shadow": 175, "holdout": 105}
    found = sample_ratio(one, seen)
    expected = chisquare(list(seen.values()), [360, 360, 180, 100])
    assert (found.statistic, found.p) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    assert not found.mismatch


def test_an_arm_that_loses_its_subjects_is_a_mismatch():
    assert sample_ratio(experiment(), {"classic": 500, "ml": 390}).mismatch
    assert sample_ratio(experiment(), {"classic": 500}).mismatch


def test_subjects_of_an_arm_without_a_share_are_a_mismatch():
    assert sample_ratio(experiment(), {"classic": 50, "ml": 50, "shadow": 1}).mismatch


def test_nobody_yet_is_no_mismatch():
    found = sample_ratio(experiment(), {})
    assert np.isnan(found.p)
    assert not found.mismatch


def test_few_subjects_of_a_small_arm_are_no_mismatch():
    one = experiment(shares={"classic": 0.5, "ml": 0.5}, holdout=0.01)
    found = sample_ratio(one, {"classic": 2, "ml": 2, "holdout": 1})
    assert np.isnan(found.p)
    assert not found.mismatch


def test_who_looks_often_is_rarely_alarmed_for_nothing():
    one = experiment(shares={"classic": 0.5, "ml": 0.5}, holdout=0.01)
    arms = ("classic", "ml", "holdout")
    dealt = np.random.default_rng(0).choice(3, size=(300, 600), p=[0.495, 0.495, 0.01])

    def alarmed(callers):
        looks = (np.bincount(callers[:n], minlength=3).tolist() for n in range(1, 601, 7))
        return any(sample_ratio(one, dict(zip(arms, seen, strict=True))).mismatch for seen in looks)

    assert np.mean([alarmed(callers) for callers in dealt]) < 0.04
