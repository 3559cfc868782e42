"""Judge bars as traded: each by itself, beside the session before, and the answer as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from vfr.data.batch_checks_basis import compare
from vfr.data.batch_checks_case import Case, Rule, Sifted, labels
from vfr.data.batch_checks_moves import moves
from vfr.data.quality import Finding, finding
from vfr.data.trading_days import last_completed, trading_days
from vfr.typing import DateArray

__all__ = ["check_bars"]

_PRICES: Final = ("open", "high", "low", "close")
_ROUNDING: Final = 1e-6
_BEYOND: Final = 0.005
_SPIKE: Final = 5.0
"""High over, or low under, both open and close by this factor: a misplaced point, not a trade."""

_USUAL: Final = 20
_LEAST: Final = 10
_TRADED: Final = 0.1
_TURNOVER: Final = 1e6
"""USD that cannot change hands at one price all day; a thinly traded symbol may rightly show one."""

_WIDE: Final = 0.3
"""USD between high and low from which four equal prices in a row are no coincidence, even at ticks of five cents."""

_FEW: Final = 5
_ELSEWHERE: Final = ("closed_day", "other_subject")


def check_bars(sifted: Sifted, case: Case) -> Sifted:
    """Judge the bars of one symbol and source.

    Rules, in order: the currency; days without a session, sessions that are not over; impossible figures; open or close
    outside high-low; bars that repeat the session before; and then what makes a whole answer unusable: an end or a
    beginning well inside what is stored, over half of its sessions missing, another basis or another share than the
    stored bars, prices and splits that contradict each other.
    """
    if sifted.good.filter(pl.col("currency").eq_missing("USD").not_()).height:
        return sifted.refuse("currency")
    sifted = _finished(sifted, case)
    sifted = sifted.judge(_by_itself(case, sifted.rows))
    sifted = _notes(_not_repeated(sifted, case))
    sifted = _complete(_not_cut_short(sifted, case), case)
    basis = compare(sifted.good, case)
    if basis.reason and not case.trusted:
        sifted = sifted.refuse(basis.reason)
    if basis.partial:
        sifted = sifted.refuse("partial_correction")
    found = moves(sifted.good, case)
    if found.contradict:
        sifted = sifted.refuse("split_inconsistent")
    corrected = basis.corrected if sifted.good.height else ()
    return sifted.note(_split_corrected(corrected), _large_returns(case, found.large))


def _finished(sifted: Sifted, case: Case) -> Sifted:
    """Leave out today's bar while its session goes on or has just closed: its figures are not final."""
    open_today = last_completed(case.order.now) < case.today and trading_days(case.today, case.today).size > 0
    running = (pl.col("date") == case.today) & pl.lit(open_today)
    out = sifted.rows.filter(running)
    message = "bars: a session that is not over, or closed under 15 minutes ago; left out until it is."
    left = replace(sifted, rows=sifted.rows.filter(~running))
    return left.note(finding("unfinished_session", "info", labels("bars", out), message, out.height))


def _by_itself(case: Case, rows: pl.DataFrame) -> Sequence[Rule]:
    first = min(rows["date"].to_list(), default=case.today)
    sessions = trading_days(first, case.today)
    open_day = pl.col("date").is_in(pl.Series(sessions).cast(pl.Date).implode())
    impossible = [~pl.col(name).is_finite() | (pl.col(name) <= 0) for name in _PRICES]
    volume = ~pl.col("volume").is_finite() | (pl.col("volume") < 0)
    top, bottom = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    spike = (pl.col("high") > _SPIKE * top) | (pl.col("low") < bottom / _SPIKE)
    return (
        ("closed_day", ~open_day),
        ("bad_figure", pl.any_horizontal(pl.col("close").is_null(), volume, spike, *impossible)),
        ("outside_high_low", _outside() > _BEYOND),
    )


def _outside() -> pl.Expr:
    """Return how far open or close, or the low itself, lie beyond the range, as a share of the price."""
    top, bottom = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    high, low = pl.col("high"), pl.col("low")
    return pl.max_horizontal(top / high, low / bottom, low / high) - 1


def _usual(figure: pl.Expr) -> pl.Expr:
    """Return what was usual before a bar: the median of the sessions up to the one before."""
    return figure.rolling_median(window_size=_USUAL, min_samples=_LEAST).shift(1)


