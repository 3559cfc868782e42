"""The whole way from scores and outcomes to a stop, replayed on a seeded market whose outcomes overlap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.experiments.replays import claimed, redrawn, swapped

from vfr.experiments.analysis import Paired, ordering
from vfr.experiments.experiment import StopRule
from vfr.experiments.power import power
from vfr.experiments.sequential import decide, independent

RULE = StopRule()
SPAN = 5


def market(rng: np.random.Generator, sessions: int, skill: float, names: int = 60) -> Paired:
    """Scores that last for months and outcomes of a week, every day: the blend knows `skill` of the coming return."""
    returns = rng.normal(size=(sessions + SPAN + 1, names))
    ahead = np.lib.stride_tricks.sliding_window_view(returns[1:], SPAN, axis=0).sum(axis=2)[:sessions]
    lasting = rng.normal(size=(2, sessions, names))
    for t in range(1, sessions):
        lasting[:, t] = 0.98 * lasting[:, t - 1] + np.sqrt(1.0 - 0.98**2) * lasting[:, t]
    classic = lasting[0]
    blended = 0.9 * lasting[0] + 0.4 * lasting[1] + skill * ahead / np.sqrt(SPAN)
    excess = ahead - np.median(ahead, axis=1, keepdims=True)
    days = np.busday_offset(np.datetime64("2012-01-02"), np.arange(sessions))
    return Paired("7d", days, classic, blended, excess, np.ones(classic.shape, dtype=bool))


@pytest.fixture(scope="module")
def pairs() -> Paired:
    return market(np.random.default_rng(0), 1_250, 0.0)


@pytest.fixture(scope="module")
def by_date(pairs: Paired) -> np.ndarray:
    return ordering(pairs, np.random.default_rng(0)).by_date


def test_swapping_the_names_of_the_scores_on_a_date_turns_the_sign_of_the_difference(pairs, by_date):
    rng = np.random.default_rng(1)
    turned = rng.random(pairs.sessions.size) < 0.5
    other = replace(
        pairs,
        classic=np.where(turned[:, None], pairs.blended, pairs.classic),
        blended=np.where(turned[:, None], pairs.classic, pairs.blended),
    )
    assert np.allclose(ordering(other, rng).by_date, np.where(turned, -by_date, by_date))


def test_without_a_true_difference_the_rule_errs_no_more_often_than_it_says(by_date):
    rng = np.random.default_rng(2)
    assert claimed(swapped(by_date, SPAN, rng), RULE) <= 0.05
    assert claimed(swapped(by_date, SPAN, rng, together=20), RULE) <= 0.05
    assert claimed(redrawn(independent(by_date, SPAN)[0], rng), RULE) <= 0.05


def test_read_as_if_every_date_were_independent_it_would_err(by_date):
    rng = np.random.default_rng(3)
    signs = np.repeat(rng.choice([-1.0, 1.0], size=(300, -(-by_date.size // 20))), 20, axis=1)[:, : by_date.size]
    assert claimed(by_date * signs, RULE) > 0.15


def test_a_measured_difference_is_found_as_often_as_power_says():
    values, stopped = [], []
    for seed in range(20):
        rng = np.random.default_rng(100 + seed)
        found, _ = independent(ordering(market(rng, 1_000, 0.06, names=40), rng).by_date, SPAN)
        values.append(found)
        stopped.append(decide(found, RULE).verdict == "ml")
    made = power(np.concatenate(values), RULE, np.random.default_rng(4))
    assert dict(made.at)[200] == pytest.approx(np.mean(stopped), abs=0.3)
    assert made.required is not None
    assert made.wrong <= 0.05
