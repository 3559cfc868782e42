"""The figures of a version, against the same figures written out cell by cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.features.matrix import Labels
from vfr.models.prediction import Prediction
from vfr.validation.correlation import rank_ic
from vfr.workflows.train_data import Targets
from vfr.workflows.train_metrics import Counted, confidence_figures, counted, direction_figures, excess_figures

R, N, SPAN = 220, 12, 2


@pytest.fixture(scope="module")
def market() -> tuple[Targets, Prediction, np.ndarray]:
    """A market whose excess returns follow a score a little; some cells are unknown, some do not count."""
    rng = np.random.default_rng(11)
    score = rng.normal(size=(R, N))
    excess = 0.3 * score + rng.normal(size=(R, N))
    excess[rng.random((R, N)) < 0.05] = np.nan
    excess[-SPAN:] = np.nan
    returns = excess + rng.normal(0.3, 1.0, size=(R, 1))
    direction = np.where(np.isfinite(returns), (returns > 0).astype(float), np.nan)
    counts = rng.random((R, N)) < 0.9
    rank = np.argsort(np.argsort(score, axis=1), axis=1) / N - 0.5 + 0.5 / N
    predicted = np.arange(R) >= 40
    p_up = np.where(predicted[:, None], 0.55 + 0.2 * rank, np.nan)
    expected = 0.5 * rank
    p = Prediction(p_up, expected, expected - 1.5, expected + 1.5, 0.5 + 0.1 * np.abs(rank), 0.9)
    labels = Labels("1d", "close", returns, direction, excess, SPAN)
    return Targets(labels, rank, counts), p, np.where(predicted[:, None], rank, np.nan)


@pytest.fixture(scope="module")
def found(market) -> Counted:
    return counted(*market)


def written_out(targets: Targets, p: Prediction, rank: np.ndarray) -> dict[str, float]:
    """Every figure by loops over cells, from its definition."""
    labels, rows = targets.labels, []
    for r in range(R):
        seen = [(t, n) for t in range(r - SPAN + 1) for n in range(N) if targets.counts[t, n]]
        outcomes = [labels.direction[t, n] for t, n in seen if np.isfinite(labels.direction[t, n])]
        excesses = [labels.excess[t, n] > 0 for t, n in seen if np.isfinite(labels.excess[t, n])]
        base = np.mean(outcomes) if outcomes else np.nan
        above = np.mean(excesses) if excesses else np.nan
        rows += [
            (r, n, base, above)
            for n in range(N)
            if targets.counts[r, n] and np.isfinite([p.p_up[r, n], labels.excess[r, n], rank[r, n], base]).all()
        ]
    y = np.array([labels.direction[r, n] for r, n, *_ in rows])
    q = np.array([p.p_up[r, n] for r, n, *_ in rows])
    base = np.array([b for *_, b, _ in rows])
    above_base = np.array([a for *_, a in rows])
    e = np.array([labels.excess[r, n] for r, n, *_ in rows])
    u = np.array([rank[r, n] for r, n, *_ in rows])
    sure = np.array([p.confidence[r, n] for r, n, *_ in rows])
    low, high = (np.array([grid[r, n] for r, n, *_ in rows]) for grid in (p.low, p.high))
    above = (e > 0).astype(float)
    p_above = np.where(u > 0, sure, 1 - sure)
    hit, rule = (q > 0.5) == (y > 0), (base > 0.5) == (y > 0)
    return {
        "rows": len(rows),
        "brier": np.mean((q - y) ** 2),
        "brier_base_rate": np.mean((base - y) ** 2),
        "brier_skill": 1 - np.mean((q - y) ** 2) / np.mean((base - y) ** 2),
        "log_loss": -np.mean(y * np.log(q) + (1 - y) * np.log(1 - q)),
        "accuracy": hit.mean(),
        "accuracy_base_rate": rule.mean(),
        "accuracy_lift": hit.mean() - rule.mean(),
        "share_up": np.mean(q > 0.5),
        "excess_sign_accuracy": np.mean((u > 0) == (e > 0)),
        "excess_brier": np.mean((p_above - above) ** 2),
        "excess_brier_base_rate": np.mean((above_base - above) ** 2),
        "excess_brier_skill": 1 - np.mean((p_above - above) ** 2) / np.mean((above_base - above) ** 2),
        "mean_confidence": sure.mean(),
        "interval_coverage": np.mean((low <= e) & (e <= high)),
    }


def test_every_figure_is_what_its_definition_gives(market, found):
    targets, p, rank = market
    ic = rank_ic(rank, targets.labels.excess, found.cells)
    got = direction_figures(found) | excess_figures(found, ic) | confidence_figures(found)
    expected = written_out(targets, p, rank)
    assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert got["rank_ic"] == pytest.approx(np.nanmean(ic))
    assert got["dates"] == np.isfinite(ic).sum()
    assert all(np.isfinite(value) for value in got.values())


def test_intervals_hold_their_estimate_and_shrink_with_more_dates(market, found):
    targets, _, rank = market
    got = direction_figures(found) | excess_figures(found, rank_ic(rank, targets.labels.excess, found.cells))
    names = [name.removesuffix("_low") for name in got if name.endswith("_low")]
    assert set(names) == {
        "brier_skill", "accuracy", "accuracy_lift", "rank_ic", "excess_sign_accuracy", "excess_brier_skill",
    }  # fmt: skip
    few = replace(found, cells=found.cells & (np.arange(R) < 90)[:, None])
    less = direction_figures(few) | excess_figures(few, rank_ic(rank, targets.labels.excess, few.cells))
    for name in names:
        assert got[f"{name}_low"] < got[name] < got[f"{name}_high"]
        assert got[f"{name}_high"] - got[f"{name}_low"] < less[f"{name}_high"] - less[f"{name}_low"]


def test_a_planted_signal_is_seen_and_noise_is_not(market, found):
    targets, _, rank = market
    got = excess_figures(found, rank_ic(rank, targets.labels.excess, found.cells))
    assert got["rank_ic_low"] > 0.2
    assert got["rank_ic_t"] > 10
    assert got["excess_brier_skill_low"] > 0
    noise = np.where(np.isfinite(rank), np.random.default_rng(3).permuted(rank, axis=1), np.nan)
    other = replace(found, rank=noise)
    nothing = excess_figures(other, rank_ic(noise, targets.labels.excess, other.cells))
    assert nothing["rank_ic_low"] < 0 < nothing["rank_ic_high"]
    assert nothing["excess_brier_skill_low"] < 0


def test_the_same_rows_give_the_same_intervals(market):
    one, two = (direction_figures(counted(*market)) for _ in range(2))
    assert one == two
    other = direction_figures(counted(*market, np.random.default_rng(99)))
    assert other["brier_skill"] == one["brier_skill"]
    assert other["brier_skill_low"] != one["brier_skill_low"]


def test_without_a_cell_every_figure_is_unknown(market):
    targets, p, rank = market
    nothing = counted(replace(targets, counts=np.zeros_like(targets.counts)), p, rank)
    assert np.isnan(direction_figures(nothing)["brier"])
    assert np.isnan(confidence_figures(nothing)["mean_confidence"])
    assert np.isnan(excess_figures(nothing, np.full(R, np.nan))["rank_ic"])
