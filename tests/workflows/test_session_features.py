"""Features of past sessions, however they came about, are those of the data as it was known then."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from vfr import features
from vfr.workflows import feature_history
from vfr.workflows.feature_history import PART
from vfr.workflows.session_features import KEPT, SPAN, SessionFeatures


def of_the_past_alone(snapshot, row, lookback):
    past = snapshot.upto(snapshot.sessions[row])
    return features.compute(past, slice(max(row - lookback + 1, 0), row + 1)).values.transpose(1, 2, 0)


@pytest.fixture(autouse=True)
def never_asked(monkeypatch):
    """Let what is computed ahead wait for no quiet moment."""
    monkeypatch.setattr(feature_history, "QUIET_MS", 0.0)
    monkeypatch.setattr(feature_history, "BEGIN_MS", 0.0)
    monkeypatch.setattr(feature_history, "FIRST_MS", 0.0)


@pytest.fixture
def computed(monkeypatch):
    """Return how many sessions each computation was about."""
    found, compute = [], features.compute

    def counted(snapshot, rows, **more):
        found.append(rows.stop - rows.start)
        return compute(snapshot, rows, **more)

    monkeypatch.setattr(features, "compute", counted)
    return found


def test_random_days_and_neighbours_are_the_same_to_the_last_bit(seeded_snapshot):
    rng = np.random.default_rng(11)
    rows = rng.integers(0, seeded_snapshot.sessions.size, 24)
    held, other = SessionFeatures(), SessionFeatures()
    for row in rows.tolist():
        for near in sorted({max(row - 3, 0), row}):
            past = seeded_snapshot.upto(seeded_snapshot.sessions[near])
            expected = of_the_past_alone(seeded_snapshot, near, 10)
            for one in (held, other):
                np.testing.assert_array_equal(one.last(seeded_snapshot, past, 10), expected, err_msg=str(near))


@pytest.mark.parametrize("lookback", [1, 10])
def test_a_walk_computes_each_span_once_and_one_day_of_it(seeded_snapshot, computed, lookback):
    one = SessionFeatures()
    first = 5 * SPAN
    for row in range(first, first + 2 * SPAN):
        found = one.last(seeded_snapshot, seeded_snapshot.upto(seeded_snapshot.sessions[row]), lookback)
        assert found.shape[0] == lookback
        if row % 9 == 0:
            expected = of_the_past_alone(seeded_snapshot, row, lookback)
            computed.pop()
            np.testing.assert_array_equal(found, expected)
    assert computed == [lookback, SPAN + lookback - 1] * 2


def test_spans_asked_for_long_ago_are_let_go(seeded_snapshot, computed):
    one = SessionFeatures()

    def ask(row):
        one.last(seeded_snapshot, seeded_snapshot.upto(seeded_snapshot.sessions[row]), 1)

    for span in range(KEPT + 1):
        ask(span * SPAN)
    ask(1)
    assert computed == [1] * (KEPT + 2)
    ask(2)
    assert computed[-1] == SPAN


def test_the_latest_session_holds_nothing_of_the_past(seeded_snapshot, computed):
    one = SessionFeatures()
    one.last(seeded_snapshot, seeded_snapshot, 10)
    one.last(seeded_snapshot, seeded_snapshot, 10)
    assert computed == [10, 10]


def test_another_version_of_the_data_is_computed_anew(seeded_snapshot):
    one, row = SessionFeatures(), 300
    for _ in range(2):
        one.last(seeded_snapshot, seeded_snapshot.upto(seeded_snapshot.sessions[row]), 3)
    panel = seeded_snapshot.panel
    volume = np.array(panel.volume)
    volume[row - 20 : row] *= 3.0
    other = replace(seeded_snapshot, version="another", panel=replace(panel, volume=volume))
    found = one.last(other, other.upto(other.sessions[row]), 3)
    np.testing.assert_array_equal(found, of_the_past_alone(other, row, 3))
    assert not np.array_equal(found, of_the_past_alone(seeded_snapshot, row, 3), equal_nan=True)


def until(reached):
    """Wait for something that a thread does."""
    for _ in range(2_000):
        if reached():
            return
        time.sleep(0.005)
    raise AssertionError("nothing came of it")


class Shelf:
    """Keeps arrays until there is no room."""

    def __init__(self, room=1_000, error=OSError):
        self.room, self.error, self.kept = room, error, 0

    def keep(self, figures):
        if self.kept == self.room:
            raise self.error("no room")
        self.kept += 1
        figures.flags.writeable = False
        return figures


def asked(one, snapshot, row, lookback=10):
    return one.last(snapshot, snapshot.upto(snapshot.sessions[row]), lookback)


def test_random_days_read_what_was_computed_ahead_to_the_last_bit(seeded_snapshot, computed):
    shelf = Shelf()
    one = SessionFeatures(shelf.keep)
    asked(one, seeded_snapshot, 300)
    until(lambda: one._history.along.recursive is not None)
    assert shelf.kept == 0  # Who asks for one day does not pay for all.
    asked(one, seeded_snapshot, 500)
    one._history._thread.join()
    assert shelf.kept == -(-seeded_snapshot.sessions.size // PART)
    rows = np.random.default_rng(12).integers(0, seeded_snapshot.sessions.size - 1, 24).tolist()
    for row in [*rows, 0, 9, PART - 1, PART, PART + 3]:
        computed.clear()
        found = asked(one, seeded_snapshot, row)
        assert computed == []
        np.testing.assert_array_equal(found, of_the_past_alone(seeded_snapshot, row, 10), err_msg=str(row))
        found[:] = 0.0  # Whoever reads it has a copy.
    assert one._history.along.recursive is None  # What only computing reads takes no memory any more.
    assert not one._spans
    one.close()


@pytest.mark.parametrize("error", [OSError, RuntimeError, ValueError])
def test_where_there_is_no_room_the_rest_is_computed(seeded_snapshot, computed, error):
    told = []
    one = SessionFeatures(Shelf(room=2, error=error).keep, told.append)
    for row in (300, 500):
        asked(one, seeded_snapshot, row)
    one._history._thread.join()
    assert [(type(why), str(why)) for why in told] == [(error, "no room")]
    computed.clear()
    np.testing.assert_array_equal(asked(one, seeded_snapshot, 100), of_the_past_alone(seeded_snapshot, 100, 10))
    assert computed[0] == 10
    one.close()


def test_another_version_ends_what_was_computed_ahead(seeded_snapshot):
    one = SessionFeatures(Shelf().keep)
    for row in (300, 500):
        asked(one, seeded_snapshot, row)
    thread = one._history._thread
    other = replace(seeded_snapshot, version="another")
    asked(one, other, 300)
    assert not thread.is_alive()
    asked(one, other, 500)
    assert one._history._thread is not thread
    one.close()
    assert one._history is None


def test_nothing_is_computed_ahead_while_days_are_asked_for(seeded_snapshot, monkeypatch):
    monkeypatch.setattr(feature_history, "BEGIN_MS", 1e9)
    shelf = Shelf()
    one = SessionFeatures(shelf.keep)
    for row in (300, 500, 100):
        asked(one, seeded_snapshot, row)
    one.close()  # Does not wait for the quiet moment either.
    assert shelf.kept == 0


def test_the_first_past_day_waits_for_nothing_that_only_later_ones_gain_from(seeded_snapshot, monkeypatch):
    monkeypatch.setattr(feature_history, "FIRST_MS", 1e9)
    one = SessionFeatures()
    found = asked(one, seeded_snapshot, 300)
    assert one._history.along.recursive is None
    np.testing.assert_array_equal(found, of_the_past_alone(seeded_snapshot, 300, 10))
    one.close()
    assert one._history is None


class Clock:
    """Time that passes only where somebody says so."""

    def __init__(self):
        self.now = 0.0

    def elapsed_ms(self, since=0.0):
        return self.now - since


def test_a_part_is_begun_in_a_pause_that_is_likely_to_be_long_enough(monkeypatch):
    time_, quiet = Clock(), 1_000.0
    monkeypatch.setattr(feature_history, "clock", time_)
    monkeypatch.setattr(feature_history, "QUIET_MS", quiet)
    monkeypatch.setattr(feature_history, "BEGIN_MS", 3 * quiet)
    pauses = feature_history._Pauses()
    pauses.asked()

    def begun(after):
        """Return how long after a question a part is begun, looked at as the thread does."""
        began = time_.now
        while (left := pauses.left()) > 0.0 and time_.now - began < after:
            time_.now += min(left, after - (time_.now - began))
        return time_.now - began if pauses.left() == 0.0 else None

    assert begun(10_000.0) == pytest.approx(3 * quiet)
    pauses.took(100.0)
    for wait, wanted in ((250.0, None), (250.0, 50.0), (250.0, 50.0), (80.0, 50.0), (80.0, None), (900.0, None)):
        pauses.asked()
        found = begun(wait)
        assert found == pytest.approx(wanted) if wanted is not None else found is None, wait
        time_.now += wait - (found or wait)
    pauses.asked()
    assert begun(10_000.0) == pytest.approx(quiet)
    for _ in range(2):
        time_.now += 250.0
        pauses.asked()
    pauses.took(150.0)  # Parts that take longer do not fit.
    assert begun(250.0) is None
