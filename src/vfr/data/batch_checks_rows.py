"""Rules that judge one row at a time, one list per kind of fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import polars as pl

from vfr.data.batch_checks_case import Case, Rule, Sifted, labels
from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.items import ITEMS
from vfr.data.quality import finding

__all__ = ["LARGEST_SPLIT", "LONGEST_TEXT", "RULES", "shorten", "sift"]

LONGEST_TEXT: Final = 2_000
"""Characters kept of a text."""

_DAY: Final = timedelta(days=1)
_ANNOUNCED: Final = timedelta(days=400)
LARGEST_SPLIT: Final = 200.0
"""New shares for one old, or old for one new, beyond which a split is a mistake."""

_PRICED: Final = timedelta(days=10)
_PERIODS: Final = ("FY", "Q", "POINT")
_COUNTS: Final = ("strong_buy", "buy", "hold", "sell", "strong_sell")
_TARGET: Final = "target_mean"
_SUBJECTS: Final = {"symbol": "symbol", "series": "series", "index": "index"}


def sift(case: Case, frame: pl.DataFrame) -> Sifted:
    """Return the rows without exact repeats; rows about another subject or that contradict each other have a reason.

    Two rows are about one version of a fact if they have its key and, where the source dates its values, the same
    `known_at`. Elsewhere `known_at` only says when the fact happened, so two values contradict each other whatever it
    is, and of two equal ones the earlier is kept.
    """
    kind = case.batch.kind
    table = TABLES[kind]
    version = [*table.key, "known_at"] if table.dated else list(table.key)
    told = frame.sort(frame.columns, nulls_last=True).unique(
        [*version, *table.values], keep="first", maintain_order=True
    )
    repeats = frame.height - told.height
    rows = told.with_columns(reason=pl.lit(None, dtype=pl.String))
    message = f"{kind}: rows that repeat another; counted once."
    sifted = Sifted(rows).note(finding("duplicate_rows", "info", (), message, repeats))
    about = _SUBJECTS[case.order.offer.per]
    other = pl.col(about) != case.batch.subject if about in table.columns else pl.lit(value=False)
    return sifted.judge([("other_subject", other), ("contradiction", pl.len().over(version) > 1)])


def shorten(sifted: Sifted) -> Sifted:
    """Cut long texts."""
    long = sifted.good.filter(pl.col("text").str.len_chars() > LONGEST_TEXT)
    message = f"texts: only the first {LONGEST_TEXT:,} characters of long texts are kept."
    rows = sifted.rows.with_columns(pl.col("text").str.slice(0, LONGEST_TEXT))
    note = finding("long_texts", "info", labels("texts", long), message, long.height)
    return replace(sifted, rows=rows).note(note)


def _actions(case: Case) -> Sequence[Rule]:
    value, action = pl.col("value"), pl.col("action")
    split = (action == "split") & value.is_between(1 / LARGEST_SPLIT, LARGEST_SPLIT)
    dividend = (action == "dividend") & (value >= 0) & (value < _price(case))
    withdrawn = value.is_null() & action.is_in(["split", "dividend"])
    return (
        ("bad_figure", ~value.is_finite()),
        ("bad_action", ~(withdrawn | split.fill_null(value=False) | dividend.fill_null(value=False))),
        ("from_the_future", pl.col("date") > case.today + _ANNOUNCED),
    )


def _price(case: Case) -> pl.Expr:
    """Return the highest close of the ten days before each date, infinite where none is known."""
    closes = case.bars.filter(pl.col("close").is_finite()).select("date", "close").sort("date")
    if closes.is_empty():
        return pl.lit(float("inf"))

    def before(days: pl.Series) -> pl.Series:
        out = []
        for day in days.to_list():
            near = closes.filter(pl.col("date").is_between(day - _PRICED, day, closed="left"))["close"]
            out.append(near.max() if near.len() else float("inf"))
        return pl.Series(out, dtype=pl.Float64)

    return pl.col("date").map_batches(before, return_dtype=pl.Float64)


def _fundamentals(case: Case) -> Sequence[Rule]:
    value = pl.col("value")
    return (
        ("bad_period", ~(pl.col("period").is_in(_PERIODS) & pl.col("item").is_in(ITEMS))),
        ("bad_figure", value.is_null() | ~value.is_finite() | ((pl.col("item") == "shares") & (value <= 0))),
        ("from_the_future", (pl.col("period_end") > case.today) | _later(case)),
        ("known_too_early", (_public_day() < pl.col("period_end")) | (pl.col("filed_at") < pl.col("period_end"))),
    )


def _macro(case: Case) -> Sequence[Rule]:
    return (
        ("bad_figure", ~pl.col("value").is_finite()),
        ("from_the_future", _later(case)),
        ("known_too_early", _public_day() < pl.col("date")),
    )


def _membership(case: Case) -> Sequence[Rule]:
    return (
        ("blank_text", _blank("index") | _blank("symbol")),
        ("bad_interval", pl.col("end_date") <= pl.col("start_date")),
        ("from_the_future", pl.col("start_date") > case.today + _ANNOUNCED),
    )


def _texts(case: Case) -> Sequence[Rule]:
    late = pl.col("created_at") > pl.lit(case.order.now + _DAY)
    return (("blank_text", _blank("text")), ("from_the_future", late | _later(case)))


def _insiders(case: Case) -> Sequence[Rule]:
    shares, price = pl.col("shares"), pl.col("price")
    return (
        ("bad_figure", shares.is_null() | ~shares.is_finite() | ~price.is_finite() | (price < 0)),
        ("from_the_future", _later(case)),
        ("known_too_early", _public_day() < pl.col("date")),
    )


def _ratings(case: Case) -> Sequence[Rule]:
    value, measure = pl.col("value"), pl.col("measure")
    low = (value < 0) | ((measure == _TARGET) & (value <= 0))
    return (
        ("bad_measure", ~measure.is_in([*_COUNTS, _TARGET])),
        ("bad_figure", value.is_null() | ~value.is_finite() | low),
        ("from_the_future", pl.col("date") > case.today + _DAY),
    )


def _profile(case: Case) -> Sequence[Rule]:
    del case
    return (("blank_text", _blank("field") | _blank("text")),)


def _later(case: Case) -> pl.Expr:
    """Tell what is said to become public more than a day from now; a source may date by the end of its day."""
    return pl.col("known_at") > pl.lit(case.order.now + _DAY)


def _public_day() -> pl.Expr:
    return pl.col("known_at").dt.convert_time_zone("America/New_York").dt.date()


def _blank(column: str) -> pl.Expr:
    text = pl.col(column)
    return text.is_null() | (text.str.strip_chars() == "")


RULES: Final[Mapping[Kind, Callable[[Case], Sequence[Rule]]]] = {
    "actions": _actions,
    "fundamentals": _fundamentals,
    "macro": _macro,
    "membership": _membership,
    "texts": _texts,
    "insiders": _insiders,
    "ratings": _ratings,
    "profile": _profile,
}
"""What speaks against a row; bars need their neighbours too and are judged in `vfr.data.batch_checks_bars`."""
