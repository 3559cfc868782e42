"""The look-ahead test sees every planted leak and names it; what is registered has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from vfr.factors.registry import SUB_FACTORS
from vfr.factors.statements import first_known
from vfr.features.registry import FEATURES
from vfr.workflows.lookahead import lookahead
from vfr.workflows.perturb import other_anchor, other_future, other_scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from vfr.data.snapshot import Snapshot
    from vfr.typing import FloatArray, IntArray

    Probe = Callable[[Snapshot, IntArray], dict[str, FloatArray]]


def momentum(s: Snapshot, rows: IntArray) -> FloatArray:
    return s.panel.adj_close[rows] / s.panel.adj_close[rows - 5] - 1.0


def centred(s: Snapshot, rows: IntArray) -> FloatArray:
    close = s.panel.adj_close
    ahead = np.minimum(rows + 1, close.shape[0] - 1)
    return (close[ahead] / close[rows - 1] - 1.0) / 2.0


def by_period_end(s: Snapshot, rows: IntArray) -> FloatArray:
    out = np.full((rows.size, len(s.symbols)), np.nan)
    f = s.fundamentals
    for i, day in enumerate(s.sessions[rows]):
        for k in np.flatnonzero(f.period_end <= day):
            out[i, f.column[k]] = f.values["net_income"][k] / f.values["revenue"][k]
    return out


def restated_too_early(s: Snapshot, rows: IntArray) -> FloatArray:
    """Use the last version of each statement from the day of its first one."""
    out = np.full((rows.size, len(s.symbols)), np.nan)
    f, first = s.fundamentals, first_known(s.fundamentals)
    for i, day in enumerate(s.sessions[rows]):
        for k in np.flatnonzero(first <= day):
            out[i, f.column[k]] = f.values["net_income"][k] / f.values["total_equity"][k]
    return out


def counted_too_early(s: Snapshot, rows: IntArray) -> FloatArray:
    """Use analysts' counts on the day they were made, not on the day they were known."""
    out = np.full((rows.size, len(s.symbols)), np.nan)
    for i, day in enumerate(s.sessions[rows]):
        for k in np.flatnonzero(s.ratings.date <= day):
            out[i, s.ratings.column[k]] = s.ratings.counts[k, 0]
    return out


def traded_too_early(s: Snapshot, rows: IntArray) -> FloatArray:
    """Use insiders' trades on the day they were made, not on the day they were reported."""
    out = np.zeros((rows.size, len(s.symbols)))
    for i, day in enumerate(s.sessions[rows]):
        for k in np.flatnonzero(s.insiders.date <= day):
            out[i, s.insiders.column[k]] += s.insiders.code[k] == "P"
    return out


def adjusted_level(s: Snapshot, rows: IntArray) -> FloatArray:
    return s.panel.adj_close[rows]


def dividends_to_come(s: Snapshot, rows: IntArray) -> FloatArray:
    return s.panel.adj_close[rows] / s.panel.close[rows]


def full_sample_rank(s: Snapshot, rows: IntArray) -> FloatArray:
    """Scale by the last session of whatever is known: the same when the future changes, not when it is cut."""
    returns = momentum(s, rows)
    return returns / np.float64(s.sessions.size)


def nothing(s: Snapshot, rows: IntArray) -> FloatArray:
    return np.full((rows.size, len(s.symbols)), np.nan)


def probe(**entries: Callable[[Snapshot, IntArray], FloatArray]) -> Probe:
    return lambda s, rows: {name: entry(s, rows) for name, entry in entries.items()}


def run(snapshot: Snapshot, factors: Probe, features: Probe) -> dict[str, set[str]]:
    report = lookahead([snapshot], factors=factors, features=features, rng=np.random.default_rng(3))
    found: dict[str, set[str]] = {}
    for leak in report.leaks:
        found.setdefault(leak.name, set()).add(leak.test)
    return found


@pytest.mark.parametrize("as_feature", [False, True])
def test_planted_leaks_are_named_and_honest_entries_are_not(seeded_snapshot: Snapshot, as_feature: bool) -> None:
    planted = probe(
        momentum=momentum,
        centred=centred,
        by_period_end=by_period_end,
        restated_too_early=restated_too_early,
        counted_too_early=counted_too_early,
        traded_too_early=traded_too_early,
        adjusted_level=adjusted_level,
        dividends_to_come=dividends_to_come,
        full_sample_rank=full_sample_rank,
    )
    found = run(seeded_snapshot, *((probe(), planted) if as_feature else (planted, probe())))
    assert found.keys() == {
        "centred",
        "by_period_end",
        "restated_too_early",
        "counted_too_early",
        "traded_too_early",
        "adjusted_level",
        "dividends_to_come",
        "full_sample_rank",
    }
    assert {"truncation", "future"} <= found["centred"]
    assert {"truncation", "future"} <= found["by_period_end"]
    assert {"truncation", "future"} <= found["restated_too_early"]
    assert {"truncation", "future"} <= found["counted_too_early"]
    assert {"truncation", "future"} <= found["traded_too_early"]
    assert found["adjusted_level"] == {"rescaling", "anchor"}
    assert found["dividends_to_come"] == {"anchor"}
    assert found["full_sample_rank"] == {"truncation", "prefix"}


