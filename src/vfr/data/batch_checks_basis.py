"""Whether the closes of an answer are of the series that is stored: another basis, another share, or a correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from vfr.data.batch_checks_case import Case
from vfr.data.batch_checks_moves import in_force
from vfr.typing import BoolArray, DateArray, FloatArray

__all__ = ["Basis", "compare"]

_SHIFTS: Final = ((0.02, 0.005, 3, 0.0), (0.002, 0.0004, 5, 0.5))
"""A basis has shifted if this far, alike to this much, on this many common days and this share of them.

The first is a split, the second a dividend taken out of the prices. Corrections hit single days, or differ.
"""

_OTHER: Final = 0.02
_COMMON: Final = 5
"""Days in common from which over half that differ this far are no corrections."""

_AGREE: Final = 2 / 3
"""Share of the days that differ which must differ alike."""

_ROUNDED: Final = 0.02
"""How far (in logarithms) the factor of a stretch may lie from that of the corrected split."""

_SAME: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Basis:
    """How an answer compares with the stored closes.

    `reason` is why it cannot be of their series, None if it can. `corrected` names the splits that the source tells
    otherwise than before and whose factor explains a difference (``AAPL 2024-03-25 x0.1``: closes before that day are
    a tenth of the stored ones). `partial` is true where stored bars older than the answer need the same correction.
    """

    reason: str | None
    corrected: tuple[str, ...]
    partial: bool


def compare(rows: pl.DataFrame, case: Case) -> Basis:
    """Compare closes with the stored ones, apart from what a split accounts for that the source tells otherwise now.

    A vendor's as-traded closes are often made from adjusted ones and the splits it knows. When it takes back a wrong
    split, or moves it, they change by its factor on every day before it. That is a correction of a split, not an
    unannounced change of basis. A split that is only new explains nothing: a true one leaves closes as traded as they
    were, and an invented one looks just like one that was forgotten. Nor does a split after the last bar.

    Notes
    -----
    Another basis differs by one common factor, another share by any, on most days.
    """
    both = rows.join(case.known.filter(pl.col("close") > 0), on="date", suffix="_stored").sort("date")
    apart = np.log((both["close"] / both["close_stored"]).to_numpy())
    splits, factors = _changed_splits(rows, case)
    # Stretch k lies before split k and from split k - 1 on, so that all splits from k on took part in its closes.
    stretch = np.searchsorted(splits, both["date"].to_numpy(), side="right")
    left, corrected = apart.copy(), []
    for k in range(splits.size):
        days: BoolArray = stretch == k
        change = float(factors[k:].sum())
        if _accounts_for(change, apart[days]):
            rest = apart[days] - change
            left[days] = np.where(np.abs(rest) <= _ROUNDED, 0.0, rest)
            corrected.append(k)
    named = tuple(f"{case.batch.subject} {splits[k]} x{np.exp(factors[k:].sum()):.6g}" for k in corrected)
    older = rows.height and case.known.filter(pl.col("date") < rows["date"].min()).height
    return Basis(_unlike(left), named, bool(older and both.height and int(stretch[0]) in corrected))


def _accounts_for(change: float, apart: FloatArray) -> bool:
    """Tell whether the closes of a stretch have all in all changed by a factor, rather than not at all."""
    if not apart.size:
        return False
    middle = float(np.median(apart))
    return abs(middle - change) <= _ROUNDED and abs(middle - change) < abs(middle)


def _changed_splits(rows: pl.DataFrame, case: Case) -> tuple[DateArray, FloatArray]:
    """Return the days, oldest first, on which splits up to the last bar differ from those before, and by what factor.

    Factors are logarithms of what closes before the day are multiplied by.
    """
    none = np.empty(0, dtype="datetime64[D]"), np.empty(0)
    if case.before is None or rows.is_empty():
        return none
    told, held = (_splits(frame, case) for frame in (case.actions, case.before))
    both = told.join(held, on="date", how="full", coalesce=True, suffix="_held").sort("date")
    factor = pl.col("value").fill_null(1.0).log() - pl.col("value_held").fill_null(1.0).log()
    changed = both.select("date", "value_held", factor=factor).filter(
        pl.col("factor").abs() > _SAME, pl.col("date") <= rows["date"].max()
    )
    if changed["value_held"].null_count() == changed.height:
        return none
    return changed["date"].to_numpy(), changed["factor"].to_numpy()


def _splits(actions: pl.DataFrame, case: Case) -> pl.DataFrame:
    """Return the splits in force that the bars' own source tells."""
    own = actions.filter(pl.col("source").is_in(case.batch.frame["source"].unique().implode()))
    return in_force(own, case).filter(pl.col("action") == "split").select("date", "value")


def _unlike(apart: FloatArray) -> str | None:
    if any(_shifted(apart, *limits) for limits in _SHIFTS):
        return "basis_shift"
    differing = int((np.abs(apart) > _OTHER).sum())
    return "other_series" if apart.size >= _COMMON and differing > apart.size / 2 else None


def _shifted(apart: FloatArray, least: float, spread: float, days: int, share: float) -> bool:
    off = apart[np.abs(apart) > least]
    if not off.size:
        return False
    alike = int((np.abs(off - np.median(off)) <= spread).sum())
    return alike >= max(days, share * apart.size) and alike > _AGREE * off.size
