from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.ensemble.confidence import Confidence, fit_confidence
from vfr.validation.calibration import expit

NAN = np.nan


def drawn(seed=0, sessions=1000, names=100, slope=0.2, shock=0.0):
    """Margins and whether the sign was right; `shock` moves all names of a session together."""
    rng = np.random.default_rng(seed)
    margin = rng.uniform(0, 0.5, (sessions, names))
    logits = slope * margin + shock * rng.normal(size=(sessions, 1)) * margin
    return margin, (rng.random(margin.shape) < expit(logits)).astype(float)


def fitted(data, horizon="1d", members=5, alone=0.8, **options):
    return fit_confidence(*data, horizon, members=members, alone=alone, **options)


def test_it_finds_how_likely_the_sign_is_right_on_other_sessions():
    found = fitted(drawn(slope=0.12))
    margin, _ = drawn(1)
    p, truth = found(margin, np.ones_like(margin)), expit(0.12 * margin)
    assert abs(p - truth).max() < 0.005
    assert p.mean() == pytest.approx(truth.mean(), abs=0.002)


def test_the_middle_name_is_a_coin_and_farther_out_is_surer():
    p = fitted(drawn(slope=0.4))(np.linspace(0.0, 0.5, 11), np.ones(11))
    assert p[0] == 0.5
    assert (np.diff(p) > 0).all()


def test_a_score_that_orders_the_wrong_way_is_not_turned_around():
    found = fitted(drawn(slope=-0.3))
    assert 0.0 <= found.slope < 0.02
    assert 0.5 <= found(np.array([0.5]), np.ones(1))[0] < 0.503


def test_without_outcomes_it_is_a_coin_and_with_few_what_was_believed_before():
    margin, right = drawn(sessions=50)
    assert fitted((margin, np.full_like(right, NAN))).slope == 0.0
    few = fitted((margin[:2], right[:2]))
    # An information coefficient of 0.01: 1.6 x 0.01 per root mean square of the rank, which is 1 / sqrt(12).
    assert few.slope == pytest.approx(0.016 * np.sqrt(12), rel=0.2)


def test_overlapping_outcomes_and_names_that_move_together_teach_less():
    believed = fitted(drawn(sessions=1)).slope
    alone, overlapping = (fitted(drawn(slope=0.6), horizon).slope for horizon in ("1d", "30d"))
    assert alone > overlapping > believed
    assert fitted(drawn(slope=0.6, shock=3.0), "30d").slope < overlapping


def test_rows_that_do_not_count_are_not_read():
    margin, right = drawn(sessions=200)
    out = np.random.default_rng(3).random(right.shape) < 0.2
    right[out] = NAN
    found = fitted((margin, right))
    margin[out] = NAN
    assert fitted((margin, right)) == found


def test_one_of_five_keeps_the_share_that_theory_gives_it():
    found = fitted(drawn(slope=0.3), alone=0.7)
    whole, lone = found(np.full(2, 0.3), np.array([1.0, 0.2]))
    assert np.log(lone / (1 - lone)) == pytest.approx(0.7 * np.log(whole / (1 - whole)), rel=1e-9)


@given(st.floats(0, 0.5), st.floats(0, 2), st.floats(0, 1), st.floats(0, 1))
def test_more_coverage_never_brings_a_sign_nearer_a_coin(margin, loss, less, more):
    low, high = sorted((less, more))
    p = Confidence(slope=0.15, loss=loss)(np.full(2, margin), np.array([low, high]))
    assert 0.5 <= p[0] <= p[1] + 1e-15


def test_unknown_stays_unknown_and_a_lone_ensemble_has_no_coverage_to_lose():
    found = fitted(drawn(sessions=100), members=1, alone=1.0)
    assert found.loss == 0.0
    assert np.isnan(found(np.array([NAN, 0.1]), np.array([1.0, NAN]))).all()
