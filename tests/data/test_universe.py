from __future__ import annotations

import numpy as np

from vfr.data.panel import Panel
from vfr.data.renames import RENAMES, lineage
from vfr.data.universe import Listings, membership

SESSIONS = np.busday_offset(np.datetime64("2014-01-01"), np.arange(1600))  # to the start of 2020


def listings(**spans: tuple[str, str]) -> Listings:
    close = np.full((SESSIONS.size, len(spans)), np.nan)
    for column, (first, last) in enumerate(spans.values()):
        close[(np.datetime64(first) <= SESSIONS) & (np.datetime64(last) >= SESSIONS), column] = 10.0
    nothing = np.full(close.shape, np.nan)
    fields = {"open": nothing, "high": nothing, "low": nothing, "close": close, "adj_close": close, "volume": nothing}
    return Listings.of(Panel(sessions=SESSIONS, symbols=tuple(spans), adjustment="split", **fields))


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


ALWAYS = ("2014-01-01", "2020-12-31")


def test_the_table_of_renames_has_no_circles() -> None:
    for old, new, day in RENAMES:
        chain = lineage(old, np.datetime64(day) - 1)
        assert chain[0] == old
        assert new in chain
        assert len(chain) == len(set(chain))


def test_a_ticker_matches_its_later_and_its_earlier_name() -> None:
    assert listings(BKNG=ALWAYS).locate("PCLN", np.datetime64("2015-01-05")) == 0
    assert listings(PCLN=ALWAYS).locate("BKNG", np.datetime64("2015-01-05")) == 0


def test_a_ticker_given_to_another_company_is_not_confused() -> None:
    # TT is Ingersoll-Rand, which was IR until 2020; the IR of these prices is Gardner Denver, listed in 2017.
    both = listings(IR=("2017-05-12", "2020-12-31"), TT=ALWAYS)
    found = both.match(["IR", "IR", "IR"], days("2015-03-01", "2018-03-01", "2020-06-01"))
    assert found.column.tolist() == [1, 1, 0]
    assert found.renamed == ("IR=TT",)
    alone = listings(IR=("2017-05-12", "2020-12-31"))
    assert alone.locate("IR", np.datetime64("2015-03-01")) == -1


def test_unknown_tickers_are_named() -> None:
    found = listings(AAPL=ALWAYS).match(["AAPL", "NOPE", "AAPL"], days("2015-01-05", "2015-01-05", "2016-01-05"))
    assert found.column.tolist() == [0, -1, 0]
    assert found.unmatched == ("NOPE",)
    assert found.renamed == ()


def test_membership_follows_intervals_renames_and_listings() -> None:
    panel = listings(AAPL=ALWAYS, WAG=("2014-01-01", "2014-12-30"), WBA=("2014-12-31", "2020-12-31"), NEW=ALWAYS)
    made = membership(
        "S&P 500",
        ["AAPL", "WBA", "GONE", "OLD", "NEW"],
        days("1990-01-01", "1990-01-01", "2013-01-01", "1990-01-01", "2016-01-04"),
        days("NaT", "NaT", "2015-01-05", "2001-01-01", "2017-01-03"),
        panel,
    )
    row = {
        text: int(np.searchsorted(SESSIONS, np.datetime64(text))) for text in ("2014-06-02", "2015-01-05", "2016-06-01")
    }
    assert made.member[row["2014-06-02"]].tolist() == [True, True, False, False]
    assert made.member[row["2015-01-05"]].tolist() == [True, False, True, False]
    assert made.member[row["2016-06-01"]].tolist() == [True, False, True, True]
    assert made.index_size[[row["2014-06-02"], row["2015-01-05"], row["2016-06-01"]]].tolist() == [3, 2, 3]
    assert made.unreconciled == ("GONE",)
    assert made.renamed == 1
