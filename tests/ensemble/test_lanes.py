from __future__ import annotations

import threading
import time

import pytest

from vfr.ensemble.lanes import Lanes, Left, Limits, Task

PATIENCE = 20.0


@pytest.fixture
def lanes():
    """Lanes whose threads are all gone when the test is over."""
    made = Lanes("test-lane")
    yield made
    made.close()
    until = time.monotonic() + PATIENCE
    while alive() and time.monotonic() < until:
        time.sleep(0.002)
    assert alive() == []


def alive():
    return [thread for thread in threading.enumerate() if thread.name == "test-lane"]


def settled(lanes):
    """Wait until nobody is stuck any more."""
    until = time.monotonic() + PATIENCE
    while lanes.stuck and time.monotonic() < until:
        time.sleep(0.002)
    assert lanes.stuck == {}


class Hang:
    """A call that waits for its release; counts how often it was made."""

    def __init__(self):
        self.event, self.calls, self.began = threading.Event(), 0, threading.Event()

    def __call__(self):
        self.calls += 1
        self.began.set()
        assert self.event.wait(PATIENCE)
        return "late"


def quick(*names):
    return [Task(name, lambda name=name: name) for name in names]


def test_answers_come_in_the_order_of_the_tasks_from_one_thread(lanes):
    names = lanes.run([Task(m, threading.current_thread) for m in "abc"])
    assert len(set(names)) == 1
    assert lanes.run(quick("a", "b", "c")) == ["a", "b", "c"]
    assert lanes.run([]) == []
    assert len(alive()) == 1


def test_side_by_side_on_two_lanes(lanes):
    together = threading.Barrier(2, timeout=PATIENCE)
    assert sorted(lanes.run([Task(m, together.wait) for m in "ab"], width=2)) == [0, 1]


def test_one_that_hangs_holds_up_neither_the_others_nor_the_next_round(lanes):
    hang = Hang()
    limits = Limits(each=150, overtake=5)
    found = lanes.run([Task("a", hang), *quick("b", "c")], limits)
    assert found[1:] == ["b", "c"]
    assert isinstance(found[0], Left)
    assert (found[0].after_ms >= 150, found[0].earlier, found[0].ended) == (True, False, False)
    for _ in range(5):
        again = lanes.run([Task("a", hang), *quick("b", "c")], Limits(overtake=5))
        assert again[1:] == ["b", "c"]
        assert again[0].earlier
    assert hang.calls == 1
    assert list(lanes.stuck) == ["a"]
    assert len(alive()) <= 2
    hang.event.set()
    settled(lanes)
    assert lanes.run(quick("a", "b")) == ["a", "b"]


def test_every_member_may_hang_and_no_thread_is_added_by_asking_again(lanes):
    hangs = {m: Hang() for m in "abcde"}
    for _ in range(4):
        found = lanes.run([Task(m, hang) for m, hang in hangs.items()], Limits(each=60, overtake=5))
        assert all(isinstance(one, Left) for one in found)
    assert [hang.calls for hang in hangs.values()] == [1] * 5
    assert len(alive()) <= 5 + 1
    for hang in hangs.values():
        hang.event.set()
    settled(lanes)


def test_the_round_has_a_deadline_of_its_own(lanes):
    hang = Hang()
    # No overtaking: the second member's turn never comes.
    found = lanes.run([Task("a", hang), *quick("b")], Limits(whole=500, overtake=10_000))
    assert found[0].after_ms > 0
    assert found[1] == Left()
    hang.event.set()
    settled(lanes)


def test_a_slow_member_has_as_long_as_the_round_and_the_next_round_waits_for_it(lanes):
    hang = Hang()
    (found,) = lanes.run([Task("a", hang, slow=True)], Limits(each=1, whole=500))
    assert found.after_ms > 1
    threading.Timer(0.05, hang.event.set).start()
    assert lanes.run([Task("a", lambda: "at last", slow=True)], Limits(each=1, whole=1e3 * PATIENCE)) == ["at last"]


def test_a_slow_member_that_was_at_it_for_too_long_is_passed_over(lanes):
    hang = Hang()
    lanes.run([Task("a", hang, slow=True)], Limits(whole=500))
    (found,) = lanes.run([Task("a", hang, slow=True)], Limits(whole=1e3 * PATIENCE, opening=30))
    assert found.earlier
    hang.event.set()
    settled(lanes)


def test_rounds_side_by_side_wait_for_each_others_members(lanes):
    hang, found = Hang(), []
    first = threading.Thread(target=lambda: found.append(lanes.run([Task("a", hang)])))
    first.start()
    assert hang.began.wait(PATIENCE)
    threading.Timer(0.05, hang.event.set).start()
    assert lanes.run([Task("a", lambda: "mine"), *quick("b")]) == ["mine", "b"]
    first.join()
    assert found == [["late"]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_a_member_ends_costs_that_member_only(lanes):
    def leave():
        raise SystemExit

    found = lanes.run([Task("a", leave), *quick("b", "c")])
    assert found == [Left(ended=True), "b", "c"]
    assert lanes.run(quick("a")) == ["a"]


def test_many_rounds_from_many_threads_answer_everything_once(lanes):
    def asked(found):
        for _ in range(30):
            found.append(lanes.run(quick("a", "b", "c"), width=2))

    lists = [[] for _ in range(6)]
    threads = [threading.Thread(target=asked, args=(found,)) for found in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found == [["a", "b", "c"]] * 30 for found in lists)


def test_idle_threads_do_not_hold_on_to_the_last_round(lanes):
    import gc
    import weakref

    class Rows:
        pass

    rows = Rows()
    gone = weakref.ref(rows)
    lanes.run([Task("a", lambda rows=rows: rows is not None)])
    del rows
    until = time.monotonic() + PATIENCE
    while gone() is not None and time.monotonic() < until:
        gc.collect()
        time.sleep(0.002)
    assert gone() is None


def test_closed_lanes_refuse_and_those_stuck_end_when_they_return():
    lanes, hang = Lanes("test-lane"), Hang()
    lanes.run([Task("a", hang), *quick("b")], Limits(each=30, overtake=5))
    lanes.close()
    assert len(alive()) == 1
    with pytest.raises(RuntimeError, match="closed"):
        lanes.run(quick("b"))
    thread = alive()[0]
    hang.event.set()
    thread.join(PATIENCE)
    assert alive() == []
    lanes.close()


def test_a_round_that_runs_while_the_lanes_are_closed_still_reaches_every_member():
    lanes, hang, found = Lanes("test-lane"), Hang(), []
    lanes.run([Task(name, lambda: time.sleep(0.05)) for name in "xy"], Limits(overtake=PATIENCE), 2)

    def ask():
        tasks = [Task("a", hang), *quick("b")]
        found.extend(lanes.run(tasks, Limits(whole=400.0, overtake=100.0)))

    asking, closing = threading.Thread(target=ask), threading.Thread(target=lanes.close)
    asking.start()
    assert hang.began.wait(PATIENCE)
    closing.start()
    asking.join(PATIENCE)
    hang.event.set()
    closing.join(PATIENCE)
    assert (type(found[0]), found[1]) == (Left, "b")
    assert not closing.is_alive()


def test_a_process_out_of_threads_says_so_and_can_still_close(monkeypatch):
    def no_thread(_thread):
        raise RuntimeError("can't start new thread")

    lanes = Lanes("test-lane")
    with monkeypatch.context() as starved:
        starved.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            lanes.run(quick("a"))
    assert lanes.run(quick("a")) == ["a"]
    lanes.close()
    assert alive() == []
