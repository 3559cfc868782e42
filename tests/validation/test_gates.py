from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vfr.validation.gates import VERDICT_SCHEMA, GateFigures, judge, leak_alarm

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


def row(verdict, gate):
    (found,) = [r for r in verdict.rows if r.gate == gate]
    return found


def test_the_verdict_has_the_documented_form():
    import jsonschema_rs

    check = jsonschema_rs.validator_for(dict(VERDICT_SCHEMA))
    for figures in (HONEST, replace(HONEST, ic=0.2, latency_ms=float("nan"), degenerate_raw=0.2)):
        check.validate(json.loads(json.dumps(judge(figures).to_dict(), allow_nan=False)))
    assert not check.is_valid({"passed": True, "refused": [], "rows": [{"gate": "ic"}]})


def test_a_leak_alarm_names_the_figure_and_the_feature():
    verdict = judge(replace(HONEST, ic=0.0931, worst_feature="tomorrow", worst_feature_ic=0.2))
    assert verdict.refused == ("leak.ic", "leak.single_feature_ic")
    assert row(verdict, "leak.ic").note == "mean rank IC: 0.0931 over 1,000 dates is a leak until shown otherwise"
    assert "feature tomorrow: 0.2000" in row(verdict, "leak.single_feature_ic").note


def test_what_is_printed_is_never_gated():
    """An honest day-ahead forecast is degenerate as a plain fraction, and a month-ahead one nearly always says UP."""
    verdict = judge(replace(HONEST, metrics=HONEST.metrics | {"share_up": 1.0}, degenerate_raw=1.0))
    assert verdict.passed
    assert (row(verdict, "degenerate.raw").figure, row(verdict, "share_up").figure) == (1.0, 1.0)
    printed = {r["gate"]: r["bound"] for r in verdict.to_dict()["rows"] if r["bound"] is None}
    assert set(printed) == {"degenerate.raw", "share_up"}


@pytest.mark.parametrize(("difference", "passes"), [(0.0, True), (1e-6, True), (1.1e-6, False), (float("nan"), False)])
def test_served_scores_may_differ_by_a_millionth(difference, passes):
    verdict = judge(replace(HONEST, parity_difference=difference, parity_rows=9_600))
    assert verdict.passed == passes
    assert "9,600 rows" in row(verdict, "parity").note


@pytest.mark.parametrize(
    ("times", "passes"),
    [
        ({"latency_ms": 2.0, "latency_median_ms": 3.0, "latency_wall_ms": 40.0}, True),
        ({"latency_ms": 2.0, "latency_median_ms": 10.1, "latency_wall_ms": 40.0}, False),
        ({"latency_ms": float("nan")}, False),
    ],
)
def test_latency_is_time_on_the_processor_and_the_median_by_the_clock(times, passes):
    assert judge(replace(HONEST, **times)).passed == passes


def test_the_documentation_shows_the_form_of_the_verdict():
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    shown = page.split("```json\n")[1].split("```")[0]
    assert json.loads(shown) == json.loads(json.dumps(dict(VERDICT_SCHEMA)))
