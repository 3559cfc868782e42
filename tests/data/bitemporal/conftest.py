"""A small invented market as an archive would hold it: two share classes of trouble, two sources, restated filings."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from vfr.data.bitemporal.tables import ALWAYS, TABLES, Kind
from vfr.data.bitemporal.versions import merged
from vfr.data.sessions import closes_utc, sessions_between

NEW_YORK = ZoneInfo("America/New_York")
SPLIT_DAY = date(2014, 6, 9)
EX_DATE = date(2014, 5, 8)


def rows(kind: Kind, *lines: tuple) -> pl.DataFrame:
    """Return a table from rows in column order."""
    return pl.DataFrame(list(lines), schema=dict(TABLES[kind].columns), orient="row")


def new_york(day: date, hour: int, minute: int = 0) -> datetime:
    """Return a New York wall time in UTC."""
    return datetime.combine(day, time(hour, minute), NEW_YORK).astimezone(UTC)


@pytest.fixture(scope="session")
def tables() -> dict[Kind, pl.DataFrame]:
    """Every table, April to August 2014: ACME splits 7:1, BOLT restates, CORE is known from a second source only."""
    rng = np.random.default_rng(11)
    sessions = sessions_between(np.datetime64("2014-04-01"), np.datetime64("2014-08-29"))
    closes = closes_utc(sessions)
    return {
        "bars": _bars(rng, sessions, closes),
        "actions": merged(
            "actions",
            rows("actions", ("ACME", SPLIT_DAY, "split", 7.0, "one", datetime(2014, 6, 9, tzinfo=UTC))),
            rows("actions", ("ACME", EX_DATE, "dividend", 3.29, "one", datetime(2014, 5, 8, tzinfo=UTC))),
            rows("actions", ("SPY", date(2014, 6, 20), "dividend", 0.94, "one", datetime(2014, 6, 20, tzinfo=UTC))),
        ),
        "fundamentals": _filings(),
        "macro": merged(
            "macro",
            rows("macro", ("UNRATE", date(2014, 4, 1), 6.3, "fred", new_york(date(2014, 5, 2), 8, 30))),
            rows("macro", ("UNRATE", date(2014, 4, 1), 6.2, "fred", new_york(date(2014, 7, 3), 8, 30))),
            rows("macro", ("UNRATE", date(2014, 5, 1), 6.1, "fred", new_york(date(2014, 6, 6), 8, 30))),
        ),
        "membership": merged(
            "membership",
            rows("membership", ("S&P 500", "ACME", date(2010, 1, 4), None, "file", ALWAYS)),
            rows("membership", ("S&P 500", "BOLT", date(2014, 6, 2), date(2014, 8, 1), "file", ALWAYS)),
            rows("membership", ("S&P 500", "GONE", date(2001, 1, 2), date(2014, 5, 1), "file", ALWAYS)),
        ),
        "texts": merged(
            "texts",
            rows(
                "texts",
                ("ACME", new_york(date(2014, 7, 1), 10), "acme up", "u1", "one", new_york(date(2014, 7, 1), 10)),
            ),
            rows(
                "texts", ("ACME", new_york(date(2014, 7, 1), 18), "late", "u2", "one", new_york(date(2014, 7, 1), 18))
            ),
        ),
        "insiders": _forms(),
        "ratings": _counts(),
        "profile": merged(
            "profile",
            rows("profile", ("ACME", "name", "Acme Corp.", "one", ALWAYS)),
            rows("profile", ("ACME", "name", "ACME CORP", "two", ALWAYS)),
            rows("profile", ("ACME", "sector", "Industrials", "one", ALWAYS)),
            rows("profile", ("CORE", "name", "Core Inc.", "two", ALWAYS)),
        ),
    }


def _bars(rng: np.random.Generator, sessions: np.ndarray, closes: np.ndarray) -> pl.DataFrame:
    lines = []
    for symbol, source, level in (
        ("ACME", "one", 600.0),
        ("ACME", "two", 600.3),
        ("BOLT", "one", 40.0),
        ("CORE", "two", 25.0),
        ("SPY", "one", 190.0),
    ):
        walk = level * np.exp(np.cumsum(rng.normal(0, 0.01, sessions.size)))
        for place, (day, close) in enumerate(zip(sessions.tolist(), walk.tolist(), strict=True)):
            if symbol == "BOLT" and day > date(2014, 8, 1):
                continue
            ratio = 7.0 if symbol == "ACME" and day >= SPLIT_DAY else 1.0
            price = round(close / ratio, 4)
            known = closes[place].item().replace(tzinfo=UTC)
            figures = (price, price * 1.01, price * 0.99, price, 1e6 * ratio)
            lines.append((symbol, day, *figures, "USD", source, known))
    wrong = next(line for line in lines if line[0] == "BOLT" and line[1] == date(2014, 5, 20))
    right = (*wrong[:5], round(wrong[5] * 1.02, 4), *wrong[6:9], new_york(date(2014, 5, 27), 18))
    return merged("bars", rows("bars", *lines, right))


def _filings() -> pl.DataFrame:
    """BOLT's 2013 is filed on 2014-03-03 and restated on 2014-07-15 at 18:01; ACME files on 2014-04-23."""
    first, again = new_york(date(2014, 3, 3), 9), new_york(date(2014, 7, 15), 18, 1)
    year = date(2013, 12, 31)

    def line(symbol: str, item: str, value: float, known: datetime, paper: str, period: str = "FY", end: date = year):
        return (symbol, end, period, item, value, "10-K", paper, known.date(), "edgar", known)

    acme = new_york(date(2014, 4, 23), 17)
    return merged(
        "fundamentals",
        rows(
            "fundamentals",
            line("BOLT", "revenue", 100.0, first, "b-1"),
            line("BOLT", "net_income", 10.0, first, "b-1"),
            line("BOLT", "net_income", 7.0, again, "b-2"),
            line("ACME", "revenue", 900.0, acme, "a-1"),
            line("ACME", "eps", 70.0, acme, "a-1"),
            line("ACME", "eps", 10.0, new_york(date(2014, 7, 23), 17), "a-2"),
            line("ACME", "shares", 860.0, acme, "a-1", "POINT", date(2014, 4, 11)),
        ),
    )


