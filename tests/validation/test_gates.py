from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vfr.validation.gates import GateFigures, judge, leak_alarm

HONEST = GateFigures(
    metrics={"rank_ic": 0.02, "brier": 0.249},
    dates=1000,
    ic=0.02,
    excess_accuracy=0.507,
    excess_auc=0.511,
    worst_feature="reversal",
    worst_feature_ic=0.03,
    degenerate=0.0,
    ece_excess=0.01,
    ece_direction=0.03,
    ece_base_rate=0.03,
    training_rows=50_000,
    latency_ms=0.5,
    parity=True,
)


def test_an_honest_model_passes():
    verdict = judge(HONEST)
    assert verdict.passed
    assert verdict.refused == ()


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"metrics": {"brier": float("nan")}}, "finite"),
        ({"metrics": {"brier": float("inf")}}, "finite"),
        ({"degenerate": 0.06}, "degenerate"),
        ({"ic": 0.081}, "leak.ic"),
        ({"excess_accuracy": 0.531}, "leak.excess_accuracy"),
        ({"excess_auc": 0.541}, "leak.excess_auc"),
        ({"worst_feature_ic": 0.061}, "leak.single_feature_ic"),
        ({"ece_excess": 0.051}, "calibration.excess"),
        ({"ece_direction": 0.041}, "calibration.direction"),
        ({"training_rows": 9_999}, "training_rows"),
        ({"parity": False}, "parity"),
        ({"latency_ms": 10.1}, "latency_ms"),
    ],
)
def test_each_gate_refuses_alone(change, gate):
    verdict = judge(replace(HONEST, **change))
    assert verdict.refused == (gate,)
    assert json.loads(json.dumps(verdict.to_dict()))["refused"] == [gate]


def test_the_leak_alarm_needs_250_dates():
    short = replace(HONEST, ic=0.5, dates=249)
    assert all(row.passed for row in leak_alarm(short))
    assert "249" in leak_alarm(short)[0].note
    assert not all(row.passed for row in leak_alarm(replace(short, dates=250)))


def test_few_rows_pass_only_with_a_recorded_reason():
    few = replace(HONEST, training_rows=100)
    verdict = judge(few, override_rows="a demonstration panel")
    assert verdict.passed
    assert "a demonstration panel" in json.dumps(verdict.to_dict())


def test_an_unknown_calibration_error_is_refused():
    assert not judge(replace(HONEST, ece_direction=float("nan"))).passed
