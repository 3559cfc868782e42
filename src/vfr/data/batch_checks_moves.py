"""Whether the moves of as-traded closes agree with the splits and dividends told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from vfr.data.batch_checks_case import Case
from vfr.data.batch_checks_rows import LARGEST_SPLIT
from vfr.typing import BoolArray, DateArray, FloatArray

__all__ = ["Moves", "in_force", "moves"]

_SPLIT_SLACK: Final = 0.35
_UNEXPLAINED: Final = 3.0
_LARGE: Final = 0.5
_CLOSE_BY: Final = np.timedelta64(7, "D")
"""Moves across longer gaps are not judged: anything may have happened."""


@dataclass(frozen=True, slots=True)
class Moves:
    """Whether prices and actions contradict each other, and the large moves in words."""

    contradict: bool
    large: tuple[str, ...]


def moves(rows: pl.DataFrame, case: Case) -> Moves:
    """Judge each move between neighbouring closes of which at least one is new.

    A move is judged on the split basis of its later day, with and without the dividends in between. It contradicts a
    split if what is left differs by over 35 % (in logarithms) from standing still; without a split it is impossible
    from a factor of three on, either way.
    """
    stored = case.known.filter(pl.col("close") > 0).join(rows, on="date", how="anti")
    path = pl.concat(
        [stored.select("date", "close", new=pl.lit(value=False)), rows.select("date", "close", new=pl.lit(value=True))]
    ).sort("date")
    if path.height < 2:
        return Moves(contradict=False, large=())
    day, close, new = path["date"].to_numpy(), path["close"].to_numpy(), path["new"].to_numpy()
    judged: BoolArray = (new[1:] | new[:-1]) & (np.diff(day) <= _CLOSE_BY)
    ratio, dividend = _actions_between(case, day)
    plain, paid = (np.log(later * ratio / close[:-1]) for later in (close[1:], close[1:] + dividend))
    left = np.where(np.abs(paid) < np.abs(plain), paid, plain)
    split = ratio != 1
    wrong = np.where(split, np.abs(left) >= _SPLIT_SLACK, np.abs(left) >= np.log(_UNEXPLAINED) - 1e-9)
    large = np.flatnonzero(judged & ~wrong & (np.abs(np.expm1(left)) > _LARGE))
    named = tuple(f"{day[i + 1]} {np.expm1(left[i]):+.0%}" for i in large.tolist())
    return Moves(bool((judged & wrong).any()), named)


def _actions_between(case: Case, day: DateArray) -> tuple[FloatArray, FloatArray]:
    """Return, for each pair of neighbouring days, the product of split ratios and the sum of dividends in between."""
    ratio, dividend = np.ones(day.size), np.zeros(day.size)
    told = in_force(case.actions, case)
    place = np.searchsorted(day, told["date"].to_numpy())
    inside = (place > 0) & (place < day.size)
    value, split = told["value"].to_numpy(), (told["action"] == "split").to_numpy()
    np.multiply.at(ratio, place[inside & split], value[inside & split])
    np.add.at(dividend, place[inside & ~split], value[inside & ~split])
    return ratio[1:], dividend[1:]


def in_force(actions: pl.DataFrame, case: Case) -> pl.DataFrame:
    """Return one version of each action: of the bars' own source if it tells any, else of the first in the alphabet.

    A split that is too large to be stored explains no move: bars on its basis would stand alone in the archive.
    """
    latest = actions.sort("known_at").unique(["symbol", "date", "action", "source"], keep="last")
    usable = latest.filter(
        (pl.col("symbol") == case.batch.subject) & (pl.col("value") > 0) & pl.col("value").is_finite(),
        (pl.col("action") != "split") | pl.col("value").is_between(1 / LARGEST_SPLIT, LARGEST_SPLIT),
    )
    own = usable.filter(pl.col("source").is_in(case.batch.frame["source"].unique().implode()))
    chosen = own if own.height else usable
    return chosen.sort("source").unique(["date", "action"], keep="first", maintain_order=True)
