from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.data.fingerprint import fingerprint
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
    assert past.insiders is not None
    assert past.ratings is not None
    assert past.insiders.known_at.max() <= day
    assert past.insiders.owner.max() == len(past.insiders.owners) - 1
    assert past.ratings.known_at.max() <= day
    assert past.ratings.counts.shape == (past.ratings.known_at.size, 5)


def test_split_factor_is_the_product_of_later_splits() -> None:
    sessions = np.array(["2014-06-05", "2014-06-06", "2014-06-09", "2014-06-10"], dtype="datetime64[D]")
    actions = Actions(np.array([0, 0]), sessions[[1, 2]], np.array([2.0, 7.0]))
    factor = actions.split_factor(sessions, 2)
    np.testing.assert_allclose(factor[:, 0], [14.0, 7.0, 1.0, 1.0])
    np.testing.assert_allclose(factor[:, 1], 1.0)
    np.testing.assert_allclose(actions.factor_after(np.array([0, 0, 1]), sessions[[0, 2, 0]]), [14.0, 1.0, 1.0])


@settings(max_examples=25)
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


def test_a_part_is_what_is_known_of_its_symbols_in_the_panel_s_order(seeded_snapshot: Snapshot) -> None:
    chosen = [2, 0, 41, 2, 59]
    part = seeded_snapshot.take(np.array(chosen))
    assert part.symbols == tuple(seeded_snapshot.symbols[c] for c in (0, 2, 41, 59))
    assert part.securities.name == tuple(f"Synthetic {symbol} Inc." for symbol in part.symbols)
    np.testing.assert_array_equal(part.panel.close[:, 2], seeded_snapshot.panel.close[:, 41])
    for kind, day, value in (
        ("actions", "date", lambda r, i: r.ratio[i]),
        ("fundamentals", "known_at", lambda r, i: [r.period_end[i], *(f[i] for f in r.values.values())]),
        ("texts", "created_at", lambda r, i: r.text[i]),
        ("insiders", "known_at", lambda r, i: [r.owners[r.owner[i]], r.code[i], r.shares[i], r.price[i], r.date[i]]),
        ("ratings", "known_at", lambda r, i: [*r.counts[i], r.target_mean[i], r.date[i]]),
    ):
        whole, cut = getattr(seeded_snapshot, kind), getattr(part, kind)
        old = [0, 2, 41, 59]
        rows = [i for i, c in enumerate(whole.column.tolist()) if c in old]
        assert cut.column.tolist() == [old.index(whole.column[i]) for i in rows]
        np.testing.assert_array_equal(getattr(cut, day), getattr(whole, day)[rows])
        np.testing.assert_equal([value(cut, i) for i in range(len(rows))], [value(whole, i) for i in rows])
    assert part.membership is not None
    assert seeded_snapshot.membership is not None
    np.testing.assert_array_equal(part.membership.member[:, 1], seeded_snapshot.membership.member[:, 2])
    np.testing.assert_array_equal(part.membership.index_size, seeded_snapshot.membership.index_size)
    assert part.macro is seeded_snapshot.macro
    assert part.benchmark is seeded_snapshot.benchmark
    assert (part.name, part.version) == (seeded_snapshot.name, seeded_snapshot.version)


def test_a_part_without_inputs_and_one_without_symbols(seeded_snapshot: Snapshot) -> None:
    nothing = dict.fromkeys(
        ("actions", "fundamentals", "macro", "texts", "membership", "benchmark", "insiders", "ratings")
    )
    part = replace(seeded_snapshot, **nothing).take(np.array([5]))
    assert part.symbols == seeded_snapshot.symbols[5:6]
    assert all(getattr(part, kind) is None for kind in nothing)
    none = seeded_snapshot.take(np.array([], dtype=np.int64))
    assert none.panel.shape == (700, 0)
    assert none.texts is not None
    assert none.texts.text == ()


def test_cutting_back_and_taking_a_part_commute(seeded_snapshot: Snapshot) -> None:
    day, columns = seeded_snapshot.sessions[300], np.array([1, 7])
    one, other = seeded_snapshot.upto(day).take(columns), seeded_snapshot.take(columns).upto(day)
    assert fingerprint(one) == fingerprint(other)
