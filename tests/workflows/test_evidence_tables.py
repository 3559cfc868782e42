"""What is planted in a study is what its tables of ranks and returns show; where nothing is, they stay in noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.workflows.planted import SHAPE, study

from vfr.models.design import session_ranks
from vfr.validation.correlation import information_coefficient, rank_ic
from vfr.workflows import evidence_excess, evidence_ranks, evidence_tables
from vfr.workflows.evidence_data import Ranked, Study
from vfr.workflows.evidence_groups import groups_of, turnover
from vfr.workflows.evidence_report import Table


def rows(table: Table) -> list[dict]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def only(table: Table, **what: object) -> dict:
    [row] = [row for row in rows(table) if all(row[k] == v for k, v in what.items())]
    return row


def test_no_universe_supports_a_claim_where_members_are_unknown():
    unknown = study(0.2)
    known = replace(unknown, universes={"members at t": unknown.cells})
    assert "so no claim" in evidence_tables.rank_ic_table(unknown).note
    assert "Only the first universe supports a claim" in evidence_tables.rank_ic_table(known).note


def test_planted_skill_is_measured():
    planted = study(0.2, more={"idle": 0.0})
    model, idle = rows(evidence_tables.rank_ic_table(planted))
    score, returns = planted.models[0].rank, planted.outcomes["made up"]
    assert model["rank IC"] == pytest.approx(float(np.nanmean(rank_ic(score, returns))))
    assert model["rank IC"] == pytest.approx(0.19, abs=0.02)
    assert model["IC"] == pytest.approx(float(np.nanmean(information_coefficient(score, returns))))
    assert min(model["t"], model["t of IC"]) > 20
    assert abs(idle["t"]) < 3
    assert abs(idle["t of IC"]) < 3
    excess = only(evidence_excess.excess(planted), model="skilled")
    assert excess["sign accuracy"] == pytest.approx(0.5 + np.arcsin(0.2) / np.pi, abs=0.01)
    assert excess["top - bottom fifth"] == pytest.approx(2 * 1.4 * 0.2 * 0.02, rel=0.1)
    gain = only(evidence_tables.paired(planted), pair="skilled - idle")
    assert gain["difference"] == pytest.approx(model["rank IC"] - idle["rank IC"])
    assert gain["t"] > 15


def test_every_model_is_shown_in_every_year():
    planted = study(0.2, more={"idle": 0.0})
    found = rows(evidence_tables.by_year(planted))
    assert [(row["year"], row["model"]) for row in found] == [
        ("2010", "skilled"),
        ("2010", "idle"),
        ("2011", "skilled"),
        ("2011", "idle"),
    ]
    assert all(row["t made up"] > 8 for row in found if row["model"] == "skilled")
    assert all(abs(row["t made up"]) < 3 for row in found if row["model"] == "idle")


def test_an_unjudged_cross_section_widens_no_lag():
    assert study(0.2).lag == 2
    assert replace(study(0.2), horizon="30d").lag == 32
    every_fifth = replace(study(0.2), horizon="30d", stride=5)
    assert (every_fifth.lag, every_fifth.block, every_fifth.step) == (7, 9, 25)


def exposed(beta_premium: float) -> Study:
    """A score that is beta and a little skill; returns that pay for beta, for the sector and for the skill."""
    planted = study(0.1)
    rng = np.random.default_rng(3)
    beta, sectors = rng.normal(size=SHAPE), np.arange(SHAPE[1]) % 4
    own = planted.models[0].rank
    returns = planted.outcomes["made up"] + 0.02 * beta_premium * beta + 0.01 * sectors
    scores = {"beta": beta, "beta and skill": own + 0.5 * beta, "sector": np.broadcast_to(sectors * 1.0, SHAPE)}
    return replace(
        planted,
        models=(),
        outcomes={"made up": returns},
        others=tuple(Ranked(name, session_ranks(value)) for name, value in scores.items()),
        exposures={"beta (beta_252)": beta, "size (log_market_cap)": rng.normal(size=SHAPE)},
        sectors=sectors.astype(np.int64),
    )


def test_a_bet_on_an_exposure_vanishes_with_it_and_skill_stays():
    table = evidence_ranks.neutralised(exposed(0.5))
    t = {(row["model"], row["taken out"]): row["t made up"] for row in rows(table)}
    assert t["beta", "nothing"] > 20
    assert t["beta", "size"] > 20
    # Nothing but rounding is left.
    assert np.isnan(t["beta", "beta"])
    assert np.isnan(t["sector", "sector"])
    assert abs(t["beta", "sector"] - t["beta", "nothing"]) < 10
    assert t["beta and skill", "all of them"] > 8
    assert t["sector", "nothing"] > 20
    assert "beta (beta_252)" in table.note
    assert "classification of today" in table.note


def test_a_score_that_knows_nothing_is_not_helped_by_taking_exposures_out():
    noise = replace(study(0.0), exposures={"beta (beta_252)": np.random.default_rng(4).normal(size=SHAPE)})
    assert all(abs(row["t made up"]) < 3 for row in rows(evidence_ranks.neutralised(noise)))


def test_decay_shows_when_a_score_stops_to_know():
    planted = study(0.3)
    t = {row["lag"]: row["t"] for row in rows(evidence_ranks.decay(planted))}
    assert t[0] > 20
    assert all(abs(t[lag]) < 3.5 for lag in evidence_ranks.LAGS[1:])
    late = replace(planted, outcomes={"made up": np.roll(planted.outcomes["made up"], 3, axis=0)})
    t = {row["lag"]: row["t"] for row in rows(evidence_ranks.decay(late))}
    assert t[3] > 20
    assert all(abs(t[lag]) < 3.5 for lag in evidence_ranks.LAGS if lag != 3)
    assert {row["dates"] for row in rows(evidence_ranks.decay(planted))} == {SHAPE[0] - 21}


def test_groups_rise_with_a_score_that_knows_and_only_then():
    table = evidence_ranks.quantile_returns(study(0.3, more={"idle": 0.0}))
    means = [row["mean excess"] for row in rows(table) if row["model"] == "skilled"]
    assert len(means) == 6
    assert means[:5] == sorted(means[:5])
    assert means[5] == pytest.approx(means[4] - means[0])
    assert only(table, model="skilled", group="top - bottom")["t"] > 20
    assert abs(only(table, model="idle", group="top - bottom")["t"]) < 3
    assert only(table, model="skilled", group="5")["above the median name"] > 0.55
    assert only(table, model="skilled", group="5")["names"] == SHAPE[1] / 5


def test_groups_are_of_equal_size_and_need_two_names_each():
    values = np.array([[3.0, 1.0, 2.0, np.nan, 4.0, 5.0], [1.0, np.nan, np.nan, 2.0, 3.0, np.nan]])
    cells = np.ones(values.shape, dtype=bool)
    cells[0, 5] = False
    got = groups_of(values, cells, 2)
    assert got[0].tolist()[:3] == [1.0, 0.0, 0.0]
    assert got[0, 4] == 1.0
    assert np.isnan(got[0, [3, 5]]).all()
    assert np.isnan(got[1]).all()


def test_members_that_agree_and_members_that_do_not():
    planted = study(0.0, more={"other": 0.0})
    twin = replace(planted.models[0], name="twin")
    forecasts, errors = evidence_ranks.correlations(replace(planted, models=(*planted.models, twin)))
    assert only(forecasts, model="skilled")["twin"] == pytest.approx(1.0)
    assert only(forecasts, model="skilled")["other"] == pytest.approx(0.0, abs=0.02)
    assert only(errors, model="twin")["skilled"] == pytest.approx(1.0)
    assert only(errors, model="other")["skilled"] == pytest.approx(0.5, abs=0.02)
    assert evidence_ranks.correlations(study(0.1)) == ()


def test_turnover_of_a_fixed_and_of_a_random_order():
    cells = np.ones((50, 40), dtype=bool)
    fixed = np.tile(np.arange(40.0), (50, 1))
    assert turnover(fixed, cells, 1) == 0
    mixed = np.random.default_rng(0).random((50, 40))
    assert turnover(mixed, cells, 1) == pytest.approx(0.8, abs=0.05)