def _forms() -> pl.DataFrame:
    """ACME: Ann buys in two equal lines, told after the close of May 6 and amended; Big Fund sells. BOLT: a grant."""

    def line(*told: object) -> tuple:
        return (*told, "edgar")

    ann = ("ACME", date(2014, 5, 5), "Ann", "director, Chief Executive", "P", 100.0, 590.5)
    fund = ("ACME", date(2014, 5, 5), "Big Fund LP; Big Fund GP", "10% owner; 10% owner, other", "S", -7000.0, 591.0)
    bob = ("BOLT", date(2014, 4, 7), "Bob", "director", "A", 50.0, 0.0)
    other = ("ELSE", date(2014, 4, 7), "Eve", "director", "P", 1.0, 1.0)
    first, fixed, again = (new_york(date(2014, 5, d), h) for d, h in ((6, 18), (6, 10), (20, 10)))
    return merged(
        "insiders",
        rows(
            "insiders",
            (*line(*ann, "i-1", 1), first),
            (*line(*ann, "i-1", 2), first),
            (*line(*fund, "i-2", 1), fixed),
            # The amendment: what stood there, and a purchase that was forgotten.
            (*line(*ann, "i-3", 1), again),
            (*line(*ann, "i-3", 2), again),
            (*line("ACME", date(2014, 5, 6), "Ann", "director", "P", 40.0, 588.0, "i-3", 3), again),
            (*line(*bob, "i-4", 1), new_york(date(2014, 4, 8), 12)),
            (*line(*other, "i-5", 1), new_york(date(2014, 4, 8), 12)),
        ),
    )


def _counts() -> pl.DataFrame:
    """ACME is counted twice, and the first counts are corrected before and after that; CORE has two sources."""

    def told(symbol: str, day: date, source: str, known: datetime, **figures: float) -> list[tuple]:
        return [(symbol, day, measure, value, source, known) for measure, value in figures.items()]

    may, june = date(2014, 5, 1), date(2014, 6, 2)
    counts = {"strong_buy": 4.0, "buy": 3.0, "hold": 2.0, "sell": 1.0, "strong_sell": 0.0}
    return merged(
        "ratings",
        rows(
            "ratings",
            *told("ACME", may, "one", new_york(may, 12), **counts, target_mean=640.0),
            *told("ACME", may, "one", new_york(date(2014, 5, 9), 12), hold=5.0),
            *told("ACME", june, "one", new_york(june, 18), **(counts | {"buy": 6.0})),
            *told("ACME", may, "one", new_york(date(2014, 6, 20), 12), hold=9.0),
            *told("CORE", may, "two", new_york(may, 12), **counts),
            *told("CORE", may, "three", new_york(may, 12), **(counts | {"buy": 1.0})),
            *told("ELSE", may, "one", new_york(may, 12), **counts),
        ),
    )
