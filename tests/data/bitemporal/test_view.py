from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from vfr.data.bitemporal.view import view
from vfr.errors import NoData

SOURCES = ("one", "two", "edgar", "fred", "file")


def at(day: str, hour: int = 23) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def seen(tables, day: str, sources=SOURCES):
    return view(tables, at(day), name="live", sources=sources)


def test_ends_with_the_last_session_closed_by_the_moment(tables) -> None:
    assert str(seen(tables, "2014-06-06").as_of) == "2014-06-06"
    assert str(view(tables, at("2014-06-06", 18), name="live", sources=SOURCES).as_of) == "2014-06-05"
    assert str(seen(tables, "2014-06-08").as_of) == "2014-06-06"


def test_prices_are_on_the_basis_of_the_day_of_the_view(tables) -> None:
    before, after = seen(tables, "2014-06-06"), seen(tables, "2014-06-09")
    old, new = before.panel.close[:, before.panel.column("ACME")], after.panel.close[:, after.panel.column("ACME")]
    assert old[-1] > 500
    np.testing.assert_allclose(new[:-1], old / 7)
    assert before.actions is None
    assert after.actions is not None
    np.testing.assert_allclose(after.panel.volume[:, 0], 7e6)


def test_total_return_holds_the_dividend_and_nothing_else(tables) -> None:
    panel = seen(tables, "2014-05-30").panel
    column = panel.column("ACME")
    row = panel.row(np.datetime64("2014-05-08"))
    ratio = panel.adj_close[:, column] / panel.close[:, column]
    np.testing.assert_allclose(ratio[row:], 1.0)
    np.testing.assert_allclose(ratio[:row], 1 - 3.29 / panel.close[row - 1, column])


def test_a_restated_year_shows_what_was_known(tables) -> None:
    def income(day: str) -> list[float]:
        known = seen(tables, day)
        f = known.fundamentals.known_by(known.as_of)
        return f.values["net_income"][f.column == known.panel.column("BOLT")].tolist()

    assert income("2014-07-14") == [10.0]
    # Filed at 18:01, after the close: the evening's answer does not know it.
    assert income("2014-07-15") == [10.0]
    assert income("2014-07-16") == [10.0, 7.0]
    f = seen(tables, "2014-07-16").fundamentals
    assert f.values["revenue"][f.values["net_income"] == 7.0].tolist() == [100.0]


def test_figures_per_share_stay_on_the_basis_of_their_period(tables) -> None:
    known = seen(tables, "2014-08-20")
    f, column = known.fundamentals, known.panel.column("ACME")
    rows = f.column == column
    # 70 a share before the 7:1 split and 10 after it say the same; 860 shares were counted before it.
    np.testing.assert_allclose(f.values["eps"][rows], 70.0)
    np.testing.assert_allclose(f.values["shares"][rows], 860.0)


def test_macro_keeps_its_vintages(tables) -> None:
    series = seen(tables, "2014-08-20").macro.series["UNRATE"]
    assert series.value.tolist() == [6.3, 6.1, 6.2]
    assert not series.revised
    assert seen(tables, "2014-06-30").macro.series["UNRATE"].value.tolist() == [6.3, 6.1]


def test_a_corrected_bar_is_old_before_and_new_after(tables) -> None:
    def close(day: str) -> float:
        panel = seen(tables, day).panel
        return float(panel.close[panel.row(np.datetime64("2014-05-20")), panel.column("BOLT")])

    assert close("2014-05-28") == pytest.approx(close("2014-05-26") * 1.02, rel=1e-5)


def test_the_first_source_counts_and_others_fill(tables) -> None:
    one = seen(tables, "2014-04-30")
    two = seen(tables, "2014-04-30", ("two", "one"))
    assert one.symbols == ("ACME", "BOLT", "CORE")
    assert one.panel.close[0, 0] != two.panel.close[0, 0]
    assert one.securities.name == ("Acme Corp.", "", "Core Inc.")
    assert two.securities.name[0] == "ACME CORP"


def test_a_name_that_left_stays_with_its_last_bars_and_members_are_counted(tables) -> None:
    known = seen(tables, "2014-08-29")
    column = known.panel.column("BOLT")
    last = np.flatnonzero(np.isfinite(known.panel.close[:, column]))[-1]
    assert str(known.sessions[last]) == "2014-08-01"
    assert known.membership.member[:, column].sum() == len(
        [d for d in known.sessions if "2014-06-02" <= str(d) < "2014-08-01"]
    )
    assert known.membership.unreconciled == ("GONE",)
    assert known.membership.index_size[0] == 2


def test_the_benchmark_is_no_column(tables) -> None:
    known = seen(tables, "2014-08-29")
    assert "SPY" not in known.symbols
    assert known.benchmark.symbol == "SPY"
    assert known.benchmark.adj_close[0] < known.benchmark.close[0]


def test_texts_of_the_evening_belong_to_the_next_session(tables) -> None:
    known = seen(tables, "2014-07-01")
    close = known.closes_at[-1]
    assert list(known.texts.known_by(close).text) == ["acme up"]


def test_says_when_nothing_was_known(tables) -> None:
    with pytest.raises(NoData, match="2014-03-01"):
        seen(tables, "2014-03-01")


@examples(48)
@given(days=st.integers(2, 150), hour=st.integers(0, 23))
def test_what_became_known_later_changes_nothing(tables, days: int, hour: int) -> None:
    when = datetime(2014, 4, 1, hour, tzinfo=UTC) + timedelta(days=days)
    past = {kind: frame.filter(pl.col("known_at") <= when) for kind, frame in tables.items()}
    garbled = {
        kind: frame.with_columns(
            pl.when(pl.col("known_at") > when).then(pl.col(name) * -7).otherwise(pl.col(name)).alias(name)
            for name, type_ in frame.schema.items()
            if type_ == pl.Float64
        )
        for kind, frame in tables.items()
    }
    whole = view(tables, when, name="live", sources=SOURCES).version
    assert view(past, when, name="live", sources=SOURCES).version == whole
    assert view(garbled, when, name="live", sources=SOURCES).version == whole


def test_cutting_back_equals_an_earlier_view_but_for_the_basis(tables) -> None:
    later, earlier = seen(tables, "2014-08-29").upto(np.datetime64("2014-07-10")), seen(tables, "2014-07-10")
    np.testing.assert_allclose(later.panel.close, earlier.panel.close)
    np.testing.assert_array_equal(later.fundamentals.values["net_income"], earlier.fundamentals.values["net_income"])
    np.testing.assert_array_equal(later.macro.series["UNRATE"].value, earlier.macro.series["UNRATE"].value)
    assert later.membership.member.tolist() == earlier.membership.member.tolist()


def test_every_date_is_a_date(tables) -> None:
    f = seen(tables, "2014-08-29").fundamentals
    assert f.known_at.dtype == np.dtype("datetime64[D]")
    assert str(f.known_at[0]) == "2014-03-03"
    assert isinstance(f.known_at[0].item(), date)
