"""Outside scores, seeds, families left out, and selection: planted gains are found, and noise stays noise."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tests.workflows.planted import SHAPE, study
from tests.workflows.test_evidence_tables import only, rows

from vfr.errors import InvalidField
from vfr.features import compute
from vfr.workflows import evidence_against, evidence_variants
from vfr.workflows.evidence_against import OutsideScores, gains, placed
from vfr.workflows.evidence_data import Ranked
from vfr.workflows.evidence_selection import overfitting_of_all, superior_ability
from vfr.workflows.train_data import prepare
from vfr.workflows.train_judge import Served


def beside(skill: float, theirs: float):
    """Return a study with a reference of a skill of its own, known on most cells."""
    planted = study(skill, more={"other": theirs})
    known = np.random.default_rng(9).random(SHAPE) < 0.95
    reference = Ranked("theirs", np.where(known, planted.models[1].rank, np.nan))
    return replace(planted, models=planted.models[:1], others=(reference,)), reference


def test_a_planted_gain_over_an_outside_score_is_found():
    gain, loss = gains(*beside(0.3, 0.1))
    row = only(gain, model="skilled")
    assert row["rank IC"] == pytest.approx(0.29, abs=0.02)
    assert row["rank IC of theirs"] == pytest.approx(0.1, abs=0.02)
    assert row["gain"] == pytest.approx(row["rank IC"] - row["rank IC of theirs"])
    assert row["t"] > 10
    assert 0 < row["low"] < row["gain"] < row["high"]
    assert "95% of those judged" in gain.note
    for tested in rows(loss):
        assert tested["difference"] < 0
        assert tested["p"] < 0.01
        assert tested["verdict"] == "the model is better"


def test_a_better_outside_score_is_called_better_and_an_equal_one_is_not():
    _, loss = gains(*beside(0.1, 0.3))
    assert {row["verdict"] for row in rows(loss)} == {"theirs is better"}
    gain, loss = gains(*beside(0.1, 0.1))
    assert abs(only(gain, model="skilled")["t"]) < 3
    assert {row["verdict"] for row in rows(loss)} == {"not distinguishable"}


def test_the_loss_of_ranks_is_rank_correlation_in_another_unit():
    planted, reference = beside(0.2, 0.0)
    cells = planted.cells & np.isfinite(reference.rank)
    loss = evidence_against.losses_of_ranks(planted, planted.models[0], cells)["squared error of ranks"]
    # Two independent uniform ranks differ by 1/6 in the square.
    assert np.nanmean(loss) == pytest.approx((1 - 0.19) / 6, rel=0.03)


def test_the_best_of_several_is_held_to_the_reference():
    for skill, verdict in ((0.3, "better than the benchmark"), (0.0, "not distinguishable")):
        planted, reference = beside(skill, 0.05)
        row = only(superior_ability(planted, reference), benchmark="theirs")
        assert row["verdict"] == verdict
        assert row["loss"] == "squared error of ranks"


def outside(snapshot, scores: np.ndarray, **more) -> OutsideScores:
    r, n = np.nonzero(np.isfinite(scores))
    order = np.random.default_rng(3).permutation(r.size)
    r, n = r[order], n[order]
    symbols = np.array(snapshot.symbols)
    given = {"dates": snapshot.sessions[r], "symbols": symbols[n], "scores": scores[r, n]}
    return OutsideScores("theirs", **{**given, **more})


def test_outside_scores_find_their_places_whatever_their_order(seeded_snapshot):
    scores = np.random.default_rng(2).normal(size=seeded_snapshot.panel.shape)
    scores[:300] = np.nan
    scores[400, ::2] = np.nan
    got = placed(outside(seeded_snapshot, scores), seeded_snapshot, "7d")
    assert np.array_equal(np.isfinite(got.rank), np.isfinite(scores))
    row = np.argsort(scores[500])
    assert np.array_equal(np.argsort(got.rank[500]), row)
    lower = outside(seeded_snapshot, scores)
    lower = replace(lower, symbols=np.char.lower(lower.symbols))
    assert np.array_equal(placed(lower, seeded_snapshot, "7d").rank, got.rank, equal_nan=True)


def test_only_the_scores_of_a_horizon_are_judged_at_it(seeded_snapshot):
    scores = np.random.default_rng(2).normal(size=seeded_snapshot.panel.shape)
    given = outside(seeded_snapshot, scores)
    horizons = np.where(given.dates < seeded_snapshot.sessions[300], "1d", "1w")
    got = placed(replace(given, horizons=horizons), seeded_snapshot, "7d")
    assert np.flatnonzero(np.isfinite(got.rank).any(axis=1))[0] == 300


def test_outside_scores_that_cannot_be_used_say_why(seeded_snapshot):
    scores = np.full(seeded_snapshot.panel.shape, np.nan)
    scores[600:] = np.arange(scores.shape[1])
    good = outside(seeded_snapshot, scores)
    size = good.scores.size
    twice = [np.concatenate([part, part[:1]]) for part in (good.dates, good.symbols, good.scores)]
    for bad, said in (
        (replace(good, scores=np.full(size, np.inf)), "score: infinite"),
        (replace(good, scores=np.full(size, np.nan)), "score: no known value at horizon 7d"),
        (replace(good, horizons=np.full(size, "1d")), "score: no known value at horizon 7d"),
        (replace(good, horizons=np.full(size, "4h")), "horizon: .*not '4h'"),
        (replace(good, symbols=np.full(size, "NOBODY")), "symbol: none is in the data"),
        (replace(good, dates=np.full(size, np.datetime64("1999-01-04"))), "date: none is a session of the data"),
        (OutsideScores("t", *twice), "date, symbol: .* more than once"),
    ):
        with pytest.raises(InvalidField, match=f"^against: {said}"):
            placed(bad, seeded_snapshot, "7d")


def test_the_spread_over_seeds_is_that_of_their_rank_ics():
    planted = study(0.2, more={"other": 0.1})
    ranks = [study(0.2, more={"other": 0.1}, seed=seed).models for seed in range(3)]
    found = [{m.name: m.rank for m in models} | {"still": planted.models[0].rank} for models in ranks]
    table = evidence_variants.seed_spread(planted, found)
    still, moving = only(table, model="still"), only(table, model="skilled")
    assert (still["sd"], still["seeds"]) == (0.0, 3)
    assert still["mean"] == still["min"] == still["max"] == pytest.approx(0.19, abs=0.02)
    assert moving["min"] < moving["mean"] < moving["max"]
    # The other seeds know nothing of this study's returns.
    assert moving["max"] == still["max"]
    assert abs(moving["min"]) < 0.03


def test_an_average_stands_before_its_members_and_only_before_several():
    ranks = {"a": np.array([[0.1, 0.4, -0.4]]), "b": np.array([[0.4, 0.1, -0.4]])}
    found = evidence_variants.with_average({**ranks, "c": np.array([[0.1, 0.2, -0.4]])})
    assert list(found) == ["average", "a", "b", "c"]
    assert found["average"][0].argmax() == 1
    assert list(evidence_variants.with_average({"a": ranks["a"]})) == ["a"]


@pytest.fixture(scope="module")
def inputs(seeded_snapshot):
    return prepare(compute(seeded_snapshot), seeded_snapshot.panel.trading())


def test_a_family_that_is_left_out_is_read_by_no_version(inputs):
    last = inputs.sessions.size - 1
    whole, rest = inputs.design_at(last), evidence_variants.without(inputs, "returns").design_at(last)
    assert "momentum_12_1" in whole.ranked
    assert "momentum_12_1" not in rest.ranked
    assert len(whole.ranked) - len(rest.ranked) > 10
    assert rest.market == whole.market
    market = evidence_variants.without(inputs, "regime").design_at(last)
    assert market.ranked == whole.ranked
    assert len(market.market) < len(whole.market)


def test_families_are_named_or_all_and_must_be_in_use(inputs):
    every = evidence_variants.ablated_families(("family",), inputs)
    assert {"returns", "trading", "sector_relative"} <= set(every)
    assert evidence_variants.ablated_families(("trading", "returns"), inputs) == ("trading", "returns")
    with pytest.raises(InvalidField, match="ablate: 'colour' is no family"):
        evidence_variants.ablated_families(("colour",), inputs)
    unknown = replace(inputs, coverage=np.zeros_like(inputs.coverage))
    with pytest.raises(InvalidField, match="no feature of trading"):
        evidence_variants.ablated_families(("trading",), unknown)


def test_a_family_that_carries_the_signal_is_missed_and_an_idle_one_is_not(inputs):
    planted = study(0.3, certain=0.2)
    skilled, idle = planted.models[0], study(0.0, seed=4).models[0]
    lost = Served(replace(idle.prediction, p_up=np.full(SHAPE, 0.6)), idle.rank, ())
    kept = Served(skilled.prediction, skilled.rank, ())
    found = {("skilled", "returns"): lost, ("skilled", "trading"): kept}
    table = evidence_variants.ablation(planted, found, inputs)
    returns, trading = only(table, **{"left out": "returns"}), only(table, **{"left out": "trading"})
    assert returns["change"] == pytest.approx(-0.29, abs=0.03)
    assert returns["t"] < -10
    assert returns["t of Brier change"] > 5
    assert returns["features"] > trading["features"] > 0
    assert (trading["change"], trading["Brier change"]) == (0.0, 0.0)


def portfolios(returns: dict[str, np.ndarray], first: int = 0) -> SimpleNamespace:
    """Stand in for held portfolios: what each model's top fifth earned in each session."""
    size = len(next(iter(returns.values())))
    return SimpleNamespace(
        sessions=np.datetime64("2010-01-01") + np.arange(first, first + size),
        models=tuple(returns),
        top=lambda model: SimpleNamespace(net=lambda _cost: returns[model]),
    )


def test_choosing_one_that_is_better_is_no_overfitting_and_choosing_among_noise_is():
    rng = np.random.default_rng(0)
    noise = {f"{n}": rng.normal(0, 0.01, 800) for n in range(6)}
    (row,) = rows(overfitting_of_all({"1d": portfolios(noise), "7d": portfolios(noise | {"6": noise["0"]}, 40)}))
    assert row["configurations"] == 13
    assert row["sessions"] == 760 // 16 * 16
    assert row["probability of overfitting"] > 0.2
    better = noise | {"better": rng.normal(0.004, 0.01, 800)}
    (row,) = rows(overfitting_of_all({"1d": portfolios(better)}))
    assert row["probability of overfitting"] < 0.02
    assert row["probability of loss"] < 0.02
    table = overfitting_of_all({"1d": portfolios({"a": noise["0"][:10], "b": noise["1"][:10]})})
    assert table.rows == ()
    assert table.note.startswith("Not available")
