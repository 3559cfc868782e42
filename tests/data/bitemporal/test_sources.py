"""One source at a time: what two of them tell is never combined, and later knowledge forgets nothing of the past."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.bitemporal.conftest import NEW_YORK, SPLIT_DAY, new_york, rows
from tests.examples import examples

from vfr.data.bitemporal.sources import in_order, of_bars, preferred
from vfr.data.bitemporal.tables import empty
from vfr.data.bitemporal.versions import merged
from vfr.data.bitemporal.view import view
from vfr.data.snapshot import Snapshot

SOURCES = ("one", "two", "three")
END = datetime(2014, 8, 29, 23, tzinfo=UTC)


def seen(tables, when: datetime = END, sources=SOURCES) -> Snapshot:
    return view(tables, when, name="live", sources=sources)


def evening(day: date) -> datetime:
    return datetime.combine(day, time(23), UTC)


def told(
    source: str, day: date, value: float | None, known: date | None = None, symbol="ACME", action="split"
) -> tuple:
    return (symbol, day, action, value, source, datetime.combine(known or day, time(), UTC))


def traded(source: str, first: date, last: date, symbol: str = "ACME") -> pl.DataFrame:
    days = pl.date_range(first, last, "1d", eager=True).to_list()
    lines = [(symbol, day, 1.0, 1.0, 1.0, 1.0, 1.0, "USD", source, evening(day)) for day in days]
    return rows("bars", *lines)


def splits(*lines: tuple, bars: pl.DataFrame) -> list[tuple[str, date, float]]:
    chosen = of_bars(merged("actions", rows("actions", *lines)), bars, SOURCES).sort("date")
    return list(chosen.select("source", "date", "value").iter_rows())


def test_sources_come_in_order_of_trust_and_strangers_last_by_name() -> None:
    frame = pl.DataFrame({"source": ["b", "two", "a", "one", "b"]})
    assert in_order(frame, SOURCES) == ["one", "two", "a", "b"]
    assert in_order(frame.clear(), SOURCES) == []


def test_a_stranger_counts_where_no_listed_source_knows_the_fact() -> None:
    always = datetime(1900, 1, 1, tzinfo=UTC)
    lines = [("A", "name", "b", "b", always), ("A", "name", "a", "a", always), ("A", "sector", "b", "b", always)]
    held = merged("profile", rows("profile", *lines, ("A", "name", "two", "two", always)))
    assert preferred("profile", held, SOURCES)["text"].to_list() == ["two", "b"]
    assert preferred("profile", held, ())["text"].to_list() == ["a", "b"]
    assert preferred("profile", empty("profile"), SOURCES).is_empty()


def test_a_split_told_twice_a_day_apart_is_applied_once(tables) -> None:
    again = merged("actions", tables["actions"], rows("actions", told("two", date(2014, 6, 10), 7.0)))
    both, alone = seen({**tables, "actions": again}), seen(tables)
    assert both.version == alone.version
    other = seen({**tables, "actions": again}, sources=("two", "one"))
    assert [str(day) for day in other.actions.date] == ["2014-06-10"]


def test_what_the_source_of_the_bars_takes_back_or_never_told_did_not_happen() -> None:
    june, july = date(2014, 6, 9), date(2014, 7, 1)
    both = pl.concat([traded(name, date(2014, 5, 1), date(2014, 7, 31)) for name in ("one", "two")])
    # Both rows of "one" would be one version in force; here only the withdrawal is.
    assert splits(told("one", june, None, july), told("two", june, 7.0), bars=both) == []
    assert splits(told("one", june, 7.0), told("two", july, 2.0), bars=both) == [("one", june, 7.0)]
    assert splits(told("two", june, 7.0), bars=both) == []


def test_a_withdrawal_by_a_source_without_bars_hides_nothing() -> None:
    june = date(2014, 6, 9)
    bars = traded("two", date(2014, 5, 1), date(2014, 7, 31))
    assert splits(told("one", june, None), told("two", june, 7.0), bars=bars) == [("two", june, 7.0)]


def test_where_the_first_source_has_no_bars_any_more_the_next_one_tells() -> None:
    bars = pl.concat(
        [traded("one", date(2014, 5, 1), date(2014, 6, 6)), traded("two", date(2014, 4, 1), date(2014, 7, 31))]
    )
    before, inside, after = date(2014, 4, 15), date(2014, 5, 20), date(2014, 6, 25)
    lines = [told("two", day, 2.0) for day in (before, inside, after)]
    assert splits(*lines, bars=bars) == [("two", before, 2.0), ("two", after, 2.0)]


@pytest.mark.parametrize(("days", "kept"), [(0, 1), (1, 1), (7, 1), (8, 2)])
def test_one_event_with_two_dates_at_the_end_of_the_bars_counts_once(days: int, kept: int) -> None:
    bars = pl.concat(
        [traded("one", date(2014, 5, 1), date(2014, 6, 6)), traded("two", date(2014, 5, 1), date(2014, 7, 31))]
    )
    mine, other = date(2014, 6, 9), date(2014, 6, 9) + timedelta(days=days)
    found = splits(told("one", mine, 7.0), told("two", other, 7.0), bars=bars)
    assert found[0] == ("one", mine, 7.0)
    assert len(found) == kept


def test_without_a_word_of_the_sources_of_bars_the_best_other_one_counts() -> None:
    june = date(2014, 6, 9)
    bars = traded("one", date(2014, 5, 1), date(2014, 7, 31))
    lines = told("three", june, 2.0), told("two", june + timedelta(days=1), 7.0)
    assert splits(*lines, bars=bars) == [("two", june + timedelta(days=1), 7.0)]
    assert splits(*lines, told("one", date(2014, 5, 5), None), bars=bars) == []


def test_symbols_choose_their_sources_alone() -> None:
    june = date(2014, 6, 9)
    span = date(2014, 5, 1), date(2014, 7, 31)
    bars = pl.concat([traded("one", *span), traded("two", *span), traded("two", *span, symbol="BOLT")])
    found = splits(told("two", june, 2.0), told("two", june, 3.0, symbol="BOLT"), bars=bars)
    assert found == [("two", june, 3.0)]


def test_a_bar_without_a_close_does_not_hide_the_next_source(tables) -> None:
    blank = tables["bars"].with_columns(
        close=pl.when((pl.col("source") == "one") & (pl.col("date") == SPLIT_DAY)).then(None).otherwise("close")
    )
    panel = seen({**tables, "bars": blank}).panel
    told_by_two = tables["bars"].filter(
        (pl.col("symbol") == "ACME") & (pl.col("source") == "two") & (pl.col("date") == SPLIT_DAY)
    )
    assert panel.close[panel.row(np.datetime64(SPLIT_DAY)), panel.column("ACME")] == told_by_two["close"].item()


DAYS = st.integers(0, 140).map(lambda n: date(2014, 4, 2) + timedelta(days=n))
PAIR = st.sampled_from(["one", "two"])
HOUR = st.sampled_from([9, 18])
CUTS = st.lists(st.integers(2, 100), min_size=1, max_size=2)


def only_bars(tables) -> dict:
    """Return tables of which only the bars hold anything: what a test does not look at costs time in every view."""
    return {kind: frame if kind == "bars" else empty(kind) for kind, frame in tables.items()}


def usable(day: date, hour: int) -> date:
    """Return the first evening on which a moment in New York counts; every session closes between 9 and 18 o'clock."""
    return day + timedelta(days=int(hour == 18))


