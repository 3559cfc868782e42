"""Insiders and analysts out of their tables: once each, from one source, known from the evening they could be used."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from vfr.data.bitemporal.people import insiders, ratings
from vfr.data.bitemporal.tables import empty
from vfr.data.bitemporal.view import view
from vfr.data.snapshot import Snapshot

SOURCES = ("one", "two", "three", "edgar")


def seen(tables, day: str, sources=SOURCES) -> Snapshot:
    moment = datetime.fromisoformat(day).replace(hour=23, tzinfo=UTC)
    return view(tables, moment, name="live", sources=sources)


def lines(known: Snapshot) -> list[tuple]:
    i = known.insiders
    assert i is not None
    rows = zip(i.column, i.date, i.known_at, i.owner, i.code, i.shares, strict=True)
    return [(known.symbols[c], str(d), str(k), i.owners[o], str(code), s) for c, d, k, o, code, s in rows]


GRANT = ("BOLT", "2014-04-07", "2014-04-08", "Bob", "A", 50.0)
SALE = ("ACME", "2014-05-05", "2014-05-06", "Big Fund LP; Big Fund GP", "S", -7000.0)
BOUGHT = ("ACME", "2014-05-05", "2014-05-07", "Ann", "P", 100.0)


def test_a_transaction_counts_once_however_often_it_is_filed(tables) -> None:
    assert lines(seen(tables, "2014-05-16")) == [GRANT, SALE, BOUGHT, BOUGHT]
    forgotten = ("ACME", "2014-05-06", "2014-05-20", "Ann", "P", 40.0)
    assert lines(seen(tables, "2014-06-30")) == [GRANT, SALE, BOUGHT, BOUGHT, forgotten]


def test_a_form_filed_after_the_close_is_known_the_next_day(tables) -> None:
    day = np.datetime64("2014-05-06")
    evening = seen(tables, "2014-05-06").upto(day)
    assert lines(evening) == [GRANT, SALE]
    assert evening.insiders is not None
    assert evening.insiders.owners == ("Bob", "Big Fund LP; Big Fund GP")
    assert lines(seen(tables, "2014-06-30").upto(day)) == [GRANT, SALE]


def test_directors_and_officers_are_managers_and_holders_are_not(tables) -> None:
    known = seen(tables, "2014-06-30").insiders
    assert known is not None
    told = {known.owners[o]: bool(m) for o, m in zip(known.owner, known.manager, strict=True)}
    assert told == {"Bob": True, "Big Fund LP; Big Fund GP": False, "Ann": True}


def test_counts_keep_what_a_correction_does_not_say(tables) -> None:
    def acme(day: str) -> tuple[list[list[float]], list[str]]:
        r = seen(tables, day).ratings
        assert r is not None
        own = r.column == 0
        return r.counts[own].tolist(), [str(day) for day in r.known_at[own]]

    assert acme("2014-05-05") == ([[4, 3, 2, 1, 0]], ["2014-05-01"])
    assert acme("2014-05-12") == ([[4, 3, 2, 1, 0], [4, 3, 5, 1, 0]], ["2014-05-01", "2014-05-09"])
    # Counted and told after the close of June 2; the correction of May that came later was never in force.
    whole = ([[4, 3, 2, 1, 0], [4, 3, 5, 1, 0], [4, 6, 2, 1, 0]], ["2014-05-01", "2014-05-09", "2014-06-03"])
    assert acme("2014-06-04") == acme("2014-08-29") == whole


def test_targets_that_a_source_leaves_out_are_unknown(tables) -> None:
    r = seen(tables, "2014-08-29").ratings
    assert r is not None
    np.testing.assert_array_equal(r.target_mean[r.column == 0], [640.0, 640.0, np.nan])
    assert np.isnan(r.target_mean[r.column == 2]).all()


@pytest.mark.parametrize(("sources", "buy"), [(SOURCES, 3.0), (("three", "two"), 1.0), ((), 1.0)])
def test_counts_of_two_sources_are_never_mixed(tables, sources: tuple[str, ...], buy: float) -> None:
    known = seen(tables, "2014-08-29", (*sources, "one"))
    r = known.ratings
    assert r is not None
    assert r.counts[r.column == known.panel.column("CORE")].tolist() == [[4, buy, 2, 1, 0]]


def test_cutting_back_equals_an_earlier_view(tables) -> None:
    later, earlier = seen(tables, "2014-08-29").upto(np.datetime64("2014-05-12")), seen(tables, "2014-05-12")
    assert lines(later) == lines(earlier)
    assert later.ratings is not None
    assert earlier.ratings is not None
    np.testing.assert_array_equal(later.ratings.counts, earlier.ratings.counts)
    np.testing.assert_array_equal(later.ratings.known_at, earlier.ratings.known_at)


def test_nothing_of_known_symbols_is_no_record(tables) -> None:
    bare = {**tables, "insiders": empty("insiders"), "ratings": empty("ratings")}
    known = seen(bare, "2014-06-30")
    assert known.insiders is None
    assert known.ratings is None
    assert seen(tables, "2014-04-04").ratings is None, "nobody had counted yet"
    strangers = {"X": 0}
    assert insiders(tables["insiders"], strangers, lambda m: m.to_numpy(), SOURCES) is None
    assert ratings(tables["ratings"], strangers, lambda m: m.to_numpy(), SOURCES) is None


def test_a_code_of_no_letter_or_several_is_none(tables) -> None:
    odd = tables["insiders"].with_columns(code=pl.when(pl.col("owner") == "Bob").then(None).otherwise(pl.lit("PS")))
    known = seen({**tables, "insiders": odd}, "2014-06-30").insiders
    assert known is not None
    assert set(known.code.tolist()) == {""}
