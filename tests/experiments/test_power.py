from __future__ import annotations

import numpy as np
import pytest

from vfr.experiments.experiment import StopRule
from vfr.experiments.power import power

RULE = StopRule()


def test_power_is_what_fresh_futures_show():
    rng = np.random.default_rng(0)
    measured = rng.normal(0.3, 1.0, 2_000)
    found = power(measured, RULE, np.random.default_rng(1), effect=0.3, block=1)
    from vfr.experiments.sequential import confidence_sequence, first_stop

    at, side = first_stop(confidence_sequence(rng.normal(0.3, 1.0, (2_000, 200)), RULE), RULE)
    fresh = float(((at > 0) & (side > 0)).mean())
    assert dict(found.at)[200] == pytest.approx(fresh, abs=0.05)


def test_half_the_effect_needs_about_four_times_the_dates():
    measured = np.random.default_rng(0).normal(0.0, 1.0, 400)
    wide, narrow = (power(measured, RULE, np.random.default_rng(1), effect=e) for e in (0.4, 0.2))
    assert 3.0 < narrow.required / wide.required < 6.0
    assert narrow.wrong <= 0.05


def test_a_difference_the_other_way_round_is_found_as_well():
    measured = np.random.default_rng(0).normal(-0.5, 1.0, 300)
    found = power(measured, RULE, np.random.default_rng(1))
    assert found.effect == pytest.approx(measured.mean())
    assert found.required < 150


def test_what_cannot_be_found_in_time_is_told():
    measured = np.random.default_rng(0).normal(0.0, 1.0, 100)
    assert power(measured, RULE, np.random.default_rng(1), effect=0.01, longest=200, paths=200).required is None


def test_too_little_says_nothing():
    assert power(np.arange(19.0), RULE, np.random.default_rng(0)) is None
    assert power(np.zeros(50), RULE, np.random.default_rng(0)) is None
