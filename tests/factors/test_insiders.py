"""Insiders' net buying by hand: who counts, when, and what is known where nobody traded."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.data.people import Insiders, numbered
from vfr.factors import insiders
from vfr.factors.scores import Reason

NAME = "alternative.insiders.net_buying"
LAST = np.array([259])
"""Of 260 sessions from 2014-01-01: 2014-12-30."""


def forms(*lines: tuple) -> Insiders:
    """Return transactions from rows (column, day, days until known, owner, code, shares, manager)."""
    rows = [(*line, True) if len(line) == 6 else line for line in lines]
    date = np.array([row[1] for row in rows], dtype="datetime64[D]")
    known_at = date + np.array([row[2] for row in rows], dtype=np.int64)
    order = np.argsort(known_at, kind="stable")
    owner, owners = numbered(np.array([row[3] for row in rows], dtype=np.str_)[order])
    return Insiders(
        column=np.array([row[0] for row in rows], dtype=np.int64)[order],
        date=date[order],
        known_at=known_at[order],
        owner=owner,
        manager=np.array([row[6] for row in rows], dtype=np.bool_)[order],
        code=np.array([row[4] for row in rows], dtype="<U1")[order],
        shares=np.array([row[5] for row in rows], dtype=np.float64)[order],
        price=np.full(len(rows), 10.0),
        owners=tuple(owners.tolist()),
    )


def grants(n: int, day: str = "2014-12-01") -> list[tuple]:
    """Return a grant in each of n symbols: all are covered, nobody trades."""
    return [(c, day, 2, "Gil", "A", 5.0) for c in range(n)]


def at(market, *lines: tuple, rows=LAST, n_symbols: int = 6):
    return insiders.measure(market(n_sessions=260, n_symbols=n_symbols, insiders=forms(*lines)), rows)[NAME]


def reasons(measured, row: int = 0) -> list[str]:
    return [Reason(int(code)).name for code in measured.reason[row]]


def test_people_are_counted_not_transactions(market):
    day = "2014-11-03"
    found = at(
        market,
        *grants(6),
        *[(0, day, 2, "Ann", "P", 100.0)] * 9,
        (0, day, 2, "Bob", "S", -1e6),
        (0, day, 2, "Eve", "S", -10.0),
        (1, day, 2, "Ann", "P", 1.0),
        (2, day, 2, "Ann", "S", -1.0),
        (3, day, 2, "Ann", "P", 1.0),
        (3, day, 2, "Ann", "S", -1.0),
    )
    np.testing.assert_allclose(found.value[0], [-1 / 3, 1.0, -1.0, 0.0, 0.0, 0.0])
    # Mid-ranks among six: -1, -1/3, three zeros, 1.
    np.testing.assert_allclose(found.score[0], 100 * np.array([1.5, 5.5, 0.5, 3.5, 3.5, 3.5]) / 6)


@pytest.mark.parametrize(
    "line",
    [
        (0, "2014-11-03", 2, "Ann", "A", 100.0),
        (0, "2014-11-03", 2, "Ann", "F", -100.0),
        (0, "2014-11-03", 2, "Ann", "", 100.0),
        (0, "2014-11-03", 2, "Fund", "P", 100.0, False),
        (0, "2014-11-03", 2, "Ann", "P", -100.0),
        (0, "2014-11-03", 2, "Ann", "P", np.nan),
        (0, "2014-07-03", 2, "Ann", "P", 100.0),
        (0, "2014-07-03", 150, "Ann", "P", 100.0),
        (0, "2014-12-29", 2, "Ann", "P", 100.0),
    ],
    ids=["grant", "taxes", "no-code", "holder", "wrong-sign", "no-count", "old", "old-told-late", "not-yet-known"],
)
def test_what_does_not_count(market, line):
    assert at(market, *grants(6), line).value[0].tolist() == [0.0] * 6


def test_half_a_year_is_180_days_from_the_trade(market):
    inside, outside = ("2014-07-04", "2014-07-03")
    assert at(market, *grants(6), (0, inside, 2, "Ann", "P", 1.0)).value[0, 0] == 1.0
    assert at(market, *grants(6), (0, outside, 2, "Ann", "P", 1.0)).value[0, 0] == 0.0


def test_nobody_traded_is_known_where_insiders_report_and_unknown_where_they_never_did(market):
    found = at(market, *grants(5))
    assert found.value[0, :5].tolist() == [0.0] * 5
    assert found.score[0, :5].tolist() == [50.0] * 5
    assert reasons(found)[5] == "NOT_COVERED"
    assert np.isnan(found.score[0, 5])
    assert (found.as_of[0, :5] == np.datetime64("2014-12-03")).all()
    assert np.isnat(found.as_of[0, 5])


def test_a_source_that_ended_says_nothing(market):
    early = grants(6, "2014-09-19")
    assert reasons(at(market, *early)) == ["PRESENT"] * 6, "a hundred days later"
    assert reasons(at(market, *grants(6, "2014-09-18"))) == ["STALE"] * 6, "a day more"
    late = at(market, *grants(5), (5, "2013-11-20", 2, "Gil", "A", 1.0))
    assert reasons(late) == ["PRESENT"] * 5 + ["STALE"], "the others report, so it is this company that does not"
    assert np.isnan(late.value[0, 5])


def test_before_the_first_report_there_is_no_input(market):
    found = at(market, *grants(6), rows=np.array([100, 259]))
    assert reasons(found, 0) == ["NO_INPUT"] * 6
    assert reasons(found, 1) == ["PRESENT"] * 6
    assert reasons(at(market)) == ["NO_INPUT"] * 6


def test_too_few_companies_are_not_compared(market):
    found = at(market, *grants(4), (0, "2014-11-03", 2, "Ann", "P", 100.0))
    assert reasons(found) == ["SMALL_PEER_GROUP"] * 4 + ["NOT_COVERED"] * 2
    assert found.value[0, 0] == 1.0


def test_without_the_record_it_takes_no_part(market):
    assert insiders.measure(market(), np.array([9])) == {}
