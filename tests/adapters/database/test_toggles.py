"""Switches in the database: kept, followed by their log, on both databases; whoever tampers is seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from vfr.adapters.database.engine import transaction
from vfr.adapters.database.toggles import SqlToggles
from vfr.workflows.toggles import Toggle, ToggleState

if TYPE_CHECKING:
    from sqlalchemy import Engine

OFF = Toggle("ml", False, "drift alert", "ana", "2026-01-02T03:04:05+00:00")
ON = Toggle("ml", True, "drift explained", "ben", "2026-01-02T04:04:05+00:00")
MEMBER = Toggle("linear", False, "odd figures", "ana", "2026-01-03T03:04:05+00:00")
VERSION = Toggle("linear-7d-1", False, "bad fit", "ana", "2026-01-03T03:05:05+00:00")


def test_never_turned_is_on(engine: Engine) -> None:
    store = SqlToggles(engine)
    assert store.read() == ToggleState()
    assert (store.read().enabled, store.all(), store.audit(10), store.problems()) == (True, {}, (), ())


def test_changes_are_kept_and_logged(engine: Engine) -> None:
    for one in (OFF, MEMBER, VERSION, ON):
        SqlToggles(engine).turn(one)
    state = SqlToggles(engine).read()
    assert state == ToggleState(ON, {"linear": "odd figures", "linear-7d-1": "bad fit"}, 4)
    assert [row.toggle for row in SqlToggles(engine).audit(10)] == [ON, VERSION, MEMBER, OFF]
    assert SqlToggles(engine).all() == {"ml": ON, "linear": MEMBER, "linear-7d-1": VERSION}
    assert SqlToggles(engine).problems() == ()


def test_what_is_known_is_returned_itself(engine: Engine) -> None:
    store = SqlToggles(engine)
    store.turn(OFF)
    known = store.read()
    assert store.read(known) is known
    store.turn(MEMBER)
    assert store.read(known).off == {"linear": "odd figures"}


def test_the_log_is_read_page_by_page(engine: Engine) -> None:
    store = SqlToggles(engine)
    for _ in range(5):
        store.turn(OFF)
    first = store.audit(2)
    assert [row.sequence for row in first] == [5, 4]
    assert [row.sequence for row in store.audit(9, before=first[-1].sequence)] == [3, 2, 1]


def test_only_the_first_turn_counts_where_wanted(engine: Engine) -> None:
    store = SqlToggles(engine)
    store.turn(OFF, only_first=True)
    store.turn(ON, only_first=True)
    assert (store.read().everything, len(store.audit(9))) == (OFF, 1)


def test_many_at_once_make_one_chain(engine: Engine) -> None:
    store = SqlToggles(engine)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store.turn, [OFF, ON, MEMBER, VERSION] * 6))
    assert [row.sequence for row in store.audit(99)] == list(range(24, 0, -1))
    assert store.problems() == ()


TAMPERING = {
    "a reason": ("UPDATE toggle_audit SET reason = 'other' WHERE sequence = 2", "row 2 was changed"),
    "who": ("UPDATE toggle_audit SET who = 'eve' WHERE sequence = 1", "row 1 was changed"),
    "a row is gone": ("DELETE FROM toggle_audit WHERE sequence = 2", "before row 3"),
    "the first row is gone": ("DELETE FROM toggle_audit WHERE sequence = 1", "before row 2"),
    "the last row is gone": ("DELETE FROM toggle_audit WHERE sequence = 4", "linear is not as the log"),
    "a row was moved": ("UPDATE toggle_audit SET sequence = 9 WHERE sequence = 2", "before row 3"),
    "a switch beside the log": ("UPDATE toggles SET enabled = true WHERE id = 'ml'", "ml is not as the log"),
    "a switch without a row": ("DELETE FROM toggles WHERE id = 'linear'", "linear is not as the log"),
    "all of the log": ("DELETE FROM toggle_audit", "linear is not as the log"),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_whoever_tampers_is_seen(engine: Engine, what: str) -> None:
    store, (statement, problem) = SqlToggles(engine), TAMPERING[what]
    for one in (ON, VERSION, OFF, MEMBER):
        store.turn(one)
    with transaction(engine) as connection:
        connection.execute(text(statement))
    assert any(problem in found for found in store.problems())