def _not_repeated(sifted: Sifted, case: Case) -> Sifted:
    """Refuse bars that are the session before over again.

    That is: every price the same, and the volume too, or a range wide enough that this is no coincidence; or no range
    at all at the close before, while a tenth of the usual volume and a million dollars' worth or more was traded in a
    symbol that usually moves.
    """
    path = _path(sifted, case)
    if path.height < 2:
        return sifted
    place = np.searchsorted(_sessions(path), path["date"].to_numpy())
    next_one = pl.Series(np.diff(place, prepend=place[0] - 2) == 1)
    same = pl.all_horizontal([pl.col(name) == pl.col(name).shift(1) for name in _PRICES])
    wide = pl.col("high") - pl.col("low") >= _WIDE
    again = same & ((pl.col("volume") == pl.col("volume").shift(1)) | wide) & (pl.col("volume") > 0)
    before = pl.col("close").shift(1)
    flat = pl.all_horizontal([pl.col(name) == before for name in _PRICES])
    moves_usually = _usual(pl.col("high") - pl.col("low")) > 0
    traded = pl.col("volume") >= _TRADED * _usual(pl.col("volume"))
    busy = pl.col("close") * pl.col("volume") >= _TURNOVER
    stale = path.filter(next_one & (again | (flat & moves_usually & traded & busy)))
    return sifted.judge([("stale_repeat", pl.col("date").is_in(stale["date"].implode()))])


def _path(sifted: Sifted, case: Case) -> pl.DataFrame:
    """Return the bars to look at, stored ones where the answer has none, oldest first."""
    good = sifted.good.drop("reason")
    stored = case.known.filter(pl.col("close") > 0).join(good, on="date", how="anti")
    return pl.concat([stored, good]).sort("date")


def _sessions(path: pl.DataFrame) -> DateArray:
    days = path["date"]
    return trading_days(days[0], days[-1])


def _notes(sifted: Sifted) -> Sifted:
    """Name what is odd but kept."""
    good = sifted.good
    slightly = good.filter(_outside() > _ROUNDING)
    still = good.filter(pl.col("volume") == 0)
    beyond = "bars: open or close up to 0.5 % outside high-low; kept."
    return sifted.note(
        finding("outside_high_low", "info", labels("bars", slightly), beyond, slightly.height),
        finding("zero_volume", "info", labels("bars", still), "bars: no shares traded; kept.", still.height),
    )


def _told(sifted: Sifted) -> DateArray:
    """Return the days that the answer has a bar of, usable or not, oldest first."""
    elsewhere = pl.col("reason").is_in(_ELSEWHERE).fill_null(value=False)
    days: DateArray = sifted.rows.filter(~elsewhere)["date"].unique().sort().to_numpy()
    return days


def _not_cut_short(sifted: Sifted, case: Case) -> Sifted:
    """Refuse an answer that ends long before the newest stored bar of its span, or begins long after the oldest.

    Such an answer is not the whole truth, so that what it leaves out is no word on anything. A symbol that left the
    market is safe: its stored bars end where the answer ends.
    """
    told = _told(sifted)
    stored = case.known["date"].filter(case.known["date"] >= case.batch.since).to_numpy()
    if not told.size or not stored.size:
        return sifted
    first, last, oldest, newest = (day.item() for day in (told[0], told[-1], stored[0], stored[-1]))
    if trading_days(last, newest).size - 1 > _FEW:
        said = f"the answer ends on {last}, though bars up to {newest} are stored: cut short; refused whole."
        return sifted.refuse("cut_short", said)
    if trading_days(oldest, first).size - 1 > _FEW:
        said = f"the answer begins on {first}, though bars from {oldest} are stored: cut short; refused whole."
        return sifted.refuse("cut_short", said)
    return sifted


def _complete(sifted: Sifted, case: Case) -> Sifted:
    """Name the sessions that the answer lacks; refuse it if it lacks most of those it spans.

    Sessions after its last bar are named but do not count against it: a symbol may have left the market.
    """
    told = _told(sifted)
    stored = case.known["date"].head(1).to_numpy()
    if not told.size + stored.size:
        return sifted
    oldest = np.concatenate([told[:1], stored]).min().item()
    expected = case.sessions(max(case.batch.since, oldest))
    missing = expected[~np.isin(expected, told)]
    spanned, inside = (int((these <= told[-1]).sum()) if told.size else 0 for these in (expected, missing))
    if inside > _FEW and inside > spanned / 2:
        sifted = sifted.refuse("mostly_missing")
    examples = [f"{case.batch.subject} {day}" for day in missing]
    message = f"bars: {_missing(missing.size, missing.size - inside)}; left unknown."
    late = inside == 0 and missing.size <= 1
    return sifted.note(finding("missing_sessions", "info" if late else "warning", examples, message))


def _missing(count: int, after: int) -> str:
    if count == 1:
        return "1 session is missing" + (", after the last bar" if after else "")
    return f"{count:,} sessions are missing" + (f", {after:,} of them after the last bar" if after else "")


def _split_corrected(corrected: Sequence[str]) -> Finding:
    message = (
        "bars: the source tells a split otherwise than before; closes before that day changed by its factor; kept."
    )
    return finding("split_corrected", "warning", corrected, message)


def _large_returns(case: Case, large: Sequence[str]) -> Finding:
    examples = [f"{case.batch.subject} {move}" for move in large]
    message = "bars: moves beyond 50 % in one session that no split or dividend explains; kept."
    return finding("large_returns", "warning", examples, message)
