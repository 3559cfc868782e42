"""Insiders' trades and analysts' counts as records: what was known by a day, and the part about some symbols."""

from __future__ import annotations

import numpy as np

from vfr.data.people import Insiders, Ratings, numbered

DAYS = np.array(["2014-05-01", "2014-05-02", "2014-05-02", "2014-05-05"], dtype="datetime64[D]")


def trades() -> Insiders:
    return Insiders(
        column=np.array([2, 0, 2, 1]),
        date=DAYS - 1,
        known_at=DAYS,
        owner=np.array([0, 1, 0, 2]),
        manager=np.array([True, False, True, True]),
        code=np.array(["P", "S", "A", "P"]),
        shares=np.array([10.0, -5.0, 7.0, np.nan]),
        price=np.array([1.0, 2.0, 0.0, np.nan]),
        owners=("Ann", "Bob", "Eve"),
    )


def test_keys_are_numbered_as_they_first_appear() -> None:
    number, kept = numbered(np.array(["b", "a", "b", "c"]))
    assert number.tolist() == [0, 1, 0, 2]
    assert kept.tolist() == ["b", "a", "c"]
    nothing, kept = numbered(np.array([], dtype=np.int64))
    assert nothing.size == kept.size == 0


def test_a_report_is_known_from_its_day_and_so_is_its_owner() -> None:
    before, after = trades().known_by(np.datetime64("2014-04-30")), trades().known_by(np.datetime64("2014-05-02"))
    assert before.column.size == 0
    assert before.owners == ()
    assert after.column.tolist() == [2, 0, 2]
    assert after.owners == ("Ann", "Bob")
    assert after.code.tolist() == ["P", "S", "A"]


def test_the_part_about_some_symbols_names_their_owners_only() -> None:
    part = trades().take(np.array([1, 2]))
    assert part.column.tolist() == [1, 1, 0]
    assert [part.owners[i] for i in part.owner] == ["Ann", "Ann", "Eve"]
    assert part.owners == ("Ann", "Eve")
    assert trades().take(np.array([0])).owners == ("Bob",)


def test_counts_are_known_from_their_day() -> None:
    ratings = Ratings(np.array([0, 1, 0, 1]), DAYS - 1, DAYS, np.arange(20.0).reshape(4, 5), np.array([1.0, 2, 3, 4]))
    known = ratings.known_by(np.datetime64("2014-05-02"))
    assert known.counts[:, 0].tolist() == [0.0, 5.0, 10.0]
    part = known.take(np.array([1]))
    assert part.column.tolist() == [0]
    assert part.counts.tolist() == [[5.0, 6.0, 7.0, 8.0, 9.0]]
    assert part.target_mean.tolist() == [2.0]
