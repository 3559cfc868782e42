"""A simulated experiment on real outcomes (`make verify`): errors of the stop rule, power, sample needed."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.real import paired_scores
from tests.experiments.replays import claimed, redrawn, swapped

from vfr.adapters.compute.processes import Processes
from vfr.experiments.analysis import Paired, accuracy, ordering
from vfr.experiments.experiment import StopRule
from vfr.experiments.power import power
from vfr.experiments.sequential import WEEK, decide, independent
from vfr.typing import HORIZONS, Horizon

pytestmark = pytest.mark.evidence

RULE = StopRule()
MEMBERS = ("lightgbm", "linear")
WEIGHT = 0.15


@pytest.fixture(scope="module")
def pairs(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Horizon, Paired]:
    compute = Processes(tmp_path_factory.mktemp("work"), 2)
    return paired_scores(shared_data, tuple(HORIZONS), MEMBERS, compute, WEIGHT)


def tell(horizon: Horizon, **figures: Any) -> None:
    """Print figures past the capture: they are what the documentation states."""
    sys.__stdout__.write(f"\n{horizon}: {figures}\n")


@pytest.mark.parametrize("horizon", HORIZONS)
def test_without_a_true_difference_the_rule_errs_in_no_more_than_one_replay_in_twenty(pairs, horizon):
    span, rng = HORIZONS[horizon], np.random.default_rng(0)
    by_date = ordering(pairs[horizon], rng).by_date
    values, _ = independent(by_date, span)
    level = by_date - np.nanmean(by_date)
    errors = {
        "swapped by date": claimed(swapped(by_date, span, rng), RULE),
        # What lasts for weeks stays; a difference that is there on all dates would make each month truly different.
        "swapped by month": claimed(swapped(level, span, rng, together=4 * max(span, WEEK)), RULE),
        "quarters redrawn": claimed(redrawn(values, rng), RULE),
    }
    tell(horizon, values=values.size, errors=errors)
    assert max(errors.values()) <= 0.05, errors


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_measured_difference_has_a_power_and_a_required_sample(pairs, horizon):
    rng = np.random.default_rng(0)
    found = ordering(pairs[horizon], rng)
    values, _ = independent(found.by_date, HORIZONS[horizon])
    made = power(values, RULE, rng, longest=4_000)
    tell(horizon, ordering=(found.classic, found.blended, found.difference), power=asdict(made))
    tell(horizon, accuracy=asdict(accuracy(pairs[horizon], rng)), decision=decide(values, RULE))
    chances = [chance for _, chance in made.at]
    assert chances == sorted(chances)
    assert made.wrong <= 0.05
    assert made.required is None or dict(made.at)[4_000] >= 0.8


def test_a_week_read_date_by_date_would_err_in_most_replays(pairs):
    rng = np.random.default_rng(0)
    by_date = ordering(pairs["7d"], rng).by_date
    by_date = by_date[np.isfinite(by_date)]
    signs = np.repeat(rng.choice([-1.0, 1.0], size=(500, -(-by_date.size // 20))), 20, axis=1)[:, : by_date.size]
    assert claimed(by_date * signs, RULE) > 0.5
