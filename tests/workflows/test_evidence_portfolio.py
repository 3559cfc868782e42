from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from vfr.data.panel import Panel
from vfr.data.snapshot import Snapshot
from vfr.errors import NoData
from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.validation import sharpe
from vfr.validation.portfolio import equal_weights, quantile_weights, simulate
from vfr.workflows import evidence_portfolio
from vfr.workflows.evidence_backtest import backtest, trial_sharpes
from vfr.workflows.evidence_data import Judged, Study
from vfr.workflows.evidence_draft import Draft, hold, tables_of
from vfr.workflows.evidence_portfolio import LEDGER_KEY, portfolio_tables
from vfr.workflows.evidence_report import Table
from vfr.workflows.train_data import counting

TITLES = (
    "Portfolio",
    "Portfolio against equal weight",
    "Portfolio long-short (without the cost of shorting)",
    "Portfolio one session later",
    "Portfolio by year",
    "Portfolio selection",
    "Portfolio overfitting",
)


def _future(snapshot: Snapshot, h: int) -> np.ndarray:
    """Return the return over the next h sessions that nobody could know."""
    close = snapshot.panel.adj_close
    score = np.full(close.shape, np.nan)
    score[: -h - 1] = close[h + 1 :] / close[1:-h]
    return np.where(np.isfinite(score), score, 1.0)


def _noise(snapshot: Snapshot, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=snapshot.panel.shape)


def _study(snapshot: Snapshot, scores: dict[str, np.ndarray], labelled: np.ndarray | None = None) -> Study:
    shape = snapshot.panel.shape
    grid = np.zeros(shape)
    cells = np.ones(shape, dtype=bool) if labelled is None else labelled
    return Study(
        horizon="7d",
        sessions=snapshot.sessions,
        models=tuple(
            Judged(name, Prediction(grid, grid, grid, grid, grid, 0.9), session_ranks(score))
            for name, score in scores.items()
        ),
        outcomes={"close to close": grid},
        excess=grid,
        direction=grid,
        base=grid,
        last_sign=grid,
        universes={"members at t": cells},
        volatility=grid,
        rng=np.random.default_rng(0),
    )


def portfolio(study: Study, snapshot: Snapshot, *, rng: np.random.Generator) -> tuple[Table, ...]:
    """Return the tables of a run that is the only one of its ledger."""
    scores = {model.name: model.rank for model in study.models}
    draft = Draft(study, snapshot, {}, (), scores)
    held = hold(draft)
    return tables_of(draft, held, rng, [{LEDGER_KEY: held.sharpes}])


@pytest.fixture(scope="module")
def planted(seeded_snapshot):
    scores = {"skilled": _future(seeded_snapshot, 5), "noise": _noise(seeded_snapshot)}
    tables = portfolio(_study(seeded_snapshot, scores), seeded_snapshot, rng=np.random.default_rng(1))
    return {table.title: table for table in tables}


