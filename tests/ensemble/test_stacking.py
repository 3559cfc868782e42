from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from vfr.ensemble.pools import log_odds
from vfr.ensemble.stacking import fit_stacker

MEMBERS = ("lightgbm", "linear", "trees")
FITTED, JUDGED = np.arange(400), np.arange(402, 800)


def world(seed=0, skill=(0.3, 0.3, 0.3), names=30, sessions=800, noise=1.0):
    """Members that see the truth with noise of their own; probabilities around a base rate of 54 %."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(sessions, names))
    seen = np.stack([s * truth + (noise * rng.normal(size=truth.shape)) for s in skill])
    excess = 0.02 * (0.3 * truth + rng.normal(size=truth.shape))
    excess -= np.median(excess, axis=1, keepdims=True)
    up = (excess + 0.002 > 0).astype(float)
    return {
        "p_up": 1 / (1 + np.exp(-(0.16 + 0.1 * seen))),
        "expected": 0.002 * seen,
        "direction": up,
        "excess": excess,
        "cells": np.ones(up.shape, dtype=bool),
    }


def stacked(data, horizon="1d", fitted=FITTED, judged=JUDGED):
    return fit_stacker(MEMBERS, **data, horizon=horizon, fitted=fitted, judged=judged)


def test_members_alike_in_skill_get_about_equal_coefficients():
    found = stacked(world())
    np.testing.assert_allclose(found.direction, found.direction.mean(), atol=0.12)
    np.testing.assert_allclose(found.excess, found.excess.mean(), atol=0.25)


def test_an_idle_member_gets_little_and_the_gain_is_found():
    found = stacked(world(skill=(0.9, 0.9, 0.0)))
    assert found.direction[2] < 0.3 * found.direction[0]
    assert found.excess[2] < 0.25 * found.excess[0]
    assert found.beats_equal
    assert found.verdict.startswith("the stacker beats equal weights: log loss 0.6")
    assert "on 398 later dates" in found.verdict


def test_a_member_that_is_wrong_is_never_turned_around():
    found = stacked(world(skill=(0.5, 0.5, -0.9)))
    assert found.excess[2] == 0.0
    assert found.direction[2] == 0.0
    assert (found.direction >= 0).all()


def test_with_hardly_any_data_the_coefficients_are_equal_and_nothing_is_beaten():
    found = stacked(world(), fitted=np.arange(2), judged=np.arange(10, 13))
    np.testing.assert_allclose(found.direction, 1 / 3, atol=0.04)
    np.testing.assert_allclose(found.excess, 1 / 3, atol=0.08)
    assert abs(found.intercept) < 0.02
    assert not found.beats_equal


def test_long_overlapping_outcomes_teach_less():
    data = world(skill=(0.9, 0.9, 0.0))
    short, long = stacked(data, "1d"), stacked(data, "30d")
    assert abs(long.excess - 1 / 3).sum() < abs(short.excess - 1 / 3).sum()
    assert abs(long.direction - 1 / 3).sum() < abs(short.direction - 1 / 3).sum()


def test_where_equal_weights_are_the_truth_they_are_hardly_ever_beaten():
    beaten = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        seen = rng.normal(size=(3, 800, 12))
        excess = seen.mean(axis=0) + 10.0 * rng.normal(size=seen.shape[1:])
        p_up = 1 / (1 + np.exp(-0.2 * seen))
        up = (rng.random(excess.shape) < 1 / (1 + np.exp(-0.2 * seen.mean(axis=0)))).astype(float)
        data = {"p_up": p_up, "expected": seen, "direction": up, "excess": excess, "cells": np.ones(up.shape, bool)}
        beaten.append(stacked(data).beats_equal)
    assert sum(beaten) <= 2


def test_it_is_the_minimum_of_the_penalised_likelihood():
    data = world(seed=3, skill=(0.6, 0.1, -0.2))
    found = stacked(data)
    X = log_odds(data["p_up"][:, FITTED]).reshape(3, -1)
    y = data["direction"][FITTED].ravel()
    weight = len(FITTED) * 5 / y.size

    def loss(beta):
        logits = beta[0] + beta[1:] @ X
        fit = weight * (np.logaddexp(0, logits) - y * logits).sum()
        return fit + 0.5 * (beta[0] / 0.05) ** 2 + 0.5 * (3 * (beta[1:] - 1 / 3)) @ (3 * (beta[1:] - 1 / 3))

    best = minimize(loss, np.full(4, 0.3), bounds=[(None, None), *[(0, None)] * 3], method="L-BFGS-B", tol=1e-14)
    assert loss(np.array([found.intercept, *found.direction])) <= best.fun + 1e-6
    np.testing.assert_allclose([found.intercept, *found.direction], best.x, atol=2e-3)


def test_cells_that_do_not_count_or_that_a_member_lacks_are_not_read():
    data = world(skill=(0.9, 0.4, 0.0))
    rng = np.random.default_rng(5)
    out, lacking = rng.random(data["cells"].shape) < 0.1, rng.random(data["cells"].shape) < 0.1
    data["cells"] = ~out
    data["p_up"][1][lacking] = np.nan
    found = stacked(data)
    data["direction"][out | lacking] = 7.0
    data["excess"][out | lacking] = np.nan
    again = stacked(data)
    np.testing.assert_array_equal(again.direction, found.direction)
    np.testing.assert_array_equal(again.excess, found.excess)
    assert again.verdict == found.verdict


def test_judged_sessions_teach_nothing_and_fitted_ones_judge_nothing():
    data, other = world(skill=(0.9, 0.4, 0.0)), world(seed=9, skill=(0.0, 0.0, 0.9))
    mixed = {k: v.copy() for k, v in data.items()}
    for name in ("p_up", "expected"):
        mixed[name][:, JUDGED] = other[name][:, JUDGED]
    for name in ("direction", "excess"):
        mixed[name][JUDGED] = other[name][JUDGED]
    found, changed = stacked(data), stacked(mixed)
    np.testing.assert_array_equal(changed.direction, found.direction)
    np.testing.assert_array_equal(changed.excess, found.excess)
    assert found.beats_equal
    assert not changed.beats_equal


def test_one_wild_return_moves_the_coefficients_little():
    data = world(skill=(0.6, 0.6, 0.6))
    before = stacked(data).excess
    data["excess"][100, 3] = 50.0
    assert abs(stacked(data).excess - before).max() < 0.05


def test_permuted_members_have_permuted_coefficients():
    data, order = world(skill=(0.8, 0.4, 0.1)), [2, 0, 1]
    found = stacked(data)
    moved = {**data, "p_up": data["p_up"][order], "expected": data["expected"][order]}
    again = stacked(moved)
    np.testing.assert_allclose(again.direction, found.direction[order], atol=1e-8)
    np.testing.assert_allclose(again.excess, found.excess[order], atol=1e-8)
    assert again.intercept == pytest.approx(found.intercept, abs=1e-8)
