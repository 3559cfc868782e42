from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.ensemble.confidence import Confidence, fit_confidence
from vfr.validation.calibration import Platt, expit

NAN = np.nan


def drawn(seed=0, sessions=1000, names=100, per_margin=0.2, per_agreement=0.0, shock=0.0):
    """Margins, agreements and whether the sign was right; `shock` moves all names of a session together."""
    rng = np.random.default_rng(seed)
    margin, agreement = rng.uniform(0, 0.5, (sessions, names)), rng.uniform(0.5, 1, (sessions, names))
    logits = per_margin * margin + per_agreement * (agreement - 0.5) + shock * rng.normal(size=(sessions, 1)) * margin
    right = (rng.random(margin.shape) < expit(logits)).astype(float)
    return margin, agreement, np.ones_like(margin), right


def fitted(data, horizon="1d", members=5, alone=0.8, **options):
    return fit_confidence(*data, horizon, members=members, alone=alone, **options)


def test_it_finds_how_likely_the_sign_is_right_on_other_sessions():
    found = fitted(drawn(per_margin=0.1, per_agreement=0.05))
    margin, agreement, coverage, _ = drawn(1)
    p = found(margin, agreement, coverage)
    truth = expit(0.1 * margin + 0.05 * (agreement - 0.5))
    assert abs(p - truth).max() < 0.005
    assert p.mean() == pytest.approx(truth.mean(), abs=0.002)


def test_the_middle_name_on_which_members_are_divided_is_a_coin():
    found = fitted(drawn(per_margin=0.4, per_agreement=0.4))
    assert found(np.array([0.0]), np.array([0.5]), np.array([1.0])).tolist() == [0.5]


def test_a_score_that_orders_the_wrong_way_is_not_turned_around():
    found = fitted(drawn(per_margin=-0.3, per_agreement=-0.3))
    assert min(found.platt.slopes) >= 0
    edge = found(np.array([0.5]), np.array([1.0]), np.array([1.0]))
    assert 0.5 <= edge[0] < 0.503


def test_without_outcomes_it_is_a_coin_and_with_few_what_was_believed_before():
    margin, agreement, coverage, right = drawn(sessions=50)
    found = fitted((margin, agreement, coverage, np.full_like(right, NAN)))
    assert found(np.array([0.5]), np.array([1.0]), np.array([1.0])).tolist() == [0.5]
    few = fitted(tuple(grid[:2] for grid in (margin, agreement, coverage, right)))
    p = few(margin, agreement, coverage)
    assert 0.5 < p.mean() < 0.51


def test_overlapping_outcomes_and_names_that_move_together_teach_less():
    believed = fitted(drawn(sessions=1)).platt.slopes[0]
    alone, overlapping = (fitted(drawn(per_margin=0.6), horizon).platt.slopes[0] for horizon in ("1d", "30d"))
    assert alone > overlapping > believed
    crowded = fitted(drawn(per_margin=0.6, shock=3.0), "30d").platt.slopes[0]
    assert crowded < overlapping


def test_rows_that_do_not_count_are_not_read():
    margin, agreement, coverage, right = drawn(sessions=200)
    out = np.random.default_rng(3).random(right.shape) < 0.2
    right[out] = NAN
    found = fitted((margin, agreement, coverage, right))
    for grid in (margin, agreement, coverage):
        grid[out] = NAN
    assert fitted((margin, agreement, coverage, right)) == found


def test_one_of_five_keeps_the_share_that_theory_gives_it():
    margin, agreement, coverage, right = drawn(per_margin=0.3, per_agreement=0.1)
    found = fitted((margin, agreement, coverage, right), alone=0.7)
    average = np.log(1 / (1 / found(np.array([margin.mean()]), np.array([agreement.mean()]), np.ones(1)) - 1))
    lone = np.log(1 / (1 / found(np.array([margin.mean()]), np.ones(1), np.full(1, 0.2)) - 1))
    assert lone == pytest.approx(0.7 * average, rel=1e-6)


@given(st.floats(0, 0.5), st.floats(0.5, 1), st.floats(0, 1), st.floats(0, 1))
def test_more_coverage_never_brings_an_agreed_sign_nearer_a_coin(margin, agreement, less, more):
    found = Confidence(Platt(0.0, 0.0, (0.15, 0.05, 0.01), (0.0, 0.5, 1.0)))
    low, high = sorted((less, more))
    p = found(np.full(2, margin), np.full(2, agreement), np.array([low, high]))
    assert p[0] <= p[1] + 1e-15


def test_unknown_stays_unknown_and_a_lone_ensemble_has_no_coverage_to_lose():
    found = fitted(drawn(sessions=100), members=1, alone=1.0)
    assert found.platt.slopes[2] == 0.0
    assert np.isnan(found(np.array([NAN, 0.1]), np.array([0.6, NAN]), np.ones(2))).all()