def public_by(day: np.datetime64, lines: list[tuple]) -> list[tuple]:
    """Return the rows that count on the evening of a day, oldest first; the last column is `known_at`."""
    local = [(line, line[-1].astimezone(NEW_YORK)) for line in lines]
    known = [line for line, at in local if usable(at.date(), at.hour) <= day.item()]
    return sorted(known, key=lambda line: line[-1])


def evening_of(line: tuple) -> tuple:
    """Tell a figure of a filing from others; two of one evening that contradict each other are not believed."""
    return *line[:3], usable(*line[3:])


ANNUAL = st.tuples(PAIR, st.sampled_from([2012, 2013]), st.sampled_from(["revenue", "net_income"]), DAYS, HOUR)


@examples(60)
@given(
    lines=st.lists(ANNUAL, max_size=10, unique_by=evening_of),
    cuts=CUTS,
)
def test_statements_in_force_are_those_of_the_best_source_that_had_spoken(tables, lines, cuts) -> None:
    filed = [
        (
            "BOLT",
            date(year, 12, 31),
            "FY",
            item,
            float(place),
            "10-K",
            f"{source}-{place}",
            day,
            source,
            new_york(day, hour),
        )
        for place, (source, year, item, day, hour) in enumerate(lines, 1)
    ]
    mixed = {**only_bars(tables), "fundamentals": merged("fundamentals", rows("fundamentals", *filed))}
    whole = seen(mixed)
    for cut in cuts:
        day = whole.sessions[cut]
        then = seen(mixed, evening(day.item())).upto(day)
        assert statements_of(whole.upto(day)) == expected_statements(filed, day)
        assert statements_of(then) == expected_statements(filed, day)
        assert then.fundamentals is None or (np.diff(then.fundamentals.known_at) >= np.timedelta64(0, "D")).all()


