from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vfr.factors import transforms
from vfr.factors.scores import Reason
from vfr.typing import FloatArray, IntArray

VALUES = hnp.arrays(
    np.float64, (2, 12), elements=st.one_of(st.just(np.nan), st.integers(-4, 4).map(float), st.floats(-1e6, 1e6))
)
GROUPS = hnp.arrays(np.int64, 12, elements=st.integers(-1, 2))


def plain_percentile(values: FloatArray, groups: IntArray, min_group: int) -> FloatArray:
    out = np.full(values.shape, np.nan)
    for r, c in np.argwhere(np.isfinite(values)):
        if groups[c] < 0:
            continue
        peers = [v for v, g in zip(values[r], groups, strict=True) if g == groups[c] and np.isfinite(v)]
        if len(peers) >= min_group:
            below, equal = sum(v < values[r, c] for v in peers), sum(v == values[r, c] for v in peers)
            out[r, c] = 100 * (below + (equal + 1) / 2 - 0.5) / len(peers)
    return out


@given(VALUES, GROUPS, st.integers(1, 5))
def test_percentile_equals_its_plain_definition(values: FloatArray, groups: IntArray, min_group: int) -> None:
    ours = transforms.percentile(values, groups, min_group=min_group)
    np.testing.assert_allclose(ours, plain_percentile(values, groups, min_group), rtol=1e-12)


@given(VALUES, GROUPS, st.permutations(range(12)))
def test_percentile_follows_a_permutation(values: FloatArray, groups: IntArray, order: list[int]) -> None:
    ours = transforms.percentile(values, groups, min_group=2)
    np.testing.assert_array_equal(ours[:, order], transforms.percentile(values[:, order], groups[order], min_group=2))


def test_outsiders_are_placed_and_do_not_count() -> None:
    values = np.array([[1.0, 2.0, 3.0, 2.0, 99.0]])
    peers = np.array([[True, True, True, False, False]])
    score = transforms.percentile(values, None, min_group=3, peers=peers)
    np.testing.assert_allclose(score[0, :3], transforms.percentile(values[:, :3], None, min_group=3)[0])
    assert score[0, 3] == 50.0
    assert score[0, 4] == 87.5


@pytest.mark.parametrize("n_rows", [1, 3, 40])
def test_measurements_ranked_together_are_those_ranked_alone(n_rows: int) -> None:
    rng = np.random.default_rng(n_rows)
    shape, groups = (n_rows, 30), rng.integers(-1, 3, 30)
    why, day = np.full(shape, np.int8(Reason.STALE)), np.full(shape, np.datetime64("2015-01-02", "D"))
    values = np.where(rng.random((9, *shape)) < 0.2, np.nan, np.round(rng.normal(size=(9, *shape)), 1))
    several = [transforms.Unranked(value, why, day, bool(k % 2)) for k, value in enumerate(values)]
    peers = rng.random(shape) < 0.9
    together = transforms.ranked_each(several, groups=groups, min_group=4, peers=peers)
    for one, found in zip(several, together, strict=True):
        alone = transforms.ranked(one, groups=groups, min_group=4, peers=peers)
        for field in ("value", "score", "reason", "as_of"):
            assert getattr(found, field).tobytes() == getattr(alone, field).tobytes()
    assert transforms.ranked_each([], min_group=4) == []


def test_the_newest_item_is_the_last_known_at_each_moment() -> None:
    rng = np.random.default_rng(3)
    known_at, column = np.sort(rng.integers(0, 50, 200)).astype("datetime64[D]"), rng.integers(0, 7, 200)
    moments = rng.integers(-5, 60, 20).astype("datetime64[D]")
    found = transforms.newest(known_at, column, moments, 8)
    for moment, row in zip(moments, found, strict=True):
        for symbol, place in enumerate(row.tolist()):
            known = np.flatnonzero((column == symbol) & (known_at <= moment))
            assert place == (known[-1] if known.size else -1)


def test_reason_says_present_exactly_where_the_score_is() -> None:
    value = np.array([[1.0, 2.0, np.nan]])
    day = np.full(value.shape, np.datetime64("2015-01-02", "D"))
    why = np.full(value.shape, Reason.NO_HISTORY, dtype=np.int8)
    good = transforms.ranked(transforms.Unranked(value, why, day), min_group=2)
    assert good.reason.tolist() == [[Reason.PRESENT, Reason.PRESENT, Reason.NO_HISTORY]]
    np.testing.assert_array_equal(good.score, [[25.0, 75.0, np.nan]])
    low = transforms.ranked(transforms.Unranked(value, why, day, low_is_good=True), min_group=2)
    np.testing.assert_array_equal(low.score, [[75.0, 25.0, np.nan]])
    small = transforms.ranked(transforms.Unranked(value, why, day), min_group=3)
    assert small.reason.tolist() == [[Reason.SMALL_PEER_GROUP, Reason.SMALL_PEER_GROUP, Reason.NO_HISTORY]]
    assert np.isnan(small.score).all()


def test_measured_refuses_what_contradicts_itself() -> None:
    one, day = np.array([[1.0]]), np.array([[np.datetime64("2015-01-02", "D")]])
    present = np.array([[Reason.PRESENT]], dtype=np.int8)
    with pytest.raises(ValueError, match="needs a reason"):
        transforms.measured(one, np.array([[np.nan]]), present, day)
    with pytest.raises(ValueError, match="0-100"):
        transforms.measured(one, np.array([[100.5]]), present, day)
    with pytest.raises(ValueError, match="shapes"):
        transforms.measured(one, np.array([1.0]), present, day)


def test_bounded_maps() -> None:
    z = np.array([-50.0, -1.0, 0.0, 1.0, 50.0, np.nan])
    np.testing.assert_allclose(transforms.normal_score(z)[:5], [0.0, 15.865525393, 50.0, 84.134474607, 100.0])
    np.testing.assert_allclose(transforms.linear_score(z, worst=-2.0, best=2.0)[:5], [0.0, 25.0, 50.0, 75.0, 100.0])
    assert np.isnan(transforms.normal_score(z)[5])
    assert np.isnan(transforms.linear_score(z, worst=0.0, best=1.0)[5])


def test_last_known() -> None:
    values = np.array([[np.nan, 1.0], [2.0, np.nan], [np.nan, np.nan]])
    assert transforms.last_known(np.isfinite(values)).tolist() == [[-1, 0], [1, 0], [1, 0]]


def test_empty_is_unknown_throughout() -> None:
    nothing = transforms.empty(2, 3, Reason.NO_INPUT)
    assert np.isnan(nothing.score).all()
    assert (nothing.reason == Reason.NO_INPUT).all()
    assert np.isnat(nothing.as_of).all()