def test_a_leak_tells_kind_test_and_cell(seeded_snapshot: Snapshot) -> None:
    report = lookahead(
        [seeded_snapshot], factors=probe(), features=probe(centred=centred), rng=np.random.default_rng(3)
    )
    body = report.to_dict()
    assert not report.ok
    assert body["leaks"][0]["name"] == "centred"
    assert body["leaks"][0]["kind"] == "feature"
    assert "SYN" in body["leaks"][0]["example"]
    assert "centred" in str(report.leaks[0])


def test_an_entry_without_a_value_is_unchecked(seeded_snapshot: Snapshot) -> None:
    report = lookahead(
        [seeded_snapshot],
        factors=probe(nothing=nothing),
        features=probe(momentum=momentum),
        rng=np.random.default_rng(3),
    )
    assert report.unchecked == ("nothing",)
    assert report.checked == ("momentum",)
    assert not report.leaks
    assert not report.ok


def test_a_value_on_one_snapshot_is_enough(seeded_snapshot: Snapshot) -> None:
    bare = seeded_snapshot.upto(seeded_snapshot.sessions[400])

    def sometimes(s: Snapshot, rows: IntArray) -> dict[str, FloatArray]:
        return {"sometimes": nothing(s, rows) if s.sessions.size < 450 else momentum(s, rows)}

    report = lookahead([bare, seeded_snapshot], factors=probe(), features=sometimes, rng=np.random.default_rng(3))
    assert "sometimes" in report.checked


def test_everything_registered_is_checked_and_nothing_leaks(seeded_snapshot: Snapshot) -> None:
    seen: list[float] = []
    report = lookahead(
        [seeded_snapshot], rng=np.random.default_rng(5), progress=lambda _, fraction: seen.append(fraction)
    )
    assert report.leaks == ()
    assert report.unchecked == ()
    assert set(report.checked) == SUB_FACTORS.keys() | FEATURES.keys()
    assert len(SUB_FACTORS) > 20
    assert seen[-1] == 1.0


def test_another_future_leaves_the_past_alone_and_changes_the_rest(seeded_snapshot: Snapshot) -> None:
    row = 500
    other = other_future(seeded_snapshot, row, np.random.default_rng(1))
    past, same = seeded_snapshot.upto(seeded_snapshot.sessions[row]), other.upto(seeded_snapshot.sessions[row])
    np.testing.assert_array_equal(past.panel.close, same.panel.close)
    np.testing.assert_array_equal(past.fundamentals.values["shares"], same.fundamentals.values["shares"])
    assert past.texts.text == same.texts.text
    assert not np.array_equal(seeded_snapshot.panel.close, other.panel.close, equal_nan=True)
    assert not np.array_equal(seeded_snapshot.macro.series["VIXCLS"].value, other.macro.series["VIXCLS"].value)
    assert seeded_snapshot.texts.text != other.texts.text
    assert past.insiders.code.tolist() == same.insiders.code.tolist()
    assert past.ratings.counts.tolist() == same.ratings.counts.tolist()
    assert seeded_snapshot.insiders.code.tolist() != other.insiders.code.tolist()
    assert seeded_snapshot.ratings.counts.tolist() != other.ratings.counts.tolist()


def test_other_scales_keep_returns_and_market_values(seeded_snapshot: Snapshot) -> None:
    p, rng = seeded_snapshot.panel, np.random.default_rng(1)
    scaled = other_scale(seeded_snapshot, rng).panel
    np.testing.assert_array_equal(scaled.close * scaled.volume, p.close * p.volume)
    np.testing.assert_array_equal(scaled.adj_close[1:] / scaled.adj_close[:-1], p.adj_close[1:] / p.adj_close[:-1])
    assert not np.array_equal(scaled.close, p.close, equal_nan=True)
    anchored = other_anchor(seeded_snapshot, rng).panel
    np.testing.assert_array_equal(anchored.close, p.close)
    assert not np.array_equal(anchored.adj_close, p.adj_close, equal_nan=True)