def statements_of(known: Snapshot) -> dict[tuple[str, str], float]:
    """Return the figures in force by period and item."""
    f, out = known.fundamentals, {}
    for row in range(0 if f is None else f.column.size):
        for item in ("revenue", "net_income"):
            out[str(f.period_end[row]), item] = float(f.values[item][row])
    return {key: figure for key, figure in out.items() if np.isfinite(figure)}


def expected_statements(filed: list[tuple], day: np.datetime64) -> dict[tuple[str, str], float]:
    out: dict[tuple[str, str], float] = {}
    known = public_by(day, filed)
    best = {line[1]: min((other[8] for other in known if other[1] == line[1]), key=SOURCES.index) for line in known}
    for line in known:
        if line[8] == best[line[1]]:
            out[str(line[1]), line[3]] = line[4]
    return out


VINTAGE = st.tuples(PAIR, st.integers(1, 3), DAYS, HOUR, st.booleans())


@examples(60)
@given(lines=st.lists(VINTAGE, max_size=12, unique_by=lambda t: t[:4]), cuts=CUTS)
def test_macro_figures_in_force_are_those_of_the_best_source_that_had_spoken(tables, lines, cuts) -> None:
    vintages = [
        ("UNRATE", date(2014, month, 1), None if gone else float(place), source, new_york(day, hour))
        for place, (source, month, day, hour, gone) in enumerate(lines)
    ]
    mixed = {**only_bars(tables), "macro": merged("macro", rows("macro", *vintages))}
    whole = seen(mixed)
    for cut in cuts:
        day = whole.sessions[cut]
        assert macro_of(whole.upto(day)) == expected_macro(vintages, day)
        assert macro_of(seen(mixed, evening(day.item())).upto(day)) == expected_macro(vintages, day)


def macro_of(known: Snapshot) -> dict[str, float | None]:
    series = known.macro.series.get("UNRATE") if known.macro is not None else None
    if series is None:
        return {}
    return {
        str(day): figure if np.isfinite(figure) else None
        for day, figure in zip(series.date, series.value.tolist(), strict=True)
    }


def expected_macro(vintages: list[tuple], day: np.datetime64) -> dict[str, float | None]:
    out: dict[str, float | None] = {}
    known = public_by(day, vintages)
    best = {line[1]: min((other[3] for other in known if other[1] == line[1]), key=SOURCES.index) for line in known}
    for line in known:
        if line[3] == best[line[1]]:
            out[str(line[1])] = line[2]
    return out


EVENT = st.tuples(PAIR, st.integers(-3, 3), st.sampled_from([7.0, 2.0, None]), st.integers(0, 40))


