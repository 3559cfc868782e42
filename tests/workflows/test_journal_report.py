"""A report from tallies says what the same cells say one by one, however many of them are unknown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.journal.made import forecast

from vfr.journal.records import ForecastRecord, Outcomes
from vfr.validation.bootstrap import ratio_interval
from vfr.validation.correlation import rank_ic
from vfr.validation.metrics import reliability
from vfr.workflows.journal_report import report
from vfr.workflows.journal_tallies import tallies
from vfr.workflows.journalled import Matured, matured

MEMBERS = ("lightgbm", "linear", "trees")
NAMES = tuple(f"S{n:02d}" for n in range(16))
FIGURES = ("p_up", "expected", "low", "high", "confidence", "classic", "blended")


def invented(seed: int, days: int, unknown: float) -> tuple[list[ForecastRecord], list[Outcomes]]:
    """Forecasts by changing members of changing names, and outcomes, with holes in all of them."""
    rng = np.random.default_rng(seed)
    made, came = [], []

    def holed(values: np.ndarray) -> np.ndarray:
        return np.where(rng.random(values.shape) < unknown, np.nan, values)

    for day in np.datetime64("2019-01-01") + np.arange(days):
        names = NAMES[: int(rng.integers(11, len(NAMES) + 1))]
        members = MEMBERS[: int(rng.integers(1, 4))]
        shape = (len(members), len(names))
        one = forecast(
            str(day), names, seed=int(rng.integers(1_000_000)), horizon="7d", members=members,
            model_ids=tuple(f"{name}-{rng.integers(2)}" for name in members), weights=np.full(shape[0], 1 / shape[0]),
            member_p_up=holed(rng.uniform(0.4, 0.6, shape)), member_expected=holed(rng.normal(0, 0.01, shape)),
            timely=bool(rng.random() < 0.7), base_rate=np.nan if rng.random() < unknown else 0.53,
        )  # fmt: skip
        one = replace(one, **{name: holed(getattr(one, name)) for name in FIGURES})
        tiers = [tuple(rng.choice(("BUY", "HOLD", "SELL"), len(names)).tolist()) for _ in range(2)]
        made.append(replace(one, classic_tier=tiers[0], blended_tier=tiers[1]))
        returns = holed(rng.normal(0, 0.01, len(names)))
        direction = np.where(np.isfinite(returns), returns > 0, np.nan)
        counted, reason = rng.random(len(names)) < 0.9, (None,) * len(names)
        if rng.random() < 0.9:
            came.append(Outcomes("7d", day, "open", names, returns, direction, returns - 0.001, counted, reason))
    return made, came


def judged(record: Matured, member: str | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells, probability and score of a forecaster."""
    p_up, score = record.p_up, record.expected
    if member is not None:
        m = record.members.index(member)
        p_up, score = record.member_p_up[m], record.member_rank[m]
    return record.counted & np.isfinite(p_up) & np.isfinite(score) & np.isfinite(record.base), p_up, score


@examples(40)
@given(seed=st.integers(0, 10**6), days=st.integers(1, 40), unknown=st.sampled_from((0.0, 0.1, 0.6)))
def test_figures_are_those_of_the_cells(seed: int, days: int, unknown: float) -> None:
    made, came = invented(seed, days, unknown)
    record, kept = matured("7d", made, came), tallies("7d", made, came)
    for member in (None, *record.members):
        cells, p_up, score = judged(record, member)
        found = report(kept, "7d", member, "stock")
        assert (found["rows"], found["dates"]) == (cells.sum(), cells.any(axis=1).sum())
        assert sum(one["count"] for one in found["groups"]) == found["rows"]
        if not cells.any():
            assert found["direction"]["accuracy"] is found["excess"]["signAccuracy"] is None
            continue
        hit = ((p_up > 0.5) == (record.direction > 0.5)) & cells
        direction, excess = found["direction"], found["excess"]
        right = (np.sign(score) == np.sign(record.excess)) & cells
        by_hand = {
            "accuracy": hit[cells].mean(),
            "baseRateAccuracy": ((record.base > 0.5) == (record.direction > 0.5))[cells].mean(),
            "brier": ((p_up - record.direction)[cells] ** 2).mean(),
            "brierBaseRate": ((record.base - record.direction)[cells] ** 2).mean(),
            "realisedRate": record.direction[cells].mean(),
        }
        assert {name: direction[name] for name in by_hand} == pytest.approx(by_hand, abs=1e-6)
        assert excess["signAccuracy"] == pytest.approx(right[cells].mean(), abs=1e-6)
        ic = rank_ic(score, record.excess, cells)
        if np.isfinite(ic).sum() > 1:
            assert excess["rankIc"] == pytest.approx(np.nanmean(ic), abs=1e-6)
        some = cells.any(axis=1)
        if some.sum() >= 20:
            sums, count = hit.sum(axis=1)[some] * 1.0, cells.sum(axis=1)[some] * 1.0
            plain = ratio_interval(sums, count, block=10, rng=np.random.default_rng(0))
            assert direction["accuracyLow"] == pytest.approx(plain.low, abs=2e-6)
            assert direction["accuracyHigh"] == pytest.approx(plain.high, abs=2e-6)


@examples(40)
@given(seed=st.integers(0, 10**6), days=st.integers(5, 30))
def test_what_only_the_ensemble_has(seed: int, days: int) -> None:
    made, came = invented(seed, days, 0.1)
    record, kept = matured("7d", made, came), tallies("7d", made, came)
    found = report(kept, "7d", group_by="daily")
    cells, p_up, _ = judged(record, None)
    inside = (record.excess >= record.low) & (record.excess <= record.high)
    if cells.any():
        assert found["excess"]["intervalCoverage"] == pytest.approx(inside[cells].mean(), abs=1e-6)
    known = cells & np.isfinite(record.confidence)
    right = np.sign(record.expected) == np.sign(record.excess)
    bins = reliability(record.confidence[known], right[known] * 1.0)
    assert [(one["count"], one["confidence"]) for one in found["calibration"]] == [
        (one.count, pytest.approx(one.forecast, abs=1e-6)) for one in bins
    ]
    for name, tier in (("classic", record.classic_tier), ("blended", record.blended_tier)):
        scored = record.counted & np.isfinite(getattr(record, name))
        tiers = found["composite"][name]["tiers"]
        assert sum(one["rows"] for one in tiers.values()) == scored.sum()
        for what, one in tiers.items():
            assert one["meanExcess"] == pytest.approx(record.excess[scored & (tier == what)].mean(), abs=1e-6)
    for one in found["groups"]:
        r = record.sessions.astype(str).tolist().index(one["date"])
        loss = ((p_up[r] - record.direction[r])[cells[r]] ** 2).mean()
        assert (one["count"], one["brier"]) == (cells[r].sum(), pytest.approx(loss, abs=1e-6))


def test_a_version_is_judged_on_its_own_sessions() -> None:
    made, came = invented(3, 40, 0.1)
    kept = tallies("7d", made, came)
    versions = {name for one in kept for name in one.model_ids if name.startswith("linear-")}
    whole = report(kept, "7d", "linear")
    parts = [report(kept, "7d", version) for version in sorted(versions)]
    assert len(parts) == 2
    assert sum(part["rows"] for part in parts) == whole["rows"]
    assert sum(part["dates"] for part in parts) == whole["dates"]
