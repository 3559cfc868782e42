from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapie._venn_abers import calc_p0p1, calc_probs
from sklearn.isotonic import IsotonicRegression
from tests.examples import examples

from vfr.validation.calibration import expit
from vfr.validation.metrics import brier
from vfr.validation.venn_abers import Isotonic, VennAbers, fit_isotonic, fit_venn_abers, merged

_rows = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from([0.0, 1.0]), st.floats(0.05, 4.0)), min_size=1, max_size=25
)


def _refitted(score, y, weight, new, new_weight) -> list[float]:
    """The definition: isotonic regression fitted anew with the new row, once for each outcome it may have."""
    rows, heavy = np.append(score, new), np.append(weight, new_weight)
    return [
        float(IsotonicRegression().fit(rows, np.append(y, outcome), sample_weight=heavy).predict([new])[0])
        for outcome in (0.0, 1.0)
    ]


@examples(150)
@given(rows=_rows, new=st.sampled_from([-1.0, 0.0, 2.0, 2.5, 6.0, 9.0]), new_weight=st.sampled_from([1.0, 0.2, 7.0]))
def test_is_two_isotonic_fits_per_new_score(rows, new, new_weight):
    score, y, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    fitted = fit_venn_abers(score, y, weight, new_weight=new_weight)
    got = [float(p[0]) for p in fitted.interval(np.array([new]))]
    assert got == pytest.approx(_refitted(score, y, weight, new, new_weight), abs=1e-9)


@examples(60)
@given(rows=_rows)
def test_both_ends_rise_with_the_score_and_hold_the_merged_probability(rows):
    score, y, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    fitted = fit_venn_abers(score, y, weight)
    new = np.linspace(-1, 7, 81)
    p0, p1 = fitted.interval(new)
    p = fitted(new)
    assert (np.diff(p0) >= 0).all()
    assert (np.diff(p1) >= 0).all()
    assert ((p0 >= 0) & (p0 <= p + 1e-12) & (p <= p1 + 1e-12) & (p1 <= 1)).all()


@pytest.mark.parametrize("distinct", [7, 100, 100_000])
def test_is_mapies_within_the_range_of_the_calibration_scores(distinct):
    """Above the highest of them MAPIE repeats its last p1, where the definition's is 1."""
    rng = np.random.default_rng(distinct)
    score = rng.integers(0, distinct, 1500) / distinct
    y = (rng.random(1500) < 0.3 + 0.4 * score).astype(float)
    new = score.max() * rng.random(400)
    both = np.column_stack([1 - score, score])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it divides 0 by 0 on its way
        p0, p1, places = calc_p0p1(both, y)
    theirs, ends = calc_probs(p0, p1, places, np.column_stack([1 - new, new]))
    fitted = fit_venn_abers(score, y)
    assert np.allclose(np.column_stack(fitted.interval(new)), ends, atol=1e-12)
    assert np.allclose(fitted(new), theirs[:, 1], atol=1e-12)


def test_weights_are_repeated_rows():
    rng = np.random.default_rng(1)
    score, y, times = rng.normal(size=80), rng.integers(0, 2, 80).astype(float), rng.integers(0, 4, 80)
    weighted = fit_venn_abers(score, y, times.astype(float))
    repeated = fit_venn_abers(np.repeat(score, times), np.repeat(y, times))
    new = rng.normal(size=50)
    assert np.allclose(weighted.interval(new), repeated.interval(new))
    less = fit_venn_abers(score, y, times / 20)
    wide, narrow = (float(np.mean(p1 - p0)) for p0, p1 in (less.interval(new), weighted.interval(new)))
    assert wide > 2 * narrow


def test_one_of_the_two_is_calibrated_even_on_few_rows():
    """Selected by the outcome, as the theorem does, the probability is calibrated: its mean is the frequency."""
    rng = np.random.default_rng(2)
    found, happened = [], []
    for _ in range(3000):
        score = rng.normal(size=26)
        y = (rng.random(26) < expit(score)).astype(float)
        p0, p1 = fit_venn_abers(score[:25], y[:25]).interval(score[25:])
        found.append(float(p1[0] if y[25] else p0[0]))
        happened.append(y[25])
    found, happened = np.array(found), np.array(happened)
    for low, high in ((0.0, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 1.01)):
        inside = (found >= low) & (found < high)
        assert found[inside].mean() == pytest.approx(happened[inside].mean(), abs=4 * 0.5 / np.sqrt(inside.sum()))


def test_many_rows_are_a_small_state_that_is_close_to_the_truth():
    rng = np.random.default_rng(3)
    score = rng.normal(size=300_000)
    truth = expit(0.3 * score)
    y = (rng.random(score.size) < truth).astype(float)
    fitted = fit_venn_abers(score, y)
    assert fitted.p0.size + fitted.p1.size < 1000
    p0, p1 = fitted.interval(score)
    assert np.mean(p1 - p0) < 0.001
    assert np.sqrt(np.mean((fitted(score) - truth) ** 2)) < 0.01
    assert brier(fitted(score), y) < brier(np.full(y.size, y.mean()), y)


def _minimax(score, y, weight) -> np.ndarray:
    """The closed form: largest over blocks that start before of the smallest over those that end after."""
    places = np.unique(score)
    mean = np.full((places.size, places.size), np.nan)
    for a in range(places.size):
        for b in range(a, places.size):
            inside = (score >= places[a]) & (score <= places[b])
            mean[a, b] = np.average(y[inside], weights=weight[inside])
    return np.array([max(np.nanmin(mean[a, j:]) for a in range(j + 1)) for j in range(places.size)])


@examples(60)
@given(rows=_rows)
def test_isotonic_is_the_closed_form(rows):
    score, y, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assert np.allclose(fit_isotonic(score, y, weight)(np.unique(score)), _minimax(score, y, weight), atol=1e-9)


def test_unknown_rows_are_dropped_and_unknown_scores_stay_unknown():
    score, y = np.array([1.0, np.nan, 2.0, 3.0, 0.5]), np.array([0.0, 1.0, 1.0, np.nan, 1.0])
    weight = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    clean = (np.array([1.0, 2.0]), np.array([0.0, 1.0]))
    new = np.array([[0.0, 1.5], [np.nan, 3.0]])
    for fit in (fit_isotonic, fit_venn_abers):
        assert np.array_equal(fit(score, y, weight)(new), fit(*clean)(new), equal_nan=True)
        assert np.isnan(fit(score, y, weight)(new)[1, 0])
    nothing = np.empty(0)
    assert np.isnan(fit_isotonic(nothing, nothing)(np.array([1.0]))).all()
    p0, p1 = fit_venn_abers(nothing, nothing).interval(np.array([1.0]))
    assert (p0[0], p1[0]) == (0.0, 1.0)


def test_both_survive_json():
    rng = np.random.default_rng(4)
    score, y, new = rng.normal(size=500), rng.integers(0, 2, 500).astype(float), rng.normal(size=90)
    isotonic, venn = fit_isotonic(score, y), fit_venn_abers(score, y)
    for fitted, kind in ((isotonic, Isotonic), (venn, VennAbers)):
        again = kind.from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
        assert np.array_equal(again(new), fitted(new))


def test_merging_minimises_the_worst_regret_under_log_loss():
    p0, p1 = 0.2, 0.7
    p = float(merged(np.array(p0), np.array(p1)))
    worst = [max(np.log(p1) - np.log(q), np.log(1 - p0) - np.log(1 - q)) for q in np.linspace(0.01, 0.99, 981)]
    assert np.linspace(0.01, 0.99, 981)[np.argmin(worst)] == pytest.approx(p, abs=0.002)