@examples(60)
@given(lines=st.lists(EVENT, max_size=6, unique_by=lambda t: (t[0], t[1], t[3])), cut=st.integers(30, 100))
def test_splits_of_two_sources_are_never_combined_nor_seen_early(tables, lines, cut: int) -> None:
    told_by = [
        told(source, SPLIT_DAY + timedelta(days=off), value, SPLIT_DAY + timedelta(days=off + late))
        for source, off, value, late in lines
    ]
    mixed = {**only_bars(tables), "actions": merged("actions", rows("actions", *told_by))}
    when = evening(seen(tables).sessions[cut].item())
    known = seen(mixed, when)
    past = {kind: frame.filter(pl.col("known_at") <= when) for kind, frame in mixed.items()}
    assert seen(past, when).version == known.version
    in_force: dict[date, float | None] = {}
    for line in sorted(told_by, key=lambda line: line[-1]):
        # Both sources have all the bars of ACME, so the first one's word alone counts.
        if line[4] == "one" and line[-1] <= when:
            in_force[line[1]] = line[3]
    expected = {str(day): value for day, value in in_force.items() if value is not None}
    # A split of a day without a session (a Saturday) lies between the prices of two sessions all the same.
    last = str(known.as_of)
    found = (
        {}
        if known.actions is None
        else {str(d): r for d, r in zip(known.actions.date, known.actions.ratio, strict=True)}
    )
    assert found == {day: value for day, value in expected.items() if day <= last}


WEEK = st.integers(14, 16).map(lambda day: date(2014, 4, day))
VERSIONS = st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True)
"""Days after which each wording of a text was known."""
TEXT = st.tuples(PAIR, st.sampled_from("uv"), WEEK, HOUR, VERSIONS)


@examples(60)
@given(
    lines=st.lists(TEXT, min_size=1, max_size=6, unique_by=lambda t: t[:4]),
    cuts=st.lists(st.integers(8, 16), min_size=2, max_size=2, unique=True),
)
def test_texts_cut_back_are_those_that_were_known(tables, lines, cuts) -> None:
    written = [
        ("ACME", new_york(day, hour), f"{place} {late}", url, source, new_york(day, hour) + timedelta(days=late))
        for place, (source, url, day, hour, versions) in enumerate(lines)
        for late in versions
    ]
    mixed = {**only_bars(tables), "texts": merged("texts", rows("texts", *written))}
    whole = seen(mixed)
    for cut in cuts:
        day, when = whole.sessions[cut], evening(whole.sessions[cut].item())
        then = seen(mixed, when)
        past = {kind: frame.filter(pl.col("known_at") <= when) for kind, frame in mixed.items()}
        assert seen(past, when).version == then.version
        assert texts_of(whole.upto(day)) == texts_of(then.upto(day))


def texts_of(known: Snapshot) -> list[tuple[int, str, str]]:
    t = known.texts
    return [] if t is None else list(zip(t.column.tolist(), map(str, t.created_at), t.text, strict=True))


def test_an_edited_text_keeps_its_first_words_and_counts_once(tables) -> None:
    first = new_york(date(2014, 7, 1), 10)
    edited = rows("texts", ("ACME", first, "acme plunges", "u1", "one", first + timedelta(days=6)))
    known = seen({**tables, "texts": merged("texts", tables["texts"], edited)}).texts
    assert known.text == ("acme up", "late")


def test_a_text_read_late_counts_from_then(tables) -> None:
    first = new_york(date(2014, 7, 1), 10)
    late = rows("texts", ("ACME", first, "forgotten", "u9", "one", first + timedelta(days=6, microseconds=1)))
    known = seen({**tables, "texts": late})
    assert known.upto(np.datetime64("2014-07-03")).texts.text == ()
    assert [str(moment) for moment in known.texts.created_at] == ["2014-07-07T14:00:01"]


def test_counts_of_a_less_trusted_source_stay_until_a_better_one_speaks(tables) -> None:
    def line(source: str, day: date, buy: float) -> list[tuple]:
        return [("CORE", day, measure, buy, source, new_york(day, 12)) for measure in ("buy", "hold")]

    lines = [
        *line("two", date(2014, 5, 1), 1.0),
        *line("one", date(2014, 6, 2), 2.0),
        *line("two", date(2014, 7, 1), 3.0),
    ]
    r = seen({**tables, "ratings": merged("ratings", rows("ratings", *lines))}).ratings
    assert r.counts[:, 1].tolist() == [1.0, 2.0]
    early = seen({**tables, "ratings": merged("ratings", rows("ratings", *lines))}).upto(np.datetime64("2014-05-20"))
    assert early.ratings.counts[:, 1].tolist() == [1.0]
