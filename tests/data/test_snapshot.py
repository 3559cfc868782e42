from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.data.records import Actions
from vfr.data.snapshot import Snapshot


def test_upto_forgets_everything_later(seeded_snapshot: Snapshot) -> None:
    day = seeded_snapshot.sessions[400]
    past = seeded_snapshot.upto(day + 1 if day + 1 < seeded_snapshot.sessions[401] else day)
    assert past.as_of == day
    assert past.fundamentals is not None
    assert past.texts is not None
    assert past.macro is not None
    assert past.membership is not None
    assert past.benchmark is not None
    assert past.panel.shape == (401, 60)
    assert past.fundamentals.known_at.max() <= day
    assert past.texts.created_at.max() <= seeded_snapshot.closes_at[400]
    assert max(s.known_at.max() for s in past.macro.series.values()) <= day
    assert past.membership.member.shape == (401, 60)
    assert past.benchmark.close.size == 401


def test_split_factor_is_the_product_of_later_splits() -> None:
    sessions = np.array(["2014-06-05", "2014-06-06", "2014-06-09", "2014-06-10"], dtype="datetime64[D]")
    actions = Actions(np.array([0, 0]), sessions[[1, 2]], np.array([2.0, 7.0]))
    factor = actions.split_factor(sessions, 2)
    np.testing.assert_allclose(factor[:, 0], [14.0, 7.0, 1.0, 1.0])
    np.testing.assert_allclose(factor[:, 1], 1.0)
    np.testing.assert_allclose(actions.factor_after(np.array([0, 0, 1]), sessions[[0, 2, 0]]), [14.0, 1.0, 1.0])


@settings(max_examples=25, deadline=None)
@given(row=st.integers(0, 699))
def test_upto_twice_is_upto_the_earlier(seeded_snapshot: Snapshot, row: int) -> None:
    day = seeded_snapshot.sessions[row]
    once, twice = (
        seeded_snapshot.upto(day),
        seeded_snapshot.upto(seeded_snapshot.sessions[min(row + 30, 699)]).upto(day),
    )
    np.testing.assert_array_equal(once.panel.close, twice.panel.close)
    assert once.texts is not None
    assert twice.texts is not None
    assert once.texts.text == twice.texts.text
