from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vfr.errors import DatasetCorrupt
from vfr.factors.compute import compute_board
from vfr.factors.registry import SUB_FACTORS
from vfr.factors.scores import FACTOR_NAMES, SubFactor
from vfr.scoring.composite import combine, score
from vfr.scoring.table import DEFAULT

NAN = np.nan
SHARES = {
    "technical.a.one": 0.6,
    "technical.b.two": 0.4,
    "fundamental.a.one": 0.5,
    "fundamental.b.two": 0.5,
    "macro.a.one": 1.0,
    "sentiment.a.one": 0.7,
    "sentiment.b.two": 0.3,
    "alternative.a.one": 1.0,
}
ENTRIES = {
    name: SubFactor(name, name.split(".")[0], share, "fraction", "what", "who") for name, share in SHARES.items()
}
NAMES = tuple(ENTRIES)
K = len(NAMES)
points = st.floats(0, 100) | st.just(NAN)
some_scores = st.integers(1, 5).flatmap(lambda n: hnp.arrays(np.float64, (K, n), elements=points))
caps = st.sampled_from([NAN, 1e9, 5e9, 50e9, 500e9])


def of(scores, cap=NAN):
    scores = np.asarray(scores, dtype=np.float64)
    return combine(scores, np.full(scores.shape[1:], cap), NAMES, DEFAULT, ENTRIES)


def test_all_known_is_the_plain_weighted_mean():
    found = of([[80.0], [20.0], [70.0], [30.0], [60.0], [40.0], [90.0], [10.0]])
    factors = [0.6 * 80 + 0.4 * 20, 50.0, 60.0, 0.7 * 40 + 0.3 * 90, 10.0]
    np.testing.assert_allclose(found.factors[:, 0], factors)
    np.testing.assert_allclose(found.composite, np.dot([0.28, 0.28, 0.20, 0.18, 0.06], factors))
    np.testing.assert_allclose(found.coverage, 1.0)


def test_a_missing_factor_is_left_out_and_coverage_nests():
    found = of([[80.0], [NAN], [NAN], [NAN], [60.0], [NAN], [NAN], [NAN]])
    np.testing.assert_array_equal(found.factors[:, 0], [80.0, NAN, 60.0, NAN, NAN])
    np.testing.assert_allclose(found.composite, (0.28 * 80 + 0.20 * 60) / 0.48)
    np.testing.assert_allclose(found.coverage, 0.28 * 0.6 + 0.20)
    np.testing.assert_allclose(found.weights[:, 0], [0.28 / 0.48, 0, 0, 0, 0.20 / 0.48, 0, 0, 0])


def test_large_companies_lean_on_statements():
    scores = [[0.0], [0.0], [100.0], [100.0], [50.0], [50.0], [50.0], [50.0]]
    order = [float(of(scores, cap).composite[0]) for cap in (500e9, 50e9, 5e9, 1e9)]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) == 4
    assert of(scores, NAN).composite[0] == order[2]


def test_nothing_known_is_unknown():
    found = of(np.full((K, 2), NAN))
    assert np.isnan(found.composite).all()
    assert np.isnan(found.factors).all()
    assert not found.coverage.any()
    assert not found.weights.any()


@given(some_scores, caps)
def test_weights_sum_to_one_and_contributions_to_the_score(scores, cap):
    found = of(scores, cap)
    known = np.isfinite(scores).any(axis=0)
    np.testing.assert_allclose(found.weights.sum(axis=0), known, atol=1e-12)
    np.testing.assert_allclose(found.factor_weights.sum(axis=0), known, atol=1e-12)
    np.testing.assert_allclose(found.contributions.sum(axis=0)[known], found.composite[known], atol=1e-9)
    assert (found.weights >= 0).all()
    assert not found.weights[np.isnan(scores)].any()
    assert ((found.composite[known] >= 0) & (found.composite[known] <= 100)).all()
    assert ((found.coverage >= 0) & (found.coverage <= 1)).all()
    np.testing.assert_array_equal(np.isnan(found.composite), ~known)


@given(some_scores, caps, st.integers(0, K - 1), st.floats(0.1, 100))
def test_the_score_rises_with_every_sub_factor(scores, cap, k, rise):
    assume(np.isfinite(scores[k]).any())
    higher = scores.copy()
    higher[k] = np.minimum(higher[k] + rise, 100)
    before, after = of(scores, cap), of(higher, cap)
    known = np.isfinite(before.composite)
    moved = known & (higher[k] > scores[k] + 0.05)
    f = FACTOR_NAMES.index(ENTRIES[NAMES[k]].factor)
    assert (after.composite[known] >= before.composite[known] - 1e-12).all()
    assert (after.composite[moved] > before.composite[moved]).all()
    assert (after.factors[f][moved] > before.factors[f][moved]).all()


@given(some_scores, st.randoms(use_true_random=False))
def test_permuting_symbols_permutes_results(scores, random):
    order = list(range(scores.shape[1]))
    random.shuffle(order)
    before, after = of(scores), of(scores[:, order])
    np.testing.assert_allclose(after.composite, before.composite[order], rtol=1e-13)
    np.testing.assert_allclose(after.contributions, before.contributions[:, order], rtol=1e-13)


def test_several_sessions_at_once_equal_one_by_one():
    scores = np.random.default_rng(3).uniform(0, 100, (K, 4, 3))
    cap = np.array([[1e9, 5e9, NAN]] * 4)
    together = combine(scores, cap, NAMES, DEFAULT, ENTRIES)
    assert together.composite.shape == (4, 3)
    for row in range(4):
        alone = combine(scores[:, row], cap[row], NAMES, DEFAULT, ENTRIES)
        np.testing.assert_allclose(together.composite[row], alone.composite, rtol=1e-13)
        np.testing.assert_allclose(together.coverage[row], alone.coverage, rtol=1e-13)


def test_taking_symbols_is_scoring_them():
    scores = np.random.default_rng(4).uniform(0, 100, (K, 5))
    taken = of(scores).take(np.array([3, 1]))
    np.testing.assert_allclose(taken.contributions, of(scores[:, [3, 1]]).contributions, rtol=1e-13)
    np.testing.assert_allclose(taken.composite, of(scores[:, [3, 1]]).composite, rtol=1e-13)


def test_a_factor_without_any_sub_factor_is_a_missing_factor():
    found = combine(np.array([[80.0], [20.0]]), np.array([NAN]), NAMES[:2], DEFAULT, ENTRIES)
    np.testing.assert_allclose(found.composite, 0.6 * 80 + 0.4 * 20)
    np.testing.assert_allclose(found.coverage, 0.28)
    assert np.isnan(found.factors[1:]).all()


def test_an_unregistered_sub_factor_is_refused():
    with pytest.raises(DatasetCorrupt, match=r"technical\.gone"):
        combine(np.array([[50.0]]), np.array([NAN]), ("technical.gone.one",), DEFAULT, ENTRIES)


def test_the_registered_weights_of_each_factor_sum_to_one():
    for factor in FACTOR_NAMES:
        assert sum(e.weight for e in SUB_FACTORS.values() if e.factor == factor) == pytest.approx(1.0)


def test_a_board_is_scored_whole_or_by_columns(seeded_snapshot):
    board = compute_board(seeded_snapshot)
    whole = score(board)
    some = score(board, DEFAULT, np.array([5, 0]))
    assert np.isfinite(whole.composite).sum() > 50
    np.testing.assert_allclose(some.composite, whole.composite[[5, 0]], rtol=1e-13)
