from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.ensemble.fit import OutOfFold
from vfr.models.design import session_ranks
from vfr.workflows.replay import _judge, _replaced, corrupted, replay
from vfr.workflows.replay_result import KINDS

MEMBERS = ("lightgbm", "xgboost", "lstm", "linear", "trees")
SESSIONS, NAMES = 1200, 120


@pytest.fixture(scope="module")
def record() -> OutOfFold:
    """Five members that share a view with a little skill, and the returns it has a little skill for."""
    rng = np.random.default_rng(0)
    view = rng.normal(size=(SESSIONS, NAMES))
    noise = np.array([0.6, 0.7, 1.5, 1.0, 1.2])[:, None, None]
    score = np.stack([session_ranks(one) for one in view + noise * rng.normal(size=(5, SESSIONS, NAMES))])
    score[3, :, 100:] = np.nan
    excess = 0.02 * view + rng.normal(size=view.shape)
    return OutOfFold(
        members=MEMBERS,
        sessions=np.datetime64("2010-01-04") + np.arange(SESSIONS),
        p_up=0.5 + 0.05 * score,
        expected=0.01 * score,
        rank=score,
        direction=(excess > 0).astype(np.float64),
        excess=excess,
        base=np.full(view.shape, 0.5),
        cells=np.ones(view.shape, dtype=bool),
    )


@pytest.fixture(scope="module")
def result(record):
    return replay(record, "1d", np.random.default_rng(1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_member_is_the_same_before_and_answers_for_the_same_names_after(record, kind):
    broken = corrupted(record, 3, kind, 700, np.random.default_rng(2))
    for name in ("rank", "p_up", "expected"):
        before, after = getattr(record, name), getattr(broken, name)
        np.testing.assert_array_equal(after[:, :700], before[:, :700])
        np.testing.assert_array_equal(np.delete(after, 3, axis=0), np.delete(before, 3, axis=0))
        np.testing.assert_array_equal(np.isfinite(after), np.isfinite(before))
        assert (after[3, 700:, :50] != before[3, 700:, :50]).mean() > 0.9


def test_what_breaks_is_what_it_says(record):
    shuffled, frozen, inverted = (corrupted(record, 0, kind, 700, np.random.default_rng(2)) for kind in KINDS)
    np.testing.assert_allclose(np.sort(shuffled.rank[0, 900]), np.sort(record.rank[0, 900]))
    np.testing.assert_allclose(shuffled.p_up[0, 900], 0.5 + 0.05 * shuffled.rank[0, 900])
    np.testing.assert_array_equal(frozen.rank[0, 900], record.rank[0, 699])
    np.testing.assert_array_equal(inverted.rank[0, 900], -record.rank[0, 900])
    np.testing.assert_allclose(inverted.p_up[0, 900], 1.0 - record.p_up[0, 900])


def test_every_member_broken_in_every_way_loses_its_weight_within_twenty_sessions(result):
    assert [(f.member, f.kind) for f in result.found] == [(m, k) for m in MEMBERS for k in KINDS]
    assert all(f.usual_weight > 0.1 for f in result.found)
    assert all(f.alarm <= f.lost <= f.benched <= 20 for f in result.found)
    assert result.slowest() == max(f.lost for f in result.found)
    assert all(f.others == 0.0 for f in result.found)


def test_nobody_is_benched_while_nobody_is_broken(result):
    assert result.false_benching() == 0.0
    assert [s.months for s in result.sound] == [58] * 5
    assert all(s.alarmed == 0 and s.lowest == 1.0 for s in result.sound)
    assert sum(s.rings for s in result.sound) <= 2


def test_outcomes_need_far_longer(result):
    by = {(o.member, o.kind): o for o in result.outcomes}
    assert all(o.starts == 6 for o in result.outcomes)
    assert np.median([o.delay for o in result.outcomes]) > 4 * result.slowest()
    assert by["lightgbm", "inverted"].power >= by["lightgbm", "shuffled"].power
    assert 0.0 < by["lightgbm", "shuffled"].mistaken < 0.5


def test_tables_say_it_all(result):
    found, sound, outcomes = result.tables()
    assert len(found.rows) == len(outcomes.rows) == 15
    assert sound.rows[-1][:4] == ("all", 290, 0, 0)
    for table in (found, sound, outcomes):
        assert table.to_markdown().count("|---") == len(table.columns)
        assert "from 2011-" in found.note


def test_the_same_seed_gives_the_same_replay(record, result):
    again = replay(record, "1d", np.random.default_rng(1))
    assert again == result


def test_figures_of_a_member_that_was_silent_for_a_week_stay_on_their_dates(record):
    silent = replace(record, rank=record.rank.copy(), p_up=record.p_up.copy())
    silent.rank[1, 900:905], silent.p_up[1, 900:905] = np.nan, np.nan
    whole = _judge(silent, np.arange(SESSIONS), slice(None))
    own = _judge(silent, np.arange(800, SESSIONS), slice(1, 2))
    assert own.dates.size == SESSIONS - 805
    put = _replaced(whole, own, 1, record.sessions[800])
    for name in ("log_loss", "brier", "ic", "accuracy"):
        np.testing.assert_array_equal(getattr(put, name), getattr(whole, name))


def test_a_member_can_break_on_any_session(record):
    shorter = {name: getattr(record, name)[:, :400] for name in ("p_up", "expected", "rank")}
    shorter |= {name: getattr(record, name)[:400] for name in ("sessions", "direction", "excess", "base", "cells")}
    found = replay(OutOfFold(MEMBERS, **shorter), "7d", np.random.default_rng(3), start=330)
    assert found.broken_from == str(record.sessions[330])
    assert found.slowest() <= 20
    assert all(o.starts == 0 and np.isnan(o.power) for o in found.outcomes)
