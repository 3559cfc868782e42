"""Planted probabilities: skill, calibration, confidence and intervals are shown where they are, and not elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.workflows.planted import SHAPE, study
from tests.workflows.test_evidence_tables import only, rows

from vfr.features.matrix import Labels
from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.validation.calibration import expit
from vfr.validation.splits import Fold
from vfr.workflows import evidence_direction, evidence_excess
from vfr.workflows.evidence_calibrators import calibrators
from vfr.workflows.evidence_data import Judged
from vfr.workflows.evidence_selection import superior_ability
from vfr.workflows.train_data import Targets
from vfr.workflows.train_judge import Served
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Refit, Walk


def test_probabilities_that_know_have_skill_and_those_that_do_not_have_none():
    known = only(evidence_direction.direction(study(certain=0.2)), rule="skilled")
    # Knowing p saves its variance, 0.2^2 / 3, of the 0.24 that the base rate of 0.6 costs.
    assert known["skill"] == pytest.approx(0.2**2 / 3 / 0.24, rel=0.15)
    assert known["skill low"] > 0
    assert known["skill low"] < known["skill"] < known["skill high"]
    idle = replace(study(certain=0.2), direction=study(certain=0.2, seed=5).direction)
    assert only(evidence_direction.direction(idle), rule="skilled")["skill low"] < 0


def test_always_up_is_worth_one_half():
    table = evidence_direction.direction(study(up_rate=0.6), {"above": np.ones(SHAPE)})
    for rule in ("ex-ante base rate", "last sign", "above"):
        row = only(table, rule=rule)
        assert row["accuracy"] == pytest.approx(0.6, abs=0.01)
        assert (row["balanced"], row["MCC"], row["share UP"]) == (0.5, 0, 1)
    assert only(table, rule="ex-ante base rate")["skill"] == 0
    assert only(table, rule="above")["Brier"] is None


def test_sixty_percent_without_lift_is_printed_as_a_fail():
    table = evidence_direction.accuracy_against_coverage(study(up_rate=0.65))
    whole = rows(table)[0]
    assert whole["accuracy"] >= 0.6
    assert whole["lift"] == 0
    assert whole["verdict"] == "60 % reached without lift: fail"


def test_sixty_percent_with_lift_passes_and_less_is_not_called_more():
    table = rows(evidence_direction.accuracy_against_coverage(study(up_rate=0.5, certain=0.4)))
    assert table[0]["verdict"] == "60 % reached with lift: pass"
    assert table[-1]["accuracy"] > table[0]["accuracy"] > 0.6
    low = rows(evidence_direction.accuracy_against_coverage(study(up_rate=0.5, certain=0.08)))
    assert low[0]["verdict"].startswith("60 % not reached: fail")


def test_no_call_is_judged_by_a_bar_set_on_its_own_year():
    planted = study()
    row = rows(evidence_direction.accuracy_against_coverage(planted))[0]
    in_2011 = planted.years == 2011
    assert (row["nominal"], row["years"]) == ("100%", 1)
    assert row["coverage"] <= in_2011.mean()
    assert row["dates"] <= int(in_2011.sum())
    first_year = replace(planted, sessions=np.full(SHAPE[0], np.datetime64("2010-01-04")))
    assert rows(evidence_direction.accuracy_against_coverage(first_year))[0]["verdict"] == "no rows"


def test_confidence_that_means_something_may_be_claimed():
    [table] = evidence_excess.excess_probability(study(0.2))
    row = only(table, model="skilled")
    assert row["skill low"] > 0
    assert row["verdict"] == "skill"
    assert row["ECE"] < 0.02
    gap = rows(evidence_excess.confidence_deciles(study(0.2)))[-1]
    assert gap["decile"] == "top - bottom"
    assert 0 < gap["low"] < gap["sign right"] < gap["high"]


def test_confidence_that_means_nothing_or_too_much_may_not():
    [table] = evidence_excess.excess_probability(study(0.0))
    assert only(table, model="skilled")["verdict"] != "skill"
    [boasting] = evidence_excess.excess_probability(study(0.1, boast=8.0))
    assert only(boasting, model="skilled")["verdict"] == "worse than the base rate"
    gap = rows(evidence_excess.confidence_deciles(study(0.0)))[-1]
    assert gap["low"] < 0 < gap["high"]
    assert evidence_excess.excess_probability(replace(study(), excess_base=None)) == ()


def test_interval_coverage_is_what_the_normal_law_says_for_every_model():
    planted = study(more={"narrow": 0.0})
    p = planted.models[1].prediction
    narrow = replace(planted.models[1], prediction=replace(p, low=p.low / 2, high=p.high / 2))
    table = evidence_excess.intervals(replace(planted, models=(planted.models[0], narrow)))
    good, bad = only(table, model="skilled", group="all"), only(table, model="narrow", group="all")
    assert good["coverage"] == pytest.approx(0.9, abs=0.01)
    assert good["80-97 %"] is True
    assert bad["coverage"] < 0.65
    assert bad["80-97 %"] is False
    assert bad["interval score"] > good["interval score"]
    groups = [row["group"] for row in rows(table) if row["model"] == "narrow"]
    assert groups == ["all", "2010", "2011", *(f"volatility fifth {q}" for q in range(1, 6))]


def test_the_best_of_several_is_better_only_where_one_knows():
    known = only(superior_ability(study(0.2, certain=0.2), None), benchmark="ex-ante base rate of a rise")
    assert known["p"] < 0.01
    assert known["verdict"] == "better than the benchmark"
    assert known["its gain"] == pytest.approx(0.2**2 / 3, rel=0.15)
    for row in rows(superior_ability(study(0.0, more={f"idle {n}": 0.0 for n in range(4)}), None)):
        assert row["p"] > 0.05
        assert row["verdict"] == "not distinguishable"
        assert row["models"] == 5


def calibrated(served_slope: float) -> tuple:
    """A logit that is exactly right, a served probability that may not be, and one refit that tests the last half."""
    rng = np.random.default_rng(2)
    logit = rng.normal(size=SHAPE)
    direction = (rng.random(SHAPE) < expit(logit)).astype(float)
    rank = session_ranks(logit)
    planted = study()
    half = SHAPE[0] // 2
    labels = Labels("1d", "open", planted.excess, direction, planted.excess, span=2)
    first, second = np.arange(half), np.arange(half, SHAPE[0])
    refits = [Refit(Fold(str(n), first, test), None, None, None, 0, 0) for n, test in enumerate((first, second))]
    p = np.where(np.arange(SHAPE[0])[:, None] < half, np.nan, expit(served_slope * logit))
    sure = np.where(np.isfinite(p), 0.5, np.nan)
    prediction = Prediction(p, rank, rank - 1, rank + 1, sure, 0.9)
    cells = np.isfinite(p)
    judged = replace(planted, direction=direction, models=(Judged("m", prediction, rank),), universes={"all": cells})
    targets = Targets(labels, rank, np.ones(SHAPE, dtype=bool))
    served = Served(prediction, rank, (None, "fitted"))
    return judged, targets, {"m": Walk(tuple(refits), logit, rank)}, {"m": served}, Recipe(conformal=60)


def test_a_served_probability_that_is_right_is_not_beaten():
    table = calibrators(*calibrated(1.0))
    up = {row["calibrator"]: row for row in rows(table) if row["probability of"] == "a rise"}
    assert list(up) == ["served (shrunk Platt)", "isotonic", "Venn-Abers"]
    assert up["isotonic"]["Brier"] == pytest.approx(up["served (shrunk Platt)"]["Brier"], rel=0.01)
    assert {row["verdict"] for row in up.values()} <= {"", "not distinguishable", "the served one is better"}


def test_the_middle_name_has_no_sign_that_could_be_right():
    """With an odd number of names, a map that learns that rank 0 is never right would beat any honest confidence."""
    judged, targets, walks, served, recipe = calibrated(1.0)
    walk = walks["m"]
    odd = np.where(np.arange(SHAPE[1]) == 0, np.nan, walk.direction)
    rank = session_ranks(odd)
    assert (rank == 0).sum() == SHAPE[0]
    walks = {"m": replace(walk, direction=odd, rank=rank)}
    cells = judged.cells & np.isfinite(rank)
    table = calibrators(replace(judged, universes={"all": cells}), targets, walks, served, recipe)
    sign = {row["calibrator"]: row for row in rows(table) if row["probability of"] == "the right sign"}
    # What was served, one half throughout, is right: these ranks know nothing of the excess return.
    assert sign["served (shrunk Platt)"]["Brier"] == 0.25
    assert sign["isotonic"]["t"] > -2


def test_a_served_probability_that_boasts_is_beaten():
    table = calibrators(*calibrated(5.0))
    up = {row["calibrator"]: row for row in rows(table) if row["probability of"] == "a rise"}
    for name in ("isotonic", "Venn-Abers"):
        assert up[name]["verdict"] == "better than the served one"
        assert up[name]["t"] < -5
        assert up[name]["ECE"] < 0.03 < up["served (shrunk Platt)"]["ECE"]