def _rows(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_every_table_is_there_and_survives_json(planted):
    assert tuple(planted) == TITLES
    for table in planted.values():
        assert table.rows
        json.dumps(table.to_dict(), allow_nan=False)
        assert table.to_markdown().count("\n|") == len(table.rows) + 2


def test_planted_skill_is_found_and_noise_stays_noise(planted):
    against = {(row["model"], row["cost (bps)"]): row for row in _rows(planted["Portfolio against equal weight"])}
    assert against["skilled", 10.0]["t"] > 5
    assert against["skilled", 10.0]["low"] > 0
    assert abs(against["noise", 0.0]["t"]) < 3
    assert against["noise", 0.0]["low"] < 0 < against["noise", 0.0]["high"]
    spread = {(row["model"], row["cost (bps)"]): row for row in _rows(planted[TITLES[2]])}
    assert spread["skilled", 0.0]["t"] > 5
    assert abs(spread["noise", 0.0]["t"]) < 3
    selection = {row["model"]: row for row in _rows(planted["Portfolio selection"])}
    assert selection["skilled"]["break-even cost (bps)"] > 50
    assert selection["skilled"]["deflated Sharpe over equal weight"] > 0.99
    assert selection["noise"]["deflated Sharpe over equal weight"] < 0.5
    (overfitting,) = _rows(planted["Portfolio overfitting"])
    assert overfitting["configurations"] == 2 * 3 * 5
    assert overfitting["probability of overfitting"] < 0.05


def test_choosing_among_noise_is_overfitting(seeded_snapshot):
    noise = {f"noise {seed}": _noise(seeded_snapshot, seed) for seed in range(6)}
    tables = portfolio(_study(seeded_snapshot, noise), seeded_snapshot, rng=np.random.default_rng(1))
    (row,) = _rows(tables[-1])
    assert row["probability of overfitting"] > 0.25


def test_costs_are_charged_to_the_model_and_to_equal_weight_alike(planted):
    rows = _rows(planted["Portfolio"])
    for name in ("skilled", "noise", "equal weight"):
        free, *charged = [row for row in rows if row["portfolio"] == name]
        assert free["cost (bps)"] == 0
        assert free["turnover"] > 0
        for row in charged:
            lost = free["mean"] - row["mean"]
            assert lost == pytest.approx(row["turnover"] * row["cost (bps)"] * 1e-4, rel=0.02)
    means = {(row["portfolio"], row["cost (bps)"]): row["mean"] for row in rows}
    for row in _rows(planted["Portfolio against equal weight"]):
        cost = row["cost (bps)"]
        assert row["mean difference"] == pytest.approx(means[row["model"], cost] - means["equal weight", cost])
    model, equal = (next(r for r in rows if r["portfolio"] == n) for n in ("noise", "equal weight"))
    assert model["turnover"] > 10 * equal["turnover"]


def test_figures_are_those_of_the_simulated_returns(seeded_snapshot, planted):
    score = session_ranks(_future(seeded_snapshot, 5))
    panel = seeded_snapshot.panel
    counts, _ = counting(seeded_snapshot)
    opens = panel.open * panel.adj_close / panel.close
    found = simulate(
        quantile_weights(score, counts & np.isfinite(score), groups=5), opens, panel.adj_close, every=5, start=0
    )
    # Five starting sessions and two sessions of delay: from then on everything is invested.
    net = found.net(20.0)[7:]
    row = next(r for r in _rows(planted["Portfolio"]) if (r["portfolio"], r["cost (bps)"]) == ("skilled", 20.0))
    assert row["mean"] == pytest.approx(net.mean() * 252)
    assert row["Sharpe"] == pytest.approx(net.mean() / net.std(ddof=1) * 252**0.5)
    assert row["Calmar"] == pytest.approx(sharpe.calmar_ratio(net, periods=252))
    assert row["sessions up"] == pytest.approx(np.mean(net > 0))
    assert row["turnover"] == pytest.approx(found.traded.mean(axis=0)[7:].mean() * 252)
    usable = counts & np.isfinite(score)
    later = {r["portfolio"]: r for r in _rows(planted["Portfolio one session later"])}
    for name, weights in (
        ("skilled, top fifth", quantile_weights(score, usable, groups=5)),
        ("skilled, long-short", quantile_weights(score, usable, groups=5, long_short=True)),
        ("equal weight", equal_weights(usable)),
    ):
        soon, late = (simulate(weights, opens, panel.adj_close, every=5, delay=d).net(10.0)[7:] for d in (1, 2))
        assert later[name]["mean t+1"] == pytest.approx(soon.mean() * 252)
        assert later[name]["mean t+2"] == pytest.approx(late.mean() * 252)
        assert later[name]["Sharpe t+2"] == pytest.approx(sharpe.sharpe_ratio(late, periods=252))


def test_years_compound_to_the_whole(seeded_snapshot, planted):
    found = backtest({"skilled": _future(seeded_snapshot, 5)}, seeded_snapshot, horizon="7d")
    rows = [r for r in _rows(planted["Portfolio by year"]) if r["portfolio"] == "skilled"]
    assert math.prod(1 + r["return"] for r in rows) == pytest.approx(np.prod(1 + found.top("skilled").net(10.0)))
    assert sum(r["sessions"] for r in rows) == found.sessions.size


def test_the_benchmark_is_held_with_its_dividends_or_not_shown(seeded_snapshot, planted):
    held = seeded_snapshot.benchmark
    assert held is not None
    assert not held.price_only
    row = _rows(planted["Portfolio"])[-1]
    assert (row["portfolio"], row["cost (bps)"], row["turnover"]) == (held.symbol, None, 0.0)
    assert row["mean"] == pytest.approx(float(np.nanmean(held.adj_close[7:] / held.adj_close[6:-1] - 1)) * 252)
    index = replace(seeded_snapshot, benchmark=replace(held, price_only=True))
    for without in (index, replace(seeded_snapshot, benchmark=None)):
        found = backtest({"noise": _noise(seeded_snapshot)}, without, horizon="7d")
        assert found.benchmark is None
        table = portfolio_tables(found, without, rng=np.random.default_rng(0))[0]
        assert "No benchmark" in table.note
        assert table.rows[-1][0] == "equal weight"


def test_what_is_held_depends_on_nothing_later(seeded_snapshot):
    """Delete the future: what was earned until then, to the last bit, is what it was."""
    scores = {"noise": _noise(seeded_snapshot)}
    whole = backtest(scores, seeded_snapshot, horizon="7d", first=100)
    for stop in (300, 451):
        cut = seeded_snapshot.upto(seeded_snapshot.sessions[stop - 1])
        part = backtest({name: score[:stop] for name, score in scores.items()}, cut, horizon="7d", first=100)
        n = part.sessions.size
        assert part.sessions[-1] == seeded_snapshot.sessions[stop - 1]
        for held, was in ((part.top("noise"), whole.top("noise")), (part.equal[2], whole.equal[2])):
            np.testing.assert_array_equal(held.gross, was.gross[:, :n])
            np.testing.assert_array_equal(held.traded, was.traded[:, :n])


def test_a_missing_label_removes_no_name(seeded_snapshot):
    """Labels are unknown where a name is about to stop trading: looking at them would be knowing the future."""
    scores = {"noise": _noise(seeded_snapshot)}
    labelled = np.random.default_rng(2).random(seeded_snapshot.panel.shape) < 0.5
    labelled[-6:] = False
    given = portfolio(_study(seeded_snapshot, scores, labelled), seeded_snapshot, rng=np.random.default_rng(0))
    whole = portfolio(_study(seeded_snapshot, scores), seeded_snapshot, rng=np.random.default_rng(0))
    assert [table.rows for table in given] == [table.rows for table in whole]


def test_only_what_counted_that_evening_is_held(seeded_snapshot):
    """Give names that are no members at t a fortune: no portfolio may have it."""
    never = np.arange(8, 16)
    member = seeded_snapshot.membership.member.copy()
    member[:, never] = False
    index = replace(seeded_snapshot, membership=replace(seeded_snapshot.membership, member=member))
    panel = index.panel
    rich = np.cumprod(np.full(panel.shape, 1.05), axis=0)
    fields = {}
    for name in ("open", "high", "low", "close", "adj_close"):
        values = getattr(panel, name).copy()
        values[:, never] = np.where(np.isfinite(values[:, never]), rich[:, never], np.nan)
        fields[name] = values
    scores = {"noise": _noise(index)}
    a, b = (backtest(scores, s, horizon="7d") for s in (index, replace(index, panel=replace(panel, **fields))))
    np.testing.assert_array_equal(a.top("noise").gross, b.top("noise").gross)
    np.testing.assert_array_equal(a.equal[1].gross, b.equal[1].gross)
    assert "index members of t" in portfolio_tables(a, index, rng=np.random.default_rng(0))[0].note
    assert not np.array_equal(
        backtest(scores, replace(index, membership=None), horizon="7d").equal[1].gross, a.equal[1].gross
    )


def test_a_dividend_is_earned_once(seeded_snapshot):
    """Split-adjusted prices fall by a dividend, adjusted ones do not; neither loses it nor counts it twice."""
    panel = seeded_snapshot.panel
    ratio = panel.adj_close / panel.close
    fields = {name: getattr(panel, name) * ratio for name in ("open", "high", "low")}
    declared: Panel = replace(panel, **fields, close=panel.adj_close.copy(), adjustment="dividend")
    scores = {"noise": _noise(seeded_snapshot)}
    one = backtest(scores, seeded_snapshot, horizon="7d")
    two = backtest(scores, replace(seeded_snapshot, panel=declared), horizon="7d")
    np.testing.assert_allclose(one.top("noise").gross, two.top("noise").gross, atol=1e-12)
    notes = [
        portfolio_tables(found, s, rng=np.random.default_rng(0))[0].note
        for found, s in ((one, seeded_snapshot), (two, replace(seeded_snapshot, panel=declared)))
    ]
    assert "close adjusted for splits only" in notes[0]
    assert "close adjusted for splits and dividends" in notes[1]


def test_without_opens_orders_are_filled_at_the_next_close(seeded_snapshot):
    panel = seeded_snapshot.panel
    closes = replace(seeded_snapshot, panel=replace(panel, open=np.full(panel.shape, np.nan)))
    score = _noise(seeded_snapshot)
    found = backtest({"noise": score}, closes, horizon="1d")
    assert found.basis == "close"
    counts, _ = counting(closes)
    weights = quantile_weights(score, counts, groups=5)
    # At a horizon of one session the weights of t earn from the close of t+1 to that of t+2.
    moved = np.nan_to_num(panel.adj_close[1:] / panel.adj_close[:-1] - 1)
    earned = (weights[:-2] * moved[1:]).sum(axis=1)
    same = np.isfinite(panel.adj_close).all(axis=1)
    whole = same[2:] & same[1:-1] & same[:-2]
    assert whole.sum() > 100
    np.testing.assert_allclose(found.top("noise").net(0.0)[whole[1:]], earned[1:][whole[1:]], atol=1e-12)


def test_the_deflated_sharpe_counts_every_run_of_the_ledger(seeded_snapshot):
    found = backtest({"a": _noise(seeded_snapshot, 1), "b": _noise(seeded_snapshot, 2)}, seeded_snapshot, horizon="7d")
    own = trial_sharpes(found)
    net = found.top("a").net(10.0) - found.equal[1].net(10.0)
    assert own["a"]["active"] == pytest.approx(net.mean() / net.std(ddof=1))
    ledger = [{LEDGER_KEY: {"c": {"long": 0.1, "active": -0.05}}}, {LEDGER_KEY: {"c": {"long": 0.0, "active": 0.07}}}]

    row = _rows(evidence_portfolio._selection(found, json.loads(json.dumps([*ledger, {LEDGER_KEY: own}]))))[0]
    assert row["trials"] == 4
    variance = float(np.var([-0.05, 0.07, own["a"]["active"], own["b"]["active"]], ddof=1))
    expected = sharpe.deflated_sharpe_ratio(sharpe.return_moments(net), 4, variance)
    assert row["deflated Sharpe over equal weight"] == pytest.approx(expected)
    for rows, reason in (
        (None, "not available without a whole ledger"),
        ([*ledger, {"kind": "evidence"}], "1 of 3 runs"),
        ([{LEDGER_KEY: {"c": {"long": 0.1, "active": None}}}], "1 of 1 runs"),
    ):
        table = evidence_portfolio._selection(found, rows)
        assert reason in table.note
        assert all(r["deflated Sharpe"] is r["trials"] is None for r in _rows(table))


def test_many_trials_of_which_one_ratio_is_known_deflate_nothing_and_say_so(seeded_snapshot):
    """Trained models are trials of unknown ratio: a variance of zero would let the luck of all of them pass."""
    found = backtest({"a": _noise(seeded_snapshot, 1)}, seeded_snapshot, horizon="7d")
    own = {LEDGER_KEY: trial_sharpes(found)}
    alone = _rows(evidence_portfolio._selection(found, [own]))[0]
    assert alone["trials"] == 1
    assert 0 < alone["deflated Sharpe"] < 1
    for more in ({"kind": "train", "models": [{}] * 5}, {"kind": "tune", "trials": 60}, own):
        table = evidence_portfolio._selection(found, [more, own])
        assert "how much the ratios of the trials vary is not known" in table.note
        assert math.isnan(_rows(table)[0]["deflated Sharpe"])


def test_too_short_a_span_says_so(seeded_snapshot):
    short = seeded_snapshot.upto(seeded_snapshot.sessions[5])
    with pytest.raises(NoData, match="5 starting sessions"):
        backtest({"noise": _noise(short)}, short, horizon="7d")
    (table,) = portfolio(_study(short, {"noise": _noise(short)}), short, rng=np.random.default_rng(0))
    assert table.title == "Portfolio"
    assert not table.rows
    assert "Not available" in table.note
    brief = seeded_snapshot.upto(seeded_snapshot.sessions[20])
    tables = portfolio(_study(brief, {"noise": _noise(brief)}), brief, rng=np.random.default_rng(0))
    assert tuple(t.title for t in tables) == TITLES
    assert "Not available" in tables[-1].note


def test_scores_of_another_panel_are_refused(seeded_snapshot):
    with pytest.raises(ValueError, match="scores of shape"):
        backtest({"x": np.ones((3, 2))}, seeded_snapshot, horizon="7d")


def test_members_of_the_real_index_beat_nothing_by_chance(shared_data):
    """Four years of a random score: before costs what equal weight earns, after costs less by its turnover."""
    from vfr.adapters.providers.files import FilesProvider

    snapshot, _ = FilesProvider(shared_data).load()
    snapshot = snapshot.upto(np.datetime64("2014-12-31"))
    first = int(np.searchsorted(snapshot.sessions, np.datetime64("2011-01-01")))
    found = backtest({"noise": _noise(snapshot)}, snapshot, horizon="30d", first=first)
    noise, equal = found.top("noise"), found.equal[1]
    assert abs(noise.net(0.0).mean() - equal.net(0.0).mean()) * 252 < 0.01
    assert 15 < noise.turnover.mean() * 252 < 20
    assert equal.turnover.mean() * 252 < 1
    assert found.benchmark is not None
    assert np.corrcoef(found.benchmark, equal.net(0.0))[0, 1] > 0.95
