"""The line of what is to be written: bounded, in order, retried, drained at the end; putting never waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from vfr.errors import DataError
from vfr.workflows import outbox
from vfr.workflows.outbox import Outbox

LONG = 20.0


class Store:
    """Keeps what is written; `gate` holds writers up, `broken` makes them fail."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        self.sizes: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self.broken = False

    def __call__(self, batch: Sequence[int]) -> None:
        self.asked.set()
        assert self.gate.wait(LONG)
        if self.broken:
            raise DataError("away")
        self.sizes.append(len(batch))
        self.kept.extend(batch)


@pytest.fixture
def store() -> Store:
    return Store()


def box(store: Store, **options) -> Outbox[int]:
    return Outbox("test-outbox", store, **({"capacity": 100, "batch": 10, "every": 0.01} | options))


def test_everything_is_written_once_in_order_and_in_batches(store: Store) -> None:
    made = box(store)
    assert all(made.put(2 * k, 2 * k + 1) for k in range(20))
    assert made.close(LONG)
    assert store.kept == list(range(40))
    assert max(store.sizes) <= 10
    assert (made.written, made.dropped, made.failures, made.waiting) == (40, 0, 0, 0)


def test_whole_batches_do_not_wait_for_one_another(store: Store) -> None:
    store.gate.clear()
    made = box(store, every=0.2, batch=5)
    made.put(0)
    assert store.asked.wait(LONG)
    made.put(*range(1, 91))
    start = time.monotonic()
    store.gate.set()
    while len(store.kept) < 91 and time.monotonic() - start < LONG:
        time.sleep(0.001)
    assert store.kept == list(range(91))
    assert time.monotonic() - start < 18 * 0.2, "as long as eighteen batches would wait"
    assert made.close(LONG)


def test_a_full_line_drops_counts_and_tells_without_waiting(store: Store) -> None:
    told: list[int] = []
    store.gate.clear()
    made = box(store, capacity=5, told=lambda dropped, _: told.append(dropped))
    made.put(0)
    assert store.asked.wait(LONG)
    assert made.put(1, 2, 3, 4)
    assert not made.put(5, 6), "all or none"
    assert made.put(7)
    assert made.dropped == 2
    store.gate.set()
    assert made.close(LONG)
    assert store.kept == [0, 1, 2, 3, 4, 7]
    assert sum(told) == 2


def test_a_failed_batch_is_written_when_the_store_is_back(store: Store) -> None:
    told: list[BaseException | None] = []
    back = threading.Event()
    store.broken = True

    def tell(_: int, error: BaseException | None) -> None:
        told.append(error)
        store.broken = False
        back.set()

    made = box(store, told=tell)
    made.put(1, 2)
    assert back.wait(LONG)
    made.put(3)
    assert made.close(LONG)
    assert store.kept == [1, 2, 3]
    assert made.failures == 1
    assert [type(error) for error in told] == [DataError, type(None)], "that it is back is told, too"


def test_a_store_that_hangs_is_told_of_once_while_it_does_and_when_it_is_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, BaseException | None]] = []
    over = threading.Event()

    def tell(*news: Any) -> None:
        told.append(news)
        if news == (0, None):
            over.set()

    store.gate.clear()
    made = box(store, told=tell)
    made.put(1)
    assert store.asked.wait(LONG)
    made.put(2)
    assert told == [], "it is not late yet"
    monkeypatch.setattr(outbox, "_LATE_MS", 0.0)
    made.put(3)
    made.put(4)
    assert [(count, type(error)) for count, error in told] == [(0, TimeoutError)]
    monkeypatch.undo()
    store.gate.set()
    assert over.wait(LONG)
    assert made.close(LONG)
    assert len(told) == 2
    assert store.kept == [1, 2, 3, 4]


def test_what_can_never_be_written_is_dropped_counted_and_holds_up_nothing() -> None:
    kept: list[int] = []
    told: list[tuple[int, BaseException | None]] = []

    def write(batch: Sequence[int]) -> None:
        if 1 in batch:
            raise KeyError("it has no such field")
        kept.extend(batch)

    made = Outbox("test-outbox", write, capacity=9, batch=1, every=0.01, told=lambda *news: told.append(news))
    for k in range(3):
        made.put(k)
    assert made.close(LONG)
    assert kept == [0, 2]
    assert (made.written, made.dropped, made.failures, made.waiting) == (2, 1, 1, 0)
    assert [(count, type(error)) for count, error in told] == [(1, KeyError)]


def test_a_process_out_of_threads_keeps_what_is_put_and_fails_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    made = box(store)
    with monkeypatch.context() as starved:
        starved.setattr(threading.Thread, "start", no_thread)
        assert made.put(1)
    assert made.put(2)
    assert made.close(LONG)
    assert store.kept == [1, 2]


def test_closing_tries_once_more_and_gives_up(store: Store) -> None:
    store.broken = True
    made = box(store, every=LONG)
    made.put(1)
    assert not made.close(LONG)
    assert (made.failures, made.waiting, made.written) == (1, 1, 0)
    assert not made.put(2)


def test_closing_does_not_wait_for_a_store_that_hangs(store: Store) -> None:
    store.gate.clear()
    made = box(store)
    made.put(1)
    assert store.asked.wait(LONG)
    assert not made.close(0.01)
    store.gate.set()


def test_an_idle_thread_ends_and_another_begins(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_IDLE", 1)
    made = box(store)
    for k in range(3):
        made.put(k)
        for thread in threading.enumerate():
            if thread.name == "test-outbox":
                thread.join(LONG)
    assert store.kept == [0, 1, 2]
    assert not any(thread.name == "test-outbox" for thread in threading.enumerate())
    assert made.close()


def test_nothing_put_starts_no_thread(store: Store) -> None:
    made = box(store)
    assert made.put()
    assert not any(thread.name == "test-outbox" for thread in threading.enumerate())
    assert made.close()
