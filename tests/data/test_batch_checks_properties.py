"""Whatever is answered: no row is lost, none that a rule forbids is accepted, and the order of rows does not matter."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from tests.data.batch_builders import NOW, actions, bars, change, found, judge, rows, scale
from tests.examples import examples

from vfr.data.batch_checks import Checked
from vfr.data.batch_checks_rows import RULES
from vfr.data.bitemporal.tables import Kind
from vfr.data.trading_days import trading_days

HEIGHT = bars().height
ANY_FIGURE = st.sampled_from([None, math.nan, math.inf, -1.0, 0.0, 0.5, 1.0, 3.0, 199.0, 1e9])
ANY_DAY = st.dates(date(2023, 12, 1), date(2026, 1, 1)) | st.dates(date(2024, 6, 25), date(2024, 7, 12))
ANY_TEXT = st.sampled_from(["", " ", "split", "dividend", "Q", "revenue", "shares", "buy", "target_mean", "x" * 2100])


def spoil_figure(frame: pl.DataFrame, row: int, figure: float | None) -> pl.DataFrame:
    return change(frame, row, **{("open", "high", "low", "close", "volume")[row % 5]: figure})


def spoil_close(frame: pl.DataFrame, row: int, _: float | None) -> pl.DataFrame:
    return change(frame, row, close=lambda c: (c or 1.0) * (1.001, 1.02, 4.0)[row % 3])


def repeat(frame: pl.DataFrame, row: int, _: float | None) -> pl.DataFrame:
    return pl.concat([frame, frame.slice(row, 1)])


def move_day(frame: pl.DataFrame, row: int, _: float | None) -> pl.DataFrame:
    return change(frame, row, date=lambda d: d + timedelta(days=row % 120))


def stall(frame: pl.DataFrame, row: int, _: float | None) -> pl.DataFrame:
    before = frame.row(max(row - 1, 0), named=True)
    return change(frame, row, **{c: before[c] for c in ("open", "high", "low", "close", "volume")})


def lose(frame: pl.DataFrame, row: int, _: float | None) -> pl.DataFrame:
    return pl.concat([frame.head(row), frame.slice(row + 1 + row % 7)])


def rescale(frame: pl.DataFrame, row: int, _: float | None) -> pl.DataFrame:
    return scale(frame, 0.5, slice(row, None))


def rename(frame: pl.DataFrame, row: int, _: float | None) -> pl.DataFrame:
    return change(frame, row, symbol="YYY")


Spoil = Callable[[pl.DataFrame, int, float | None], pl.DataFrame]
SPOILS: tuple[Spoil, ...] = (spoil_figure, spoil_close, repeat, move_day, stall, lose, rescale, rename)
FAULTS = st.lists(st.tuples(st.sampled_from(SPOILS), st.integers(0, HEIGHT - 1), ANY_FIGURE), max_size=5)


def spoiled(faults: list[tuple[Spoil, int, float | None]]) -> pl.DataFrame:
    frame = bars(last=date(2024, 7, 8))
    for fault, row, figure in faults:
        frame = fault(frame, min(row, frame.height - 1), figure)
    return frame


def left_out(checked: Checked) -> int:
    counted = found(checked)
    return counted.get("duplicate_rows", 0) + counted.get("unfinished_session", 0)


def same(one: Checked, other: Checked) -> bool:
    return (
        one.accepted.equals(other.accepted)
        and one.quarantined.equals(other.quarantined)
        and one.findings == other.findings
    )


@examples(60)
@given(faults=FAULTS, stored=st.integers(0, 60), split=st.booleans(), seed=st.integers(0, 2**16))
def test_bars(faults: list[tuple[Spoil, int, float | None]], stored: int, split: bool, seed: int) -> None:
    frame = spoiled(faults)
    known = bars().head(stored)
    told = actions((bars()["date"][40], "split", 2.0)) if split else actions()
    checked = judge("bars", frame, known=known, told=told)

    assert checked.accepted.height + checked.quarantined.height + left_out(checked) == frame.height
    assert checked.quarantined["reason"].null_count() == 0
    mixed = [part.sample(fraction=1, shuffle=True, seed=seed) for part in (frame, known, told)]
    assert same(checked, judge("bars", mixed[0], known=mixed[1], told=mixed[2]))

    days = checked.accepted["date"].to_list()
    assert len(set(days)) == len(days)
    assert set(days) <= set(trading_days(date(2024, 1, 1), date(2024, 7, 5)).tolist())
    for row in checked.accepted.iter_rows(named=True):
        prices = [row[c] for c in ("open", "high", "low", "close") if row[c] is not None]
        assert row["close"] is not None
        assert all(math.isfinite(p) and p > 0 for p in prices)
        assert row["volume"] is None or (math.isfinite(row["volume"]) and row["volume"] >= 0)
        assert row["high"] is None or max(prices) <= row["high"] * 1.005001
        assert row["low"] is None or min(prices) >= row["low"] / 1.005001
        assert (row["symbol"], row["currency"]) == ("ZZZ", "USD")


@examples(40)
@given(
    seed=st.integers(0, 2**32 - 1),
    ratio=st.sampled_from([1.0, 1.25, 2.0, 7.0, 20.0, 0.05]),
    row=st.integers(1, HEIGHT - 1),
    stored=st.integers(0, HEIGHT - 1),
)
def test_clean_bars_are_accepted_whole(seed: int, ratio: float, row: int, stored: int) -> None:
    frame = scale(bars(seed=seed), 1 / ratio, slice(row, None))
    told = actions((frame["date"][row], "split", ratio))
    checked = judge("bars", frame, known=frame.head(stored), told=told)
    assert checked.accepted.equals(frame)
    assert checked.findings == ()


def any_row(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    kinds = {pl.Float64: ANY_FIGURE, pl.Date: ANY_DAY, pl.String: ANY_TEXT}
    clean = rows(kind, {})
    key_or_moment = {"source", "known_at", "accession", "url", "form"}
    pools = {c: kinds[t] for c, t in clean.schema.items() if c not in key_or_moment and t in kinds}  # type: ignore[index]
    moments = st.integers(-200, 3).map(lambda days: {"known_at": NOW + timedelta(days=days)})
    spoils = st.fixed_dictionaries({}, optional=pools)
    return st.builds(lambda a, b: b | a, spoils, moments | st.just({}))


@examples(100)
@given(data=st.data(), kind=st.sampled_from(sorted(RULES)), seed=st.integers(0, 2**16))
def test_every_other_kind(data: st.DataObject, kind: Kind, seed: int) -> None:
    made = data.draw(st.lists(any_row(kind), min_size=1, max_size=8))
    frame = rows(kind, *made)
    checked = judge(kind, frame)
    assert checked.accepted.height + checked.quarantined.height + left_out(checked) == frame.height
    assert checked.quarantined["reason"].null_count() == 0
    assert same(checked, judge(kind, frame.sample(fraction=1, shuffle=True, seed=seed)))
    again = judge(kind, checked.accepted)
    assert again.accepted.equals(checked.accepted)
    assert again.quarantined.is_empty()
